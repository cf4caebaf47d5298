"""ERCOT's workbooks of native load (`Native_Load_YYYY`): a line an hour, a column a weather zone.

Numbers are taken a column at a time, and days and hours are read once each.
"""

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from integrations.isos.documents import Document
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.wide_tables import NO_SUCH_TIME, TOTAL, WideTable, numbers_of
from integrations.isos.errors import unreadable
from integrations.isos.grids import EMPTY, NUMBER, grid_of
from integrations.isos.heads import column_key
from integrations.isos.local_time import (
    HOUR_S,
    ClockError,
    calendar_date,
    halves_of,
    local_to_utc_second,
    midnight_of_plain_day,
    of_each,
)
from integrations.isos.sheet_reading import header_of, shown
from integrations.isos.ticks import Ints, ParsedPublication

_HOUR_ENDING = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?( DST)?", re.IGNORECASE)
_ZONES = frozenset({"coast", "east", "north", "south", "west", "southern"})


def sheets_of(document: Document) -> list[str]:
    """The sheets of a `Native_Load_YYYY.xlsx`: hours and weather zones."""
    found = []
    for name in document.sheets:
        keys = header_of(document, name).header.keys
        if keys[:1] and keys[0] in ("hourending", "hourend") and len(_ZONES & set(keys)) >= 3 and "ercot" in keys:
            found.append(name)
    return found


def parse(document: Document, sheets: Sequence[str]) -> ParsedPublication:
    """Series `load`, area a weather zone as the workbook spells it or '' for ERCOT, in MW: hours by their end."""
    table = WideTable()
    for sheet in sheets:
        header = header_of(document, sheet).header.cells
        named = {
            position: "" if column_key(area) == column_key(TOTAL) else area
            for position, area in enumerate(header) if position
        }  # fmt: skip
        grid = grid_of(document.sheets[sheet])
        has_hour = grid.kinds[1:, 0] != EMPTY
        if (stray := ~has_hour & (grid.kinds[1:] == NUMBER).any(axis=1)).any():
            problem = f"sheet {sheet}: the line has numbers and no hour: fill it in, or leave the line out"
            raise unreadable(document.name, problem, 2 + int(np.argmax(stray)), header[0])
        lines = [1 + line for line in np.flatnonzero(has_hour).tolist()]
        starts = _hour_starts(document, sheet, lines, grid.column(lines, 0))
        values = numbers_of(document, sheet, lines, {position: area or TOTAL for position, area in named.items()})
        codes = np.array([table.code(area) for area in named.values()], dtype=np.int32)
        table.add(codes, starts, np.arange(len(starts))[:, np.newaxis], values)
    return table.publication(document, HOUR_S, "area", {"series": "load", "unit": "MW"}, "native_load", "final")


def _hour_starts(document: Document, sheet: str, lines: Sequence[int], cells: Sequence[Any]) -> Ints:
    """The start of the hour that ends at each cell. Of texts, the days and the hours are read once each."""
    starts = np.full(len(cells), NO_SUCH_TIME, dtype=np.int64)
    if cells and set(map(type, cells)) == {str} and (halves := halves_of(pa.array(cells, pa.string()), " ")):
        midnights, hours = (of_each(half, read) for half, read in zip(halves, (_plain_midnight, _hour_s), strict=True))
        starts = np.where((midnights == NO_SUCH_TIME) | (hours == NO_SUCH_TIME), NO_SUCH_TIME, midnights + hours)
    for row in np.flatnonzero(starts == NO_SUCH_TIME).tolist():
        starts[row] = _hour_start(document, sheet, lines[row], cells[row])
    return _second_passes(starts)


def _second_passes(starts: Ints) -> Ints:
    """Where an hour that the clock repeats stands there twice without a mark (to 2016), the later line is the later."""
    is_again = np.ones(len(starts), dtype=np.bool_)
    is_again[np.unique(starts, return_index=True)[1]] = False
    for row in np.flatnonzero(is_again).tolist():
        local = datetime.fromtimestamp(int(starts[row]), CENTRAL)
        again = int(local.replace(fold=1).timestamp())
        if again != starts[row] and again not in starts:
            starts[row] = again
    return starts


def _plain_midnight(day: str) -> int:
    """When a day of 24 hours begins, else NO_SUCH_TIME."""
    try:
        midnight = midnight_of_plain_day(calendar_date(day), CENTRAL)
    except ClockError:
        return NO_SUCH_TIME
    return NO_SUCH_TIME if midnight is None else midnight


def _hour_s(clock: str) -> int:
    """When the hour that ends then begins after midnight, in seconds; NO_SUCH_TIME for a second pass and no hour."""
    hour, second_pass = _hour_of(clock) or (0, True)
    return NO_SUCH_TIME if second_pass else (hour - 1) * HOUR_S


def _hour_start(document: Document, sheet: str, line: int, cell: Any) -> int:
    """The start of an hour ending at `11/03/2024 02:00 DST` (the second pass) or at a cell with a date and a time."""
    # A workbook keeps times as fractions of a day, so an hour may lie a blink before its mark.
    text = shown(cell + timedelta(seconds=30)) if isinstance(cell, datetime) else str(cell).strip()
    day, _, clock = text.partition(" ")
    try:
        if (found := _hour_of(clock)) is None:
            raise ClockError(f"{text!r} is not the end of an hour")
        hour, second_pass = found
        local = datetime.combine(calendar_date(day), time()) + timedelta(hours=hour - 1)
        return local_to_utc_second(local, CENTRAL, second_pass)
    except ClockError as error:
        raise unreadable(document.name, f"sheet {sheet}: {error}", line + 1) from None


@lru_cache(maxsize=256)
def _hour_of(clock: str) -> tuple[int, bool] | None:
    """The hour that ends then, and whether it is the second pass; None for what is no end of an hour."""
    found = _HOUR_ENDING.fullmatch(clock)
    if not found or int(found[2]) or int(found[1]) > 24:
        return None
    return int(found[1]), bool(found[3])
