"""Today's Outlook (caiso.com/outlook): five-minute demand, net demand and supply, with nothing but clock labels.

Two layouts: one line a time (`history/YYYYMMDD/fuelsource.csv`, whose day is in its address alone), and one line a
quantity with the day in the first cell (`CAISO-supply-20221130.csv`). Labels are Pacific prevailing time and name the
beginning of an interval. The spring change leaves its hour's cells empty. In autumn the repeated hour is read where its
labels stand there twice; where they stand once, nobody can tell which pass is meant, and those cells are left out.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from integrations.isos.caiso.lmps import PACIFIC
from integrations.isos.csv_faults import is_number_or_empty
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, Head, column_key
from integrations.isos.local_time import ClockError, calendar_date
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import ParsedPublication

FIVE_MINUTES = timedelta(minutes=5)

_LABEL = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_WIDE = re.compile(r"\s*(Net Demand|Demand|Supply|Renewables)\s+(\d{2}/\d{2}/\d{4})(?:undefined)?\s*", re.IGNORECASE)
_LINE_BREAK = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)  # in the downloads of 2018
_NAMED_DAY = re.compile(r"(?<!\d)(20\d{2})(\d{2})(\d{2})(?!\d)")
_FORECASTS: Mapping[str, tuple[str, str]] = {
    "dayaheadforecast": ("load_forecast", "day_ahead"),
    "day-aheadforecast": ("load_forecast", "day_ahead"),
    "houraheadforecast": ("load_forecast", "hour_ahead"),
    "hour-aheadforecast": ("load_forecast", "hour_ahead"),
    "day-aheadnetforecast": ("net_demand_forecast", "day_ahead"),
    "demand": ("load", ""),
    "currentdemand": ("load", ""),
    "demand(5min.avg.)": ("load", ""),
    "currentdemand(5min.avg.)": ("load", ""),
    "netdemand": ("net_demand", ""),
    "demandresponseevent": ("demand_response", ""),
}


def wide_kind(head: Head) -> tuple[str, date] | None:
    """What a file of one line a quantity is of, and its day."""
    cells = head.first.cells
    found = _WIDE.fullmatch(cells[0]) if len(cells) > 200 else None
    return (found[1].lower().replace(" ", ""), calendar_date(found[2])) if found else None


def long_kind(head: Head) -> str | None:
    """`fuelsource` or `netdemand` for a file of one line a time."""
    keys = set(head.first.keys)
    if head.first.keys[:1] != ("time",):
        return None
    if {"solar", "wind", "naturalgas"} <= keys:
        return "fuelsource"
    return (
        "netdemand"
        if {"currentdemand", "netdemand"} <= keys or {"currentdemand", "houraheadforecast"} <= keys
        else None
    )


def named_day(name: str) -> date:
    """The day in a file's name. Raises UnreadablePublication, for the content does not say it."""
    found = _NAMED_DAY.search(name)
    try:
        return calendar_date("-".join(found.groups()) if found else "")
    except ClockError:
        raise unreadable(
            name, "only the name tells the day: call it YYYYMMDD_fuelsource.csv or YYYYMMDD_netdemand.csv"
        ) from None


def parse_wide(file: CsvFile, kind: str, day: date) -> ParsedPublication:
    """One line a quantity; the first line holds the labels."""
    header, lines = _lines(file)
    times = _times(file, day, [cell.strip() for cell in header[1:]])
    rows = _Rows(file)
    for number, cells in lines:
        series, category = _quantity(cells[0], is_supply=kind in ("supply", "renewables"))
        for start, cell in zip(times, cells[1:], strict=True):
            rows.add(series, category, start, cell, number)
    return _publication(rows, f"outlook_{kind}")


def parse_long(file: CsvFile, kind: str, day: date) -> ParsedPublication:
    """One line a time; the first line names the quantities."""
    header, lines = _lines(file)
    quantities = [_quantity(name, is_supply=kind == "fuelsource") for name in header[1:]]
    times = _times(file, day, [cells[0].strip() for _, cells in lines])
    rows = _Rows(file)
    for start, (number, cells) in zip(times, lines, strict=True):
        for (series, category), cell in zip(quantities, cells[1:], strict=True):
            rows.add(series, category, start, cell, number)
    return _publication(rows, f"outlook_{kind}")


