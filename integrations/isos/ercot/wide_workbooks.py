"""ERCOT's workbooks of history with many numbers a line: generation by fuel (a column a quarter), native load (a zone).

Numbers are taken a column at a time, and the moments of a day are worked out once.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from integrations.isos.codes import combine, first_repeat
from integrations.isos.csv_faults import MAX_NUMBER
from integrations.isos.documents import Document
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.times import QUARTER_S
from integrations.isos.errors import unreadable
from integrations.isos.gaps import Intervals
from integrations.isos.grids import EMPTY, NUMBER, Grid, grid_of
from integrations.isos.heads import CsvFile, column_key
from integrations.isos.local_time import (
    HOUR_S,
    ClockError,
    calendar_date,
    halves_of,
    local_to_utc_second,
    midnight_of_plain_day,
    of_each,
)
from integrations.isos.series import series_publication, series_rows
from integrations.isos.sheet_reading import header_of, shown
from integrations.isos.ticks import Codes, Floats, Ints, ParsedPublication, labels, seconds

_QUARTER = re.compile(r"(\d{1,2}):(\d{2})(?::00)?( ?\(DST\))?", re.IGNORECASE)
_HOUR_ENDING = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?( DST)?", re.IGNORECASE)
_DAY_WITH_FUEL = re.compile(r"(\d{2}/\d{2}/)(\d{2})\s*[-_]\s*(\S.*)")
_DAY_AND_FUEL = "date-fuel"
_FUEL = ("fuel", "fueltype")
_FIRST_QUARTER = frozenset({"0:15", "00:15"})
_QUARTERS_A_DAY = 96
_NO_SUCH_TIME = -1
_LOAD_TOTAL = "ERCOT"
_LOAD_ZONES = frozenset({"coast", "east", "north", "south", "west", "southern"})


@dataclass(frozen=True)
class _Quarter:
    """A column: where it stands, when its quarter begins after midnight, whether it is the second pass, its name."""

    position: int
    after: timedelta
    second_pass: bool
    label: str


class _Table:
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
            name = names[code[repeat[1]]] or _LOAD_TOTAL
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


def generation_sheets(document: Document) -> list[str]:
    """The sheets of an `IntGenbyFuelYYYY` workbook that hold a month, of today's layout or the one to 2016."""
    found = []
    for name in document.sheets:
        keys = set(header_of(document, name).header.keys)
        if keys & _FIRST_QUARTER and (_DAY_AND_FUEL in keys or ("date" in keys and keys & set(_FUEL))):
            found.append(name)
    return found


def parse_generation(document: Document, sheets: Sequence[str]) -> ParsedPublication:
    """`IntGenbyFuelYYYY.xlsx`: series `generation`, category a fuel, in MWh a quarter of an hour.

    A column is named by the end of its quarter; those of the second pass of the repeated hour bear `(DST)` and stand at
    the end. The hour that spring skips is empty. Settlement is final where every row of the workbook says so.

    To 2016 one column names day and fuel (`01/01/15_Coal`), and how the columns of the two days of the clock change are
    meant differs from year to year: these days are left out.
    """
    table = _Table()
    settled = True
    for sheet in sheets:
        header = header_of(document, sheet)
        settlement, quarters = header.find("settlementtype"), _quarters(document, header)
        grid = grid_of(document.sheets[sheet])
        named = _named_lines(document, sheet, header, grid, [quarter.position for quarter in quarters])
        lines = [line for line, _, _ in named]
        if settlement is not None:
            settled &= not any(str(cell).strip().upper() == "INITIAL" for cell in grid.column(lines, settlement))
        values = _numbers(document, sheet, lines, {quarter.position: quarter.label for quarter in quarters})
        # A day has a line for each fuel.
        days: dict[datetime, int] = {}
        day_of = np.array([days.setdefault(midnight, len(days)) for _, midnight, _ in named], dtype=np.int64)
        starts = _starts(list(days), quarters)
        if (stray := (starts[day_of] == _NO_SUCH_TIME) & ~np.isnan(values)).any():
            number, column = np.argwhere(stray)[0].tolist()
            _refuse(document, sheet, lines[number], list(days)[day_of[number]], quarters[column])
        codes = np.array([table.code(fuel.lower().replace(" ", "_")) for _, _, fuel in named], dtype=np.int64)
        which = len(quarters) * day_of[:, np.newaxis] + np.arange(len(quarters))
        table.add(codes[:, np.newaxis], starts.ravel(), which, values)
    constants = {"series": "generation", "unit": "MWh"}
    vintage = "final" if settled else "preliminary"
    return table.publication(document, QUARTER_S, "category", constants, "int_gen_by_fuel", vintage)


