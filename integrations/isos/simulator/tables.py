"""Tables by columns: moments, texts, numbers and flags, whatever format they are written in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from integrations.isos.simulator.market import Units
from integrations.isos.simulator.shapes import Floats

Codes = NDArray[np.int64]

EMPTY: Final = int(np.iinfo(np.int64).min)
"""The units of a number that is not there."""


@dataclass(frozen=True)
class Moments:
    """(rows,) moments, in seconds since 1970 UTC, shown on the clock of `zone`."""

    seconds: Codes
    zone: tzinfo = UTC

    def rows(self, first: int, last: int) -> "Moments":
        return Moments(self.seconds[first:last], self.zone)


@dataclass(frozen=True)
class Texts:
    """(rows,) codes into `values`."""

    codes: Codes
    values: Sequence[str]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Texts":
        """(rows,) texts as they are."""
        code_of = {text: code for code, text in enumerate(dict.fromkeys(texts))}
        return cls(np.array([code_of[text] for text in texts], dtype=np.int64), list(code_of))

    def repeated(self, count: int) -> "Texts":
        """All of them `count` times over."""
        return Texts(np.tile(self.codes, count), self.values)

    def rows(self, first: int, last: int) -> "Texts":
        return Texts(self.codes[first:last], self.values)


@dataclass(frozen=True)
class Numbers:
    """(rows,) numbers in units of the last of `decimals`, or `EMPTY`."""

    units: Units
    decimals: int

    @classmethod
    def rounded(cls, values: Floats, decimals: int) -> "Numbers":
        """(rows,) values rounded to so many decimals; what is not a number is empty."""
        units = np.rint(np.where(np.isnan(values), 0.0, values) * 10.0**decimals).astype(np.int64)
        return cls(np.where(np.isnan(values), EMPTY, units), decimals)

    def rows(self, first: int, last: int) -> "Numbers":
        return Numbers(self.units[first:last], self.decimals)


@dataclass(frozen=True)
class Flags:
    """(rows,) yes or no."""

    values: NDArray[np.bool_]

    def rows(self, first: int, last: int) -> "Flags":
        return Flags(self.values[first:last])


Column = Moments | Texts | Numbers | Flags
Table = Mapping[str, Column]


def cut(table: Table, first: int, last: int) -> Table:
    """Rows `first` to `last`, the last one excluded."""
    return {name: column.rows(first, last) for name, column in table.items()}


def rows_of(table: Table) -> int:
    """How many rows it has."""
    return len(next(iter(vars(next(iter(table.values()))).values()))) if table else 0
