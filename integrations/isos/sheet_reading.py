"""Columns of a workbook's sheets, read as those of a CSV file are: one layout, one sheet after the other."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from integrations.isos.csv_faults import MAX_NUMBER
from integrations.isos.csv_reading import Frame
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, HeadLine
from integrations.isos.ticks import Floats

_EMPTY = ""


class SheetFrame(Frame):
    """Rows of sheets; a fault names the sheet and the line in it."""

    def __init__(self, document: Document, table: pa.Table, lines: Mapping[str, Sequence[int]]) -> None:
        super().__init__([], [], [table])
        self._document = document
        self._lines = lines

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
    sheets: Sequence[str],
    positions: Callable[[CsvFile], Mapping[str, int]],
    numbers: frozenset[str],
) -> SheetFrame:
    """Columns of all the sheets, whose first line is a header; blank lines are left out.

    `positions` tells by a header where our columns stand. Raises UnreadablePublication for a missing column, for text
    where a number belongs, and for no rows at all.
    """
    parts: dict[str, list[pa.Array]] = {}
    filled: dict[str, Sequence[int]] = {}
    for sheet in sheets:
        header = header_of(document, sheet)
        rows = document.sheets[sheet][1:]
        filled[sheet] = [
            line for line, row in enumerate(rows, start=2) if row[0] != _EMPTY or any(cell != _EMPTY for cell in row)
        ]
        if len(filled[sheet]) < len(rows):
            rows = [rows[line - 2] for line in filled[sheet]]
        for name, position in positions(header).items():
            convert = _number_column if name in numbers else _text_column
            cells = [row[position] for row in rows]
            try:
                parts.setdefault(name, []).append(convert(cells))
            except ValueError as error:
                _refuse_cell(document, sheet, name, cells, filled[sheet], error)
    if not any(filled.values()):
        raise unreadable(document.name, "there is a header and no row below it")
    if short := [name for name, found in parts.items() if len(found) < len(sheets)]:
        raise unreadable(document.name, f"not every sheet has the column {short[0]}")
    return SheetFrame(document, pa.table({name: pa.chunked_array(found) for name, found in parts.items()}), filled)


def plain_numbers(cells: Sequence[Any]) -> Floats | None:
    """The numbers of a column, NaN where a cell is empty; None where one is anything else."""
    kinds = set(map(type, cells))
    if str in kinds and not any(cell.strip() for cell in cells if type(cell) is str):
        cells = [None if type(cell) is str else cell for cell in cells]
        kinds = kinds - {str} | {type(None)}
    return np.array(cells, dtype=np.float64) if kinds <= {int, float, bool, type(None)} else None


def _text_column(cells: Sequence[Any]) -> pa.Array:
    kinds = set(map(type, cells))
    if kinds == {str}:
        return pa.array(cells, pa.string())
    if bool in kinds:  # which is equal to a number that it is not shown as
        return pa.array([shown(cell) for cell in cells], pa.string())
    words = {cell: shown(cell) for cell in set(cells)}
    return pa.array([words[cell] for cell in cells], pa.string())


def _number_column(cells: Sequence[Any]) -> pa.Array:
    """Raises ValueError where a cell is no number."""
    numbers = plain_numbers(cells)
    if numbers is None or bool in set(map(type, cells)) or (np.abs(numbers) > MAX_NUMBER).any():
        numbers = np.array([_number(cell) for cell in cells], dtype=np.float64)
    return pa.array(numbers, from_pandas=True)


def _refuse_cell(
    document: Document, sheet: str, name: str, cells: Sequence[Any], lines: Sequence[int], problem: ValueError
) -> NoReturn:
    for line, cell in zip(lines, cells, strict=True):
        try:
            _number(cell)
        except ValueError as error:
            raise unreadable(document.name, f"sheet {sheet}, {name}: {error}", line) from None
    raise problem


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
