"""The cells of a workbook's sheet in arrays, so that a column is read at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from integrations.isos.ticks import Floats

EMPTY, NUMBER, TEXT, OTHER = range(4)
"""What a cell holds; OTHER is a date, a time, a truth value or an error."""


@dataclass(frozen=True)
class Grid(Sequence[Sequence[Any]]):
    """A sheet from its first cell to its last filled one: lines by columns.

    `values` are the numbers; of a text the position in `words`, of another cell that in `others`; NaN where `kinds` is
    EMPTY. As a sequence it is the lines, each a list of Python objects, '' for an empty cell.
    """

    kinds: npt.NDArray[np.uint8]
    values: Floats
    words: Sequence[str]
    others: Sequence[Any] = field(default=())

    def __len__(self) -> int:
        return len(self.kinds)

    @overload
    def __getitem__(self, line: int) -> list[Any]: ...

    @overload
    def __getitem__(self, line: slice) -> list[list[Any]]: ...

    def __getitem__(self, line: int | slice) -> list[Any]:
        if isinstance(line, slice):
            return [self[number] for number in range(len(self))[line]]
        return list(map(self.object, self.kinds[line].tolist(), self.values[line].tolist()))

    def cell(self, line: int, column: int) -> Any:
        """One cell, as a line has it."""
        return self.object(int(self.kinds[line, column]), float(self.values[line, column]))

    def column(self, lines: Sequence[int], column: int) -> list[Any]:
        """The cells of a column in these lines."""
        places = np.array(lines, dtype=np.intp), column
        return list(map(self.object, self.kinds[places].tolist(), self.values[places].tolist()))

    def numbers(self, lines: slice | npt.NDArray[np.intp], columns: Sequence[int]) -> Floats | None:
        """The numbers of lines by columns, NaN where a cell is empty or blank; None where one is anything else."""
        kinds, values = self.kinds[lines][:, columns], self.values[lines][:, columns]
        if (kinds == OTHER).any():
            return None
        texts = kinds == TEXT
        if texts.any():
            if any(self.words[int(word)].strip() for word in np.unique(values[texts])):
                return None
            values[texts] = np.nan
        return values

    def object(self, kind: int, value: float) -> Any:
        """What a cell of `kinds` and `values` stands for."""
        if kind == NUMBER:
            return value
        if kind == TEXT:
            return self.words[int(value)]
        return self.others[int(value)] if kind == OTHER else ""


def grid_of(sheet: Sequence[Sequence[Any]]) -> Grid:
    """The grid that a sheet is, or that its lines make."""
    if isinstance(sheet, Grid):
        return sheet
    words: dict[str, int] = {}
    others: list[Any] = []
    shape = len(sheet), max(map(len, sheet), default=0)
    kinds, values = np.zeros(shape, dtype=np.uint8), np.full(shape, np.nan)
    for line, row in enumerate(sheet):
        for column, cell in enumerate(row):
            if type(cell) is float or type(cell) is int:
                kinds[line, column], values[line, column] = NUMBER, cell
            elif type(cell) is not str:
                kinds[line, column], values[line, column] = OTHER, len(others)
                others.append(cell)
            elif cell:
                kinds[line, column], values[line, column] = TEXT, words.setdefault(cell, len(words))
    return Grid(kinds, values, list(words), others)
