"""ERCOT's workbooks of generation by fuel (`IntGenbyFuelYYYY`): a line a day and fuel, a column a quarter of an hour.

Numbers are taken a column at a time, and the moments of a day are worked out once.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NoReturn

import numpy as np

from integrations.isos.documents import Document
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.times import QUARTER_S
from integrations.isos.ercot.wide_tables import NO_SUCH_TIME, WideTable, numbers_of
from integrations.isos.errors import unreadable
from integrations.isos.grids import Grid, grid_of
from integrations.isos.heads import CsvFile
from integrations.isos.local_time import ClockError, calendar_date, local_to_utc_second, midnight_of_plain_day
from integrations.isos.sheet_reading import header_of, shown
from integrations.isos.ticks import Ints, ParsedPublication

_QUARTER = re.compile(r"(\d{1,2}):(\d{2})(?::00)?( ?\(DST\))?", re.IGNORECASE)
_DAY_WITH_FUEL = re.compile(r"(\d{2}/\d{2}/)(\d{2})\s*[-_]\s*(\S.*)")
_DAY_AND_FUEL = "date-fuel"
_FUEL = ("fuel", "fueltype")
_FIRST_QUARTER = frozenset({"0:15", "00:15"})
_QUARTERS_A_DAY = 96


@dataclass(frozen=True)
class _Quarter:
    """A column: where it stands, when its quarter begins after midnight, whether it is the second pass, its name."""

    position: int
    after: timedelta
    second_pass: bool
    label: str


def sheets_of(document: Document) -> list[str]:
    """The sheets of an `IntGenbyFuelYYYY` workbook that hold a month, of today's layout or the one to 2016."""
    found = []
    for name in document.sheets:
        keys = set(header_of(document, name).header.keys)
        if keys & _FIRST_QUARTER and (_DAY_AND_FUEL in keys or ("date" in keys and keys & set(_FUEL))):
            found.append(name)
    return found


def parse(document: Document, sheets: Sequence[str]) -> ParsedPublication:
    """`IntGenbyFuelYYYY.xlsx`: series `generation`, category a fuel, in MWh a quarter of an hour.

    A column is named by the end of its quarter; those of the second pass of the repeated hour bear `(DST)` and stand at
    the end. The hour that spring skips is empty. Settlement is final where every row of the workbook says so.

    To 2016 one column names day and fuel (`01/01/15_Coal`), and how the columns of the two days of the clock change are
    meant differs from year to year: these days are left out.
    """
    table = WideTable()
    settled = True
    for sheet in sheets:
        header = header_of(document, sheet)
        settlement, quarters = header.find("settlementtype"), _quarters(document, header)
        grid = grid_of(document.sheets[sheet])
        named = _named_lines(document, sheet, header, grid, [quarter.position for quarter in quarters])
        lines = [line for line, _, _ in named]
        if settlement is not None:
            settled &= not any(str(cell).strip().upper() == "INITIAL" for cell in grid.column(lines, settlement))
        values = numbers_of(document, sheet, lines, {quarter.position: quarter.label for quarter in quarters})
        # A day has a line for each fuel.
        days: dict[datetime, int] = {}
        day_of = np.array([days.setdefault(midnight, len(days)) for _, midnight, _ in named], dtype=np.int64)
        starts = _starts(list(days), quarters)
        if (stray := (starts[day_of] == NO_SUCH_TIME) & ~np.isnan(values)).any():
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
    """When each column's quarter of each day begins, NO_SUCH_TIME where a day has no such quarter."""
    found = np.full((len(days), len(quarters)), NO_SUCH_TIME, dtype=np.int64)
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


def _midnight(document: Document, sheet: str, line: int, cell: Any) -> datetime:
    if isinstance(cell, datetime | date):
        return datetime(cell.year, cell.month, cell.day)
    try:
        day = calendar_date(str(cell).strip())
    except ClockError as error:
        raise unreadable(document.name, f"sheet {sheet}: {error}", line + 1) from None
    return datetime(day.year, day.month, day.day)