def _named_lines(
    document: Document, sheet: str, header: CsvFile, grid: Grid, values: Sequence[int]
) -> list[tuple[int, datetime, str]]:
    """The lines (from 0) that have a fuel, with the midnight of their day and the fuel.

    Raises UnreadablePublication for any other line with something in its columns of `values`, but that of the total.
    """
    both = header.find(_DAY_AND_FUEL)
    day, fuel = (None, both) if both is not None else (header.need("Date"), header.need("Fuel", *_FUEL))
    found = []
    for line, cell in enumerate(grid.column(range(1, len(grid)), fuel), start=1):
        text = shown(cell)
        match = _DAY_WITH_FUEL.fullmatch(text)
        if day is not None and text:
            found.append((line, _midnight(document, sheet, line, grid.cell(line, day)), text))
        elif day is None and match:
            midnight = _midnight(document, sheet, line, f"{match[1]}20{match[2]}")
            if midnight_of_plain_day(midnight.date(), CENTRAL) is not None:
                found.append((line, midnight, match[3]))
        elif text.lower() != "total" and any(shown(grid.cell(line, position)) for position in values):
            wanted = "a fuel" if day is not None else "a day with a fuel, as 01/01/15_Coal"
            name = header.header.cells[fuel]
            raise unreadable(document.name, f"sheet {sheet}, {name}: {text[:40]!r} is not {wanted}", line + 1, name)
    return found


def load_sheets(document: Document) -> list[str]:
    """The sheets of a `Native_Load_YYYY.xlsx`: hours and weather zones."""
    found = []
    for name in document.sheets:
        keys = header_of(document, name).header.keys
        if keys[:1] and keys[0] in ("hourending", "hourend") and len(_LOAD_ZONES & set(keys)) >= 3 and "ercot" in keys:
            found.append(name)
    return found


def parse_load(document: Document, sheets: Sequence[str]) -> ParsedPublication:
    """Series `load`, area a weather zone as the workbook spells it or '' for ERCOT, in MW: hours by their end."""
    table = _Table()
    for sheet in sheets:
        header = header_of(document, sheet).header.cells
        named = {
            position: "" if column_key(area) == column_key(_LOAD_TOTAL) else area
            for position, area in enumerate(header) if position
        }  # fmt: skip
        grid = grid_of(document.sheets[sheet])
        has_hour = grid.kinds[1:, 0] != EMPTY
        if (stray := ~has_hour & (grid.kinds[1:] == NUMBER).any(axis=1)).any():
            problem = f"sheet {sheet}: the line has numbers and no hour: fill it in, or leave the line out"
            raise unreadable(document.name, problem, 2 + int(np.argmax(stray)), header[0])
        lines = [1 + line for line in np.flatnonzero(has_hour).tolist()]
        starts = _hour_starts(document, sheet, lines, grid.column(lines, 0))
        values = _numbers(document, sheet, lines, {position: area or _LOAD_TOTAL for position, area in named.items()})
        codes = np.array([table.code(area) for area in named.values()], dtype=np.int32)
        table.add(codes, starts, np.arange(len(starts))[:, np.newaxis], values)
    return table.publication(document, HOUR_S, "area", {"series": "load", "unit": "MW"}, "native_load", "final")


def _numbers(document: Document, sheet: str, lines: Sequence[int], columns: Mapping[int, str]) -> Floats:
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


