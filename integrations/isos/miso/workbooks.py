"""MISO's workbooks of load, generation and hub prices: sheets with preambles, repeated headers and a disclaimer below.

All hours are hour-ending in Eastern Standard Time.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from integrations.isos.csv_faults import is_number_or_empty
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.local_time import ClockError, calendar_date
from integrations.isos.miso.clock import midnight_second
from integrations.isos.miso.rows import Rows
from integrations.isos.series import series_publication
from integrations.isos.ticks import ParsedPublication

Sheet = Sequence[Sequence[Any]]

_LOAD_COLUMN = re.compile(r"\s*(\S+)\s+(MTLF|Actual\s*Load)\s*\(MWh\)\s*", re.IGNORECASE)
_MARKET_DATE = re.compile(r"\s*Market Date:\s*(\S+)")
_HOUR_LABEL = re.compile(r"\s*Hour\s+(\d{1,2})\s*")
_NAMED_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})_da_pr", re.IGNORECASE)
_GENERATION_SHEETS = {"rt generation fuel mix": "generation", "da cleared generation fuel mix": "cleared_generation"}


def is_load_report(document: Document) -> bool:
    """`YYYYMMDD_df_al.xls`: forecast and actual load by local resource zone."""
    return any(_load_columns(row) for sheet in document.sheets.values() for row in sheet[:12])


def parse_load(document: Document) -> ParsedPublication:
    """Series `load_forecast` (MISO's medium-term forecast) and `load`, area a zone or MISO, in MWh an hour."""
    rows = Rows()
    for name, sheet in document.sheets.items():
        columns: Mapping[int, tuple[str, str]] = {}
        for number, row in enumerate(sheet, start=1):
            columns = _load_columns(row) or columns
            if columns and _is_number(row[1]):
                hour = hour_of(document, name, number, float(row[1]))
                start = midnight_second(date_of(document, name, number, row[0])) + hour
                for position, (area, series) in columns.items():
                    if (value := number_in(document, name, number, area, row[position])) is not None:
                        rows.add(series, area, start, value, unit="MWh")
    return publication(document, rows, "df_al")


def _load_columns(row: Sequence[Any]) -> dict[int, tuple[str, str]]:
    """What the columns of a header are, by their position: area and series. Empty for any other row."""
    if len(row) < 3 or str(row[1]).replace(" ", "").lower() != "hourending":
        return {}
    found = ((position, _LOAD_COLUMN.fullmatch(str(cell))) for position, cell in enumerate(row))
    return {
        position: (match[1], "load_forecast" if match[2].upper() == "MTLF" else "load")
        for position, match in found
        if match
    }


def is_generation_report(document: Document) -> bool:
    """`YYYYMMDD_sr_gfm.xlsx`: generation by fuel and region, real-time and cleared day-ahead."""
    return any(name.strip().lower() in _GENERATION_SHEETS for name in document.sheets)


def parse_generation(document: Document) -> ParsedPublication:
    """Series `generation` and `cleared_generation`, area a region or `total`, category a fuel, in MW.

    Columns of totals are left out: they are sums of the others.
    """
    rows = Rows()
    for name, sheet in document.sheets.items():
        series = _GENERATION_SHEETS.get(name.strip().lower())
        if series is None:
            continue
        day = _market_day(document, name, sheet)
        header = next((i for i, row in enumerate(sheet) if str(row[0]).strip().lower() == "market hour ending"), None)
        if not header:
            raise unreadable(document.name, f"sheet {name}: there is no row that begins with 'Market Hour Ending'")
        columns = _fuel_columns(sheet[header - 1], sheet[header])
        for number, row in enumerate(sheet[header + 1 :], start=header + 2):
            if _is_number(row[0]):
                start = midnight_second(day) + hour_of(document, name, number, float(row[0]))
                for position, (area, fuel) in columns.items():
                    if (value := number_in(document, name, number, fuel, row[position])) is not None:
                        rows.add(series, area, start, value, category=fuel, unit="MW")
    return publication(document, rows, "sr_gfm")


def _fuel_columns(regions: Sequence[Any], fuels: Sequence[Any]) -> dict[int, tuple[str, str]]:
    columns: dict[int, tuple[str, str]] = {}
    area = ""
    for position, (region, fuel) in enumerate(zip(regions, fuels, strict=False)):
        area = str(region).strip().lower() or area
        label = str(fuel).strip().lower()
        if position and label and label not in ("total mw", "miso", "sum:", "he"):
            columns[position] = (area, label.replace(" ", "_"))
    return columns


def _market_day(document: Document, name: str, sheet: Sheet) -> date:
    for number, row in enumerate(sheet[:6], start=1):
        if found := _MARKET_DATE.match(str(row[0])):
            return date_of(document, name, number, found[1])
    raise unreadable(document.name, f"sheet {name}: no line 'Market Date:' above the table")


def is_price_summary(document: Document) -> bool:
    """`YYYYMMDD_da_pr.xls`: day-ahead prices of the system and the hubs."""
    return any("MISO System" in map(str, row) for sheet in document.sheets.values() for row in sheet[:12])


def day_of_price_summary(document: Document) -> date:
    """The workbook does not say its day; MISO's file name does. Raises UnreadablePublication without it."""
    found = _NAMED_DAY.search(document.name)
    try:
        return calendar_date("-".join(found.groups()) if found else "")
    except ClockError:
        problem = "only MISO's file name (YYYYMMDD_da_pr.xls) tells the day, and this one does not"
        raise unreadable(document.name, problem) from None


def parse_price_summary(document: Document) -> ParsedPublication:
    """Series `day_ahead_price`, area `MISO System` or a hub as the report writes it, in $/MWh."""
    midnight = midnight_second(day_of_price_summary(document))
    rows = Rows()
    for name, sheet in document.sheets.items():
        header: Sequence[Any] = ()
        for number, row in enumerate(sheet, start=1):
            if "MISO System" in map(str, row):
                header = row
            elif header and (hour := _HOUR_LABEL.fullmatch(str(row[0]))):
                start = midnight + hour_of(document, name, number, int(hour[1]))
                for cell, title in zip(row[1:], header[1:], strict=False):
                    area = str(title).strip()
                    if area and (value := number_in(document, name, number, area, cell)) is not None:
                        rows.add("day_ahead_price", area, start, round(value, 6), unit="USD/MWh")
    return publication(document, rows, "da_pr", market="DA")


def publication(document: Document, rows: Rows, feed: str, market: str = "") -> ParsedPublication:
    """The rows of a report as fundamentals. Raises UnreadablePublication for a number that is there twice."""
    rows.refuse_repeats(document)
    return series_publication(
        "fundamentals",
        rows.table(),
        iso="MISO",
        feed=feed,
        market=market,
        parser=f"miso.{feed}",
        parser_version=2,
    )


def date_of(document: Document, sheet: str, line: int, cell: Any) -> date:
    """The day in a cell, a date or a text that may end in midnight. Raises UnreadablePublication."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    try:
        return calendar_date(str(cell).strip().removesuffix(" 00:00:00"))
    except ClockError as error:
        raise unreadable(document.name, f"sheet {sheet}: {error}", line) from None


def number_in(document: Document, sheet: str, line: int, column: str, cell: Any) -> float | None:
    """The number of a cell, or of the text in it; None for an empty one. Raises UnreadablePublication for words."""
    text = str(cell).strip()
    if isinstance(cell, bool) or not is_number_or_empty(text):
        raise unreadable(document.name, f"sheet {sheet}, {column}: {text[:40]!r} is not a number", line)
    return float(text) if text else None


def _is_number(cell: Any) -> bool:
    """Whether a cell has a number, maybe as text."""
    return not isinstance(cell, bool) and bool(str(cell).strip()) and is_number_or_empty(str(cell))


def hour_of(document: Document, sheet: str, line: int, cell: Any) -> int:
    """Seconds from midnight to the beginning of an hour that is named by its end."""
    if not (float(cell).is_integer() and 1 <= cell <= 24):
        raise unreadable(document.name, f"sheet {sheet}: {cell} is not an hour from 1 to 24", line)
    return int(timedelta(hours=int(cell) - 1).total_seconds())
