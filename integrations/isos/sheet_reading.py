"""Columns of a workbook's sheets, read as those of a CSV file are: one layout, one sheet after the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from integrations.isos.codes import compact
from integrations.isos.csv_faults import MAX_NUMBER
from integrations.isos.csv_reading import Frame
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.grids import EMPTY, TEXT, Grid, grid_of
from integrations.isos.heads import CsvFile, HeadLine
from integrations.isos.ticks import Floats, Ints

_Encoded = tuple[Ints, pa.StringArray]
"""Codes and distinct values."""


class SheetFrame(Frame):
    """Rows of sheets; a fault names the sheet and the line in it. Texts come encoded."""

    def __init__(
        self, document: Document, numbers: pa.Table, texts: Mapping[str, _Encoded], lines: Mapping[str, Ints]
    ) -> None:
        super().__init__([], [], [numbers])
        self.rows = sum(map(len, lines.values()))
        self._document = document
        self._encoded_texts = texts
        self._lines = lines

    def has(self, column: str) -> bool:
        return column in self._encoded_texts or super().has(column)

    def _coded(self, column: str) -> _Encoded:
        return self._encoded_texts[column]

    def fail(self, row: int, column: str, problem: str) -> NoReturn:
        """Raise UnreadablePublication at a row (from 0)."""
        sheet, line = self._place(row)
        raise unreadable(self._document.name, f"sheet {sheet}, {column}: {problem}", line)

    def lines(self, *rows: int) -> str:
        """Words for the lines of rows, for a fault that has two."""
        return " and ".join("{1} of sheet {0}".format(*self._place(row)) for row in rows)

    def _place(self, row: int) -> tuple[str, int]:
        for sheet, lines in self._lines.items():
            if row < len(lines):
                return sheet, lines[row]
            row -= len(lines)
        raise IndexError(row)


def header_of(document: Document, sheet: str, line: int = 1) -> CsvFile:
    """The header line of a sheet, to find columns in it as in that of a CSV file."""
    rows = document.sheets[sheet]
    cells = tuple(shown(cell) for cell in rows[line - 1]) if len(rows) >= line else ()
    return CsvFile(document.name, b"", HeadLine(line, cells, 0))


def read_sheets(
    document: Document,
    sheets: Mapping[str, int],
    positions: Callable[[CsvFile], Mapping[str, int]],
    numbers: frozenset[str],
) -> SheetFrame:
    """Columns of all the sheets, each with the line (from 1) of its header; blank lines are left out.

    `positions` tells by a header where our columns stand. Raises UnreadablePublication for a missing column, for text
    where a number belongs, and for no rows at all.
    """
    grids = {sheet: grid_of(document.sheets[sheet]) for sheet in sheets}
    filled = {
        sheet: line + np.flatnonzero((grids[sheet].kinds[line:] != EMPTY).any(axis=1)) for sheet, line in sheets.items()
    }
    if not any(map(len, filled.values())):
        raise unreadable(document.name, "there is a header and no row below it: get it again, or leave it out")
    places = {sheet: positions(header_of(document, sheet, line)) for sheet, line in sheets.items()}
    names = dict.fromkeys(name for found in places.values() for name in found)
    if short := [name for name in names if any(name not in found for found in places.values())]:
        raise unreadable(document.name, f"not every sheet has the column {short[0]}")
    columns = {
        name: [_Column(document, sheet, name, grids[sheet], filled[sheet], places[sheet][name]) for sheet in sheets]
        for name in names
    }
    found = {name: np.concatenate([part.numbers() for part in columns[name]]) for name in names if name in numbers}
    texts = {name: _encoded(columns[name]) for name in names if name not in numbers}
    table = pa.table({name: pa.array(column, from_pandas=True) for name, column in found.items()})
    return SheetFrame(document, table, texts, {sheet: lines + 1 for sheet, lines in filled.items()})


@dataclass(frozen=True)
class _Column:
    """A column of one sheet's filled lines (from 0)."""

    document: Document
    sheet: str
    name: str
    grid: Grid
    lines: Ints
    position: int

    def numbers(self) -> Floats:
        """NaN where a cell is empty. Raises UnreadablePublication where one is no number."""
        found = self.grid.numbers(self.lines, [self.position])
        if found is None or (np.abs(found) > MAX_NUMBER).any():
            found = np.array([[self._number(int(line))] for line in self.lines], dtype=np.float64)
        return found[:, 0]

    def _number(self, line: int) -> float | None:
        try:
            return _number(self.grid.cell(line, self.position))
        except ValueError as error:
            raise unreadable(self.document.name, f"sheet {self.sheet}, {self.name}: {error}", line + 1) from None


def _encoded(columns: Sequence[_Column]) -> _Encoded:
    """A column of texts as codes and distinct texts; what is no text is taken as it is shown."""
    code_of: dict[str, int] = {}
    return np.concatenate([_codes(column, code_of) for column in columns]), pa.array(list(code_of), pa.string())


def _codes(column: _Column, code_of: dict[str, int]) -> Ints:
    """The code of each cell; `code_of` learns the texts that are new."""
    grid = column.grid
    kinds, values = grid.kinds[column.lines, column.position], grid.values[column.lines, column.position]
    codes = np.zeros(len(kinds), dtype=np.int64)
    for kind in np.unique(kinds).tolist():
        of_kind = kinds == kind
        if kind == TEXT:
            which, distinct = compact(values[of_kind].astype(np.int64), len(grid.words))
        else:
            distinct, which = np.unique(values[of_kind], return_inverse=True)
        words = [shown(grid.object(kind, value)) for value in distinct.tolist()]
        codes[of_kind] = np.array([code_of.setdefault(word, len(code_of)) for word in words])[which]
    return codes


def shown(cell: Any) -> str:
    """A cell as a CSV file would write it: whole numbers without a point, dates as `MM/DD/YYYY`."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, datetime):
        return f"{cell:%m/%d/%Y %H:%M:%S}"
    if isinstance(cell, date):
        return f"{cell:%m/%d/%Y}"
    if isinstance(cell, time):
        return f"{cell:%H:%M}"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _number(cell: Any) -> float | None:
    if isinstance(cell, str) and not cell.strip():
        return None
    number = float(cell) if isinstance(cell, int | float | str) and not isinstance(cell, bool) else float("nan")
    if not abs(number) <= MAX_NUMBER:
        raise ValueError(f"{shown(cell)!r} is not a number")
    return number
