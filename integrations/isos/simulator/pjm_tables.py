"""Tables as Data Miner hands them out: JSON of the API with its links and totals, or CSV.

The same columns either way, but a moment is `2025-06-15T08:00:00` in JSON and `6/15/2025 8:00:00 AM` in CSV.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from integrations.isos.simulator.columns import csv_rows
from integrations.isos.simulator.intervals import MARKET_ZONES
from integrations.isos.simulator.market import Units
from integrations.isos.simulator.texts import decimals, repeated, rows

EASTERN: Final = MARKET_ZONES["PJM"]
Codes = NDArray[np.int64]


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
    """(rows,) numbers in units of the last of `decimals`."""

    units: Units
    decimals: int

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


def csv_of(table: Table) -> bytes:
    """The table with a header, as the export of Data Miner's page."""
    columns = [_texts(column, _us_clock, ("False", "True"), str) for column in table.values()]
    return ",".join(table).encode() + b"\r\n" + csv_rows(columns, "\r\n")


def json_of(table: Table, total_rows: int, links: Sequence[Mapping[str, str]]) -> bytes:
    """One page of an answer of the API."""
    parts: list[pa.Array | str] = []
    for name, column in table.items():
        parts += [f'{"," if parts else "{"}"{name}":', _texts(column, _iso_clock, ("false", "true"), json.dumps)]
    items = rows(*parts, "},")[:-1] if rows_of(table) else b""
    return f'{{"links":{json.dumps(list(links))},"items":['.encode() + items + f'],"totalRows":{total_rows}}}'.encode()


def _texts(
    column: Column, clock: Callable[[datetime], str], flags: tuple[str, str], quoted: Callable[[str], str]
) -> pa.Array:
    if isinstance(column, Numbers):
        return decimals(column.units, column.decimals)
    if isinstance(column, Flags):
        return repeated(flags, column.values.astype(np.int64))
    if isinstance(column, Texts):
        return repeated([quoted(value) for value in column.values], column.codes)
    distinct, codes = np.unique(column.seconds, return_inverse=True)
    return repeated([quoted(clock(datetime.fromtimestamp(second, column.zone))) for second in distinct.tolist()], codes)


def _iso_clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}"


def _us_clock(moment: datetime) -> str:
    """As in 6/15/2025 4:00:00 AM."""
    half = "AM" if moment.hour < 12 else "PM"
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:{moment:%M:%S} {half}"