class _Rows:
    def __init__(self, file: CsvFile) -> None:
        self._file = file
        self.series: list[str] = []
        self.category: list[str] = []
        self.start: list[datetime] = []
        self.value: list[float] = []
        self._seen: set[tuple[str, str, datetime]] = set()

    def add(self, series: str, category: str, start: datetime | str | None, cell: str, line: int) -> None:
        if start is None or not cell.strip():
            return
        if isinstance(start, str):
            raise unreadable(self._file.name, start, line)
        if not is_number_or_empty(cell):
            raise unreadable(self._file.name, f"{cell[:40]!r} is no number", line)
        value = float(cell)
        if not abs(value) < 1e7:
            raise unreadable(self._file.name, f"{cell!r} is no power of a system in MW", line)
        if (key := (series, category, start)) in self._seen:
            name = f"{series} {category}".strip()
            problem = f"{name} of {start:%Y-%m-%dT%H:%MZ} is there twice: get the file again"
            raise unreadable(self._file.name, problem, line)
        self._seen.add(key)
        self.series.append(series)
        self.category.append(category)
        self.start.append(start)
        self.value.append(value)


def _publication(rows: _Rows, feed: str) -> ParsedPublication:
    table = series_rows(
        "fundamentals",
        {
            "series": rows.series,
            "category": rows.category,
            "unit": ["MW"] * len(rows.value),
            "interval_start_utc": pa.array(rows.start, pa.timestamp("s", "UTC")),
            "interval_end_utc": pa.array([s + FIVE_MINUTES for s in rows.start], pa.timestamp("s", "UTC")),
            "value": pa.array(rows.value, pa.float64()),
        },
    )
    return series_publication("fundamentals", table, iso="CAISO", feed=feed, parser="caiso.outlook", parser_version=2)


def _quantity(name: str, *, is_supply: bool) -> tuple[str, str]:
    name = _LINE_BREAK.sub(" ", name).strip()
    plain = name.lower().replace(" ", "_")
    return ("generation", plain) if is_supply else _FORECASTS.get(column_key(name), (plain, ""))


def _lines(file: CsvFile) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the other lines that are not blank with their numbers. All have the cells of the header.

    An empty cell behind the last label, and one below it, is none.
    """
    try:
        reader = csv.reader(io.StringIO(file.content.decode("utf-8-sig"), newline=None), strict=True)
        (_, header), *lines = [(reader.line_num, cells) for cells in reader if cells and cells[0].strip()]
    except (UnicodeDecodeError, csv.Error) as error:
        raise unreadable(file.name, f"it cannot be read as CSV: {error}; get it again") from None
    width = len(header) if header[-1].strip() else len(header) - 1
    for number, cells in lines:
        if len(cells) != width and (len(cells) != width + 1 or cells[width].strip()):
            problem = f"{len(cells)} cells under {width} columns: cut short, get the file again"
            raise unreadable(file.name, problem, number)
    return header[:width], [(number, cells[:width]) for number, cells in lines]


def _times(file: CsvFile, day: date, labels: Sequence[str]) -> list[datetime | str | None]:
    """The UTC start of each label; None for a pass that can't be told and for the next midnight.

    Of an hour that the clock skips, what is wrong with a cell that is not empty.
    """
    times: list[datetime | str | None] = []
    repeated = _repeats(labels)
    seen: set[str] = set()
    for position, label in enumerate(labels):
        found = _LABEL.fullmatch(label)
        if not found or int(found[1]) > 23 or int(found[2]) > 59:
            raise unreadable(file.name, f"{label!r} is not a time of day")
        clock = f"{int(found[1]):02}:{found[2]}"
        if clock == "00:00" and position:  # the midnight that ends the day
            times.append(None)
            continue
        local = datetime(day.year, day.month, day.day, int(found[1]), int(found[2]))
        first, second = (local.replace(tzinfo=PACIFIC, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first > second:
            times.append(f"there is a number at {clock}, an hour that the clock skips on {day}")
        elif first < second:
            times.append((second if clock in seen else first) if clock in repeated else None)
        else:
            times.append(first)
        seen.add(clock)
    return times


def _repeats(labels: Sequence[str]) -> set[str]:
    seen: set[str] = set()
    again: set[str] = set()
    for label in labels:
        clock = label.zfill(5)
        (again if clock in seen else seen).add(clock)
    return again