def _quarters(document: Document, header: CsvFile) -> list[_Quarter]:
    """Raises UnreadablePublication for a time that ends no quarter, and to 2016 for a day without its 96 columns."""
    found = []
    for position, cell in enumerate(header.header.cells):
        if match := _QUARTER.fullmatch(cell):
            end = timedelta(hours=int(match[1]), minutes=int(match[2])) or timedelta(days=1)
            if end > timedelta(days=1) or end % timedelta(seconds=QUARTER_S):
                problem = f"{cell!r} is not the end of a quarter of an hour"
                raise unreadable(document.name, problem, header.header.number, cell)
            found.append(_Quarter(position, end - timedelta(seconds=QUARTER_S), bool(match[3]), cell))
    there = {quarter.after for quarter in found}
    if header.find(_DAY_AND_FUEL) is not None and len(there) < _QUARTERS_A_DAY:
        problem = f"the header has {len(there)} of the {_QUARTERS_A_DAY} quarters of a day: download the workbook again"
        raise unreadable(document.name, problem, header.header.number)
    return found


def _starts(days: Sequence[datetime], quarters: Sequence[_Quarter]) -> Ints:
    """When each column's quarter of each day begins, _NO_SUCH_TIME where a day has no such quarter."""
    found = np.full((len(days), len(quarters)), _NO_SUCH_TIME, dtype=np.int64)
    after_s = np.array([quarter.after // timedelta(seconds=1) for quarter in quarters], dtype=np.int64)
    once = np.array([not quarter.second_pass for quarter in quarters], dtype=np.bool_)
    for row, midnight in zip(found, days, strict=True):
        plain = midnight_of_plain_day(midnight.date(), CENTRAL)
        if plain is not None:
            row[once] = plain + after_s[once]
            continue
        for number, quarter in enumerate(quarters):
            with suppress(ClockError):
                row[number] = local_to_utc_second(midnight + quarter.after, CENTRAL, quarter.second_pass)
    return found


def _refuse(document: Document, sheet: str, line: int, midnight: datetime, quarter: _Quarter) -> NoReturn:
    """Raise UnreadablePublication for a number in a quarter that its day does not have."""
    try:
        local_to_utc_second(midnight + quarter.after, CENTRAL, quarter.second_pass)
    except ClockError as error:
        raise unreadable(document.name, f"sheet {sheet}, {quarter.label}: {error}", line + 1) from None
    raise AssertionError("a quarter was refused that its day has")


def _hour_starts(document: Document, sheet: str, lines: Sequence[int], cells: Sequence[Any]) -> Ints:
    """The start of the hour that ends at each cell. Of texts, the days and the hours are read once each."""
    starts = np.full(len(cells), _NO_SUCH_TIME, dtype=np.int64)
    if cells and set(map(type, cells)) == {str} and (halves := halves_of(pa.array(cells, pa.string()), " ")):
        midnights, hours = (of_each(half, read) for half, read in zip(halves, (_plain_midnight, _hour_s), strict=True))
        starts = np.where((midnights == _NO_SUCH_TIME) | (hours == _NO_SUCH_TIME), _NO_SUCH_TIME, midnights + hours)
    for row in np.flatnonzero(starts == _NO_SUCH_TIME).tolist():
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
    """When a day of 24 hours begins, else _NO_SUCH_TIME."""
    try:
        midnight = midnight_of_plain_day(calendar_date(day), CENTRAL)
    except ClockError:
        return _NO_SUCH_TIME
    return _NO_SUCH_TIME if midnight is None else midnight


def _hour_s(clock: str) -> int:
    """When the hour that ends then begins after midnight, in seconds; _NO_SUCH_TIME for a second pass and no hour."""
    hour, second_pass = _hour_of(clock) or (0, True)
    return _NO_SUCH_TIME if second_pass else (hour - 1) * HOUR_S


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


def _midnight(document: Document, sheet: str, line: int, cell: Any) -> datetime:
    if isinstance(cell, datetime | date):
        return datetime(cell.year, cell.month, cell.day)
    try:
        day = calendar_date(str(cell).strip())
    except ClockError as error:
        raise unreadable(document.name, f"sheet {sheet}: {error}", line + 1) from None
    return datetime(day.year, day.month, day.day)
