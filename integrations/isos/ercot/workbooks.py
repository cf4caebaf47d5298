"""ERCOT's workbooks of history: hub and zone prices, ancillary prices, adders, generation by fuel, native load."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from integrations.isos.documents import Document
from integrations.isos.ercot import ancillary, ordc, prices
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.times import QUARTER_S, time_positions
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, column_key
from integrations.isos.local_time import HOUR_S, ClockError, calendar_date, local_to_utc_second
from integrations.isos.series import series_publication, series_rows
from integrations.isos.sheet_reading import header_of, read_sheets, shown
from integrations.isos.ticks import ParsedPublication

DAY_AHEAD_HISTORY = prices.Report(
    "dam_lzhb_spp", "DA", "SettlementPoint", "SettlementPointPrice", prices.DAY_AHEAD.expected
)
REAL_TIME_HISTORY = prices.Report(
    "rtm_lzhb_spp", "RT15", "SettlementPointName", "SettlementPointPrice", prices.REAL_TIME.expected,
    "SettlementPointType",
)  # fmt: skip

_QUARTER = re.compile(r"(\d{1,2}):(\d{2})(?::00)?( ?\(DST\))?", re.IGNORECASE)
_HOUR_ENDING = re.compile(r"(\S+) (\d{1,2}):(\d{2})(?::\d{2})?( DST)?", re.IGNORECASE)
_LOAD_TOTAL = "ERCOT"
_LOAD_ZONES = frozenset({"coast", "east", "north", "south", "west", "southern"})


def sheets_with(document: Document, *columns: str) -> list[str]:
    """The sheets whose first line has all these columns (as keys)."""
    return [name for name in document.sheets if set(columns) <= set(header_of(document, name).header.keys)]


def parse_prices(document: Document, report: prices.Report, sheets: Sequence[str]) -> ParsedPublication:
    """A year of prices of hubs and load zones, a sheet a month. Raises UnreadablePublication."""

    def positions(header: CsvFile) -> Mapping[str, int]:
        return time_positions(header) | prices.positions_of(header, report)

    return prices.publication(read_sheets(document, sheets, positions, frozenset({"price"})), report, None)


def parse_ancillary(document: Document, sheets: Sequence[str]) -> ParsedPublication:
    """A year of day-ahead ancillary prices with a column a service."""

    def positions(header: CsvFile) -> Mapping[str, int]:
        return time_positions(header) | ancillary.service_columns(header)

    return ancillary.history(read_sheets(document, sheets, positions, frozenset(ancillary.SERVICES)), None)


def parse_adders(document: Document, sheets: Sequence[str]) -> ParsedPublication:
    """A year of price adders by run or by quarter of an hour."""

    def positions(header: CsvFile) -> Mapping[str, int]:
        return time_positions(header) | ordc.columns_of(header)

    numbers = frozenset(name for sheet in sheets for name in ordc.columns_of(header_of(document, sheet)))
    return ordc.publication(read_sheets(document, sheets, positions, numbers), None)


def parse_generation(document: Document, sheets: Sequence[str]) -> ParsedPublication:
    """`IntGenbyFuelYYYY.xlsx`: series `generation`, category a fuel, in MWh a quarter of an hour.

    A column is named by the end of its quarter; those of the second pass of the repeated hour bear `(DST)` and stand at
    the end. The hour that spring skips is empty. Settlement is final where every row of the workbook says so.
    """
    rows: list[tuple[str, int, float]] = []
    settled = True
    for sheet in sheets:
        header = header_of(document, sheet)
        fuel, settlement = header.need("Fuel"), header.find("settlementtype")
        day_at = header.need("Date")
        quarters = _quarters(header)
        # A day has a row for each fuel.
        known: dict[datetime, list[int | ClockError]] = {}
        for line, row in enumerate(document.sheets[sheet][1:], start=2):
            if str(row[fuel]).strip():
                settled &= settlement is None or str(row[settlement]).strip().upper() != "INITIAL"
                category = shown(row[fuel]).lower().replace(" ", "_")
                midnight = _midnight(document, sheet, line, row[day_at])
                if midnight not in known:
                    known[midnight] = _starts(midnight, quarters)
                for start, value in _day(document, sheet, line, row, quarters, known[midnight]):
                    rows.append((category, start, value))
    _refuse_repeats(document, rows)
    table = series_rows(
        "fundamentals",
        {
            "series": ["generation"] * len(rows),
            "category": [category for category, _, _ in rows],
            "unit": ["MWh"] * len(rows),
            **_interval([start for _, start, _ in rows], QUARTER_S),
            "value": pa.array([value for _, _, value in rows], pa.float64()),
        },
    )
    return series_publication(
        "fundamentals", table, iso="ERCOT", feed="int_gen_by_fuel", vintage="final" if settled else "preliminary",
        parser="ercot.int_gen_by_fuel",
    )  # fmt: skip


def _quarters(header: CsvFile) -> list[tuple[int, timedelta, bool, str]]:
    """Position, beginning after midnight, whether it is the second pass, and label of each column of a quarter."""
    found = []
    for position, cell in enumerate(header.header.cells):
        if match := _QUARTER.fullmatch(cell):
            end = timedelta(hours=int(match[1]), minutes=int(match[2])) or timedelta(days=1)
            found.append((position, end - timedelta(seconds=QUARTER_S), bool(match[3]), cell))
    return found


def _starts(midnight: datetime, quarters: Sequence[tuple[int, timedelta, bool, str]]) -> list[int | ClockError]:
    """When each column's quarter of a day begins, or why that day has no such quarter."""
    found: list[int | ClockError] = []
    for _, after, second_pass, _ in quarters:
        try:
            found.append(local_to_utc_second(midnight + after, CENTRAL, second_pass))
        except ClockError as error:
            found.append(error)
    return found


