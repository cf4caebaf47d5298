"""Columns of a workbook's sheets, read as those of a CSV file are: one layout, one sheet after the other."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, NoReturn

import pyarrow as pa

from integrations.isos.csv_faults import MAX_NUMBER
from integrations.isos.csv_reading import Frame
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, HeadLine

_EMPTY = ""


class SheetFrame(Frame):
    """Rows of sheets; a fault names the sheet and the line in it."""

    def __init__(self, document: Document, table: pa.Table, places: Sequence[tuple[str, int]]) -> None:
        super().__init__([], [], [table])
        self._document = document
        self._places = places

    def fail(self, row: int, column: str, problem: str) -> NoReturn:
        """Raise UnreadablePublication at a row (from 0)."""
        sheet, line = self._places[row]
        raise unreadable(self._document.name, f"sheet {sheet}, {column}: {problem}", line)

    def lines(self, *rows: int) -> str:
        """Words for the lines of rows, for a fault that has two."""
        return " and ".join(f"{self._places[row][1]} of sheet {self._places[row][0]}" for row in rows)


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
    columns: dict[str, list[Any]] = {}
    places: list[tuple[str, int]] = []
    for sheet in sheets:
        header = header_of(document, sheet)
        lines = enumerate(document.sheets[sheet][1:], start=2)
        filled = [(line, row) for line, row in lines if any(cell != _EMPTY for cell in row)]
        places += [(sheet, line) for line, _ in filled]
        for name, position in positions(header).items():
            convert = _number if name in numbers else shown
            cells = columns.setdefault(name, [])
            for line, row in filled:
                try:
                    cells.append(convert(row[position]))
                except ValueError as error:
                    raise unreadable(document.name, f"sheet {sheet}, {name}: {error}", line) from None
    if not places:
        raise unreadable(document.name, "there is a header and no row below it")
    if short := [name for name, cells in columns.items() if len(cells) < len(places)]:
        raise unreadable(document.name, f"not every sheet has the column {short[0]}")
    types = {name: pa.float64() if name in numbers else pa.string() for name in columns}
    arrays = {name: pa.array(cells, types[name]) for name, cells in columns.items()}
    return SheetFrame(document, pa.table(arrays), places)


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
