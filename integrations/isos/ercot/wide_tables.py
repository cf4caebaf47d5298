"""Workbooks of history with many numbers a line: a table of what was gathered of them, and their columns of numbers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NoReturn

import numpy as np

from integrations.isos.codes import combine, first_repeat
from integrations.isos.csv_faults import MAX_NUMBER
from integrations.isos.documents import Document
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.errors import unreadable
from integrations.isos.gaps import Intervals
from integrations.isos.grids import Grid, grid_of
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import Codes, Floats, Ints, ParsedPublication, labels, seconds

NO_SUCH_TIME = -1
"""Instead of a start, for what a day does not have."""

TOTAL = "ERCOT"
"""What the column of the whole system is called, whose label is empty."""


class WideTable:
    """Numbers by label and start, gathered sheet by sheet."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._starts: list[Ints] = []
        self._parts: list[tuple[Codes, Ints, Floats]] = []

    def code(self, label: str) -> int:
        return self._codes.setdefault(label, len(self._codes))

    def add(self, code: Codes, starts: Ints, which: Ints, value: Floats) -> None:
        """Label, position in `starts` and value, lines by columns; NaN is an empty cell."""
        there = ~np.isnan(value)
        moved = which + sum(map(len, self._starts))
        self._starts.append(starts)
        codes: Ints = np.broadcast_to(code, value.shape)[there].astype(np.int64, copy=False)
        self._parts.append((codes, np.broadcast_to(moved, value.shape)[there], value[there]))

    def publication(
        self, document: Document, length_s: int, label: str, constants: dict[str, str], feed: str, vintage: str
    ) -> ParsedPublication:
        """The dataset fundamentals. Raises UnreadablePublication for a label that has an interval twice."""
        code, moment, value = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        if not len(value):
            raise unreadable(document.name, "it holds no number")
        names = list(self._codes)
        intervals = Intervals.of(np.concatenate(self._starts), moment)
        start = intervals.start()
        cells = combine([(code, len(names)), (intervals.code, len(intervals.starts))])
        if repeat := first_repeat(cells.code, len(cells)):
            shown_start = datetime.fromtimestamp(int(start[repeat[1]]), UTC).astimezone(CENTRAL)
            name = names[code[repeat[1]]] or TOTAL
            raise unreadable(document.name, f"{name} has the interval from {shown_start} twice")
        zeros = np.zeros(len(value), dtype=np.int32)
        columns = {
            **{column: labels(zeros, [constant]) for column, constant in constants.items()},
            label: labels(code, names),
            "interval_start_utc": seconds(start),
            "interval_end_utc": seconds(start + length_s),
            "value": value,
        }
        rows = series_rows("fundamentals", columns)
        return series_publication("fundamentals", rows, iso="ERCOT", feed=feed, vintage=vintage, parser=f"ercot.{feed}")


def numbers_of(document: Document, sheet: str, lines: Sequence[int], columns: Mapping[int, str]) -> Floats:
    """The numbers of lines (from 0) by columns, by position with their names; NaN where a cell is empty.

    Raises UnreadablePublication at the first cell that is something else, or beyond MAX_NUMBER.
    """
    grid = grid_of(document.sheets[sheet])
    found = grid.numbers(np.array(lines, dtype=np.intp), list(columns))
    if found is None or (np.abs(found) > MAX_NUMBER).any():
        _refuse_first_cell(document, sheet, grid, lines, columns)
    return found


def _refuse_first_cell(
    document: Document, sheet: str, grid: Grid, lines: Sequence[int], columns: Mapping[int, str]
) -> NoReturn:
    for line in lines:
        for position, name in columns.items():
            cell = grid.cell(line, position)
            is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
            if abs(cell) > MAX_NUMBER if is_number else str(cell).strip():
                raise unreadable(document.name, f"sheet {sheet}, {name}: {cell!r} is not a number up to 1e12", line + 1)
    raise AssertionError("a column of numbers was refused for nothing")