def _day(
    document: Document, sheet: str, line: int, row: Sequence[Any],
    quarters: Sequence[tuple[int, timedelta, bool, str]], starts: Sequence[int | ClockError],
) -> list[tuple[int, float]]:  # fmt: skip
    found = []
    for (position, _, _, label), start in zip(quarters, starts, strict=True):
        if isinstance(value := row[position], int | float):
            if isinstance(start, ClockError):
                raise unreadable(document.name, f"sheet {sheet}, {label}: {start}", line)
            found.append((start, float(value)))
        elif str(value).strip():
            raise unreadable(document.name, f"sheet {sheet}, {label}: {value!r} is not a number", line)
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
    areas: list[str] = []
    starts: list[int] = []
    values: list[float] = []
    for sheet in sheets:
        header = header_of(document, sheet).header.cells
        named = ["" if column_key(area) == column_key(_LOAD_TOTAL) else area for area in header]
        for line, row in enumerate(document.sheets[sheet][1:], start=2):
            if row[0] == "":
                continue
            start = _hour_start(document, sheet, line, row[0])
            for area, cell in zip(named[1:], row[1:], strict=True):
                if isinstance(cell, int | float):
                    areas.append(area)
                    starts.append(start)
                    values.append(float(cell))
                elif str(cell).strip():
                    raise unreadable(
                        document.name, f"sheet {sheet}, {area or _LOAD_TOTAL}: {cell!r} is not a number", line
                    )
    _refuse_repeats(document, list(zip(areas, starts, values, strict=True)))
    table = series_rows(
        "fundamentals",
        {
            "series": ["load"] * len(values),
            "area": areas,
            "unit": ["MW"] * len(values),
            **_interval(starts, HOUR_S),
            "value": pa.array(values, pa.float64()),
        },
    )
    return series_publication("fundamentals", table, iso="ERCOT", feed="native_load", parser="ercot.native_load")


def _hour_start(document: Document, sheet: str, line: int, cell: Any) -> int:
    """The start of an hour ending at `11/03/2024 02:00 DST` (the second pass) or at a cell with a date and a time."""
    # A workbook keeps times as fractions of a day, so an hour may lie a blink before its mark.
    text = shown(cell + timedelta(seconds=30)) if isinstance(cell, datetime) else str(cell).strip()
    found = _HOUR_ENDING.fullmatch(text)
    try:
        if not found or int(found[3]) or int(found[2]) > 24:
            raise ClockError(f"{text!r} is not the end of an hour")
        day = calendar_date(found[1])
        end = datetime(day.year, day.month, day.day) + timedelta(hours=int(found[2]))
        return local_to_utc_second(end - timedelta(hours=1), CENTRAL, bool(found[4]))
    except ClockError as error:
        raise unreadable(document.name, f"sheet {sheet}: {error}", line) from None


def _midnight(document: Document, sheet: str, line: int, cell: Any) -> datetime:
    if isinstance(cell, datetime | date):
        return datetime(cell.year, cell.month, cell.day)
    try:
        day = calendar_date(str(cell).strip())
    except ClockError as error:
        raise unreadable(document.name, f"sheet {sheet}: {error}", line) from None
    return datetime(day.year, day.month, day.day)


def _refuse_repeats(document: Document, rows: Sequence[tuple[str, int, float]]) -> None:
    seen = {(label, start) for label, start, _ in rows}
    if len(seen) == len(rows):
        return
    seen.clear()
    for label, start, _ in rows:
        if (label, start) in seen:
            shown_start = datetime.fromtimestamp(start, UTC).astimezone(CENTRAL)
            raise unreadable(document.name, f"{label or _LOAD_TOTAL} has the interval from {shown_start} twice")
        seen.add((label, start))


def _interval(starts: Sequence[int], length_s: int) -> dict[str, pa.Array]:
    return {
        "interval_start_utc": pa.array(starts, pa.int64()).cast(pa.timestamp("s", "UTC")),
        "interval_end_utc": pa.array([start + length_s for start in starts], pa.int64()).cast(pa.timestamp("s", "UTC")),
    }
