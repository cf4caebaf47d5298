"""PJM's daily LMP files of the years before Data Miner 2 (`YYYYMMDD-da.csv`, `YYYYMMDD-rt.csv`): a node a line.

Below a summary stands a line `Start of Day Ahead LMP Data` (or `Real Time`) with the hour of each column, 0100 to 2400
by their end in Eastern prevailing time, then the header `Date, PnodeID, Name, Voltage, Equipment, Type, Zone` and for
each hour `TotalLMP, CongestionPrice, MarginalLossPrice`; `End of ...` closes it. Energy is not printed: it is derived.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import NoReturn

import numpy as np
import pyarrow as pa

from integrations.isos.csv_faults import end_of_rows
from integrations.isos.csv_reading import Columns, Frame, Text, read
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, Head, HeadLine, split_line
from integrations.isos.local_time import ClockError, calendar_date, local_day_hours, local_to_utc_second
from integrations.isos.pjm import lmps
from integrations.isos.pjm.stamps import EASTERN
from integrations.isos.ticks import Floats, ParsedPublication

_START = re.compile(rb'(?im)^"?Start of (Day Ahead|Real Time) LMP Data[^\r\n]*\r?\n')
_LINE = re.compile(rb"[^\r\n]*\r?\n?")
_END = re.compile(rb'(?i)"?End of')
_LOOKED_AT_BYTES = 65536
_HOUR = re.compile(r"(0?[1-9]|1\d|2[0-4])00")
_REPEATED_HOUR = re.compile(r"(?i)25(00)?|.*DST.*")
_TEXTS: Mapping[str, str] = {
    "day": "Date", "pnode_id": "PnodeID", "pnode_name": "Name", "voltage": "Voltage", "equipment": "Equipment",
    "type": "Type",
}  # fmt: skip
_PRICES: Mapping[str, str] = {"total_lmp": "totallmp", "congestion_price": "congestionprice"} | {
    "marginal_loss_price": "marginallossprice"
}


@dataclass(frozen=True)
class DailyFile:
    """The table of a file, the market run it is of, and the hour that stands above each column ('' for none)."""

    file: CsvFile
    run: lmps.Run
    hours: tuple[str, ...]


def find(head: Head) -> DailyFile | None:
    """The table of a daily file; None for any other file. Raises UnreadablePublication where its header is missing."""
    start = head.content[:_LOOKED_AT_BYTES]
    if b"start of" not in start.lower() or not (found := _START.search(start)):
        return None
    number = head.content.count(b"\n", 0, found.start()) + 2
    line = _LINE.match(head.content, found.end())
    assert line is not None
    header = HeadLine(number, split_line(line[0].rstrip(b"\r\n")), line.end())
    file = CsvFile(head.name, head.content, header)
    for column in _TEXTS.values():
        file.need(column)
    run = lmps.DA if found[1].lower().startswith(b"day") else lmps.RT
    return DailyFile(file, run, split_line(found[0].rstrip(b"\r\n")))


def parse(daily: DailyFile) -> ParsedPublication:
    """One day of a market. Raises UnreadablePublication, also for the day on which an hour is repeated."""
    table = _HourTable(daily)
    return (lmps.parse_day_ahead if daily.run == lmps.DA else lmps.parse_hourly)(table)


class _HourTable(Columns):
    """A row a node and hour, with the columns of Data Miner; `fail` names the node's line."""

    def __init__(self, daily: DailyFile) -> None:
        places = _price_places(daily)
        texts = {name: daily.file.need(column) for name, column in _TEXTS.items()}
        prices = {f"{name} {hour}": position for hour, columns in places.items() for name, position in columns.items()}
        frame = read([_without_end(daily.file)], [texts | prices], frozenset(prices))
        self._frame = frame
        self._starts = _starts(frame, daily, places)
        hours = list(self._starts)
        numbers = {
            name: np.vstack([frame.number(f"{name} {hour}") for hour in hours]).T.reshape(-1) for name in _PRICES
        }
        super().__init__(pa.table({f"{name}_{daily.run.suffix}": values for name, values in numbers.items()}))
        for name in ("pnode_id", "pnode_name", "voltage", "equipment", "type"):
            text = frame.text(name, may_be_empty=name != "pnode_name")
            self._texts[name] = Text(np.repeat(text.codes.astype(np.int64), len(hours)), text.strings)
        stamps = [f"{datetime.fromtimestamp(start, UTC):%Y-%m-%dT%H:%M:%S}" for start in self._starts.values()]
        self._texts["datetime_beginning_utc"] = Text.of(np.tile(np.arange(len(hours)), frame.rows), stamps)

    def has(self, column: str) -> bool:
        return column in self._texts or super().has(column)

    def number(self, column: str) -> Floats:
        values: Floats = self._table[column].chunk(0).to_numpy()
        return values

    def fail(self, row: int, column: str, problem: str) -> NoReturn:
        node, hour = divmod(row, len(self._starts))
        self._frame.fail(node, "pnode_name", f"hour {list(self._starts)[hour]}, {column}: {problem}")

    def lines(self, *rows: int) -> str:
        return self._frame.lines(*(row // len(self._starts) for row in rows))


def _without_end(file: CsvFile) -> CsvFile:
    end = end_of_rows(file.content)
    last = file.content.rfind(b"\n", 0, end - 1) + 1
    if not _END.match(file.content, last):
        problem = "the line 'End of … LMP Data' is missing: the file is cut short, fetch it again"
        raise unreadable(file.name, problem, file.content.count(b"\n", 0, last) + 1)
    return replace(file, content=file.content[:last])


def _price_places(daily: DailyFile) -> dict[str, dict[str, int]]:
    """By the hour as it is written, where its prices stand. Raises UnreadablePublication for one missing or twice.

    The hour may stand above the first of its three columns alone.
    """
    found: dict[str, dict[str, int]] = {}
    name_of = {key: name for name, key in _PRICES.items()}
    hour, name, number = "", daily.file.name, daily.file.header.number
    keys = daily.file.header.keys
    if any(daily.hours[len(keys) :]):
        raise unreadable(name, "there are more hours than the header has columns: fetch the file again", number)
    hours = (*daily.hours, *[""] * (len(keys) - len(daily.hours)))[: len(keys)]
    for position, (above, key) in enumerate(zip(hours, keys, strict=True)):
        hour = above if above or key == _PRICES["total_lmp"] else hour
        if key not in name_of:
            continue
        if not hour:
            raise unreadable(name, f"{key} in column {position + 1} has no hour above it (0100 to 2400)", number)
        if found.setdefault(hour, {}).setdefault(name_of[key], position) != position:
            problem = f"hour {hour} has two columns {key}, the second is column {position + 1}: one hour is mislabelled"
            raise unreadable(name, problem, number)
    for hour, columns in found.items():
        for price, key in _PRICES.items():
            if price not in columns:
                raise unreadable(name, f"hour {hour} has no column {key}", number)
    if not found:
        raise unreadable(name, "no column of a price has an hour above it", number)
    return found


def _starts(frame: Frame, daily: DailyFile, places: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """When each hour begins, in seconds since 1970. An hour that the day does not have may stand there, but empty."""
    day = _day(frame)
    name, number = daily.file.name, daily.file.header.number
    starts: dict[str, int] = {}
    for hour in places:
        try:
            start = _start(day, hour)
        except ClockError as error:
            if not _REPEATED_HOUR.fullmatch(hour) and not _HOUR.fullmatch(hour):
                raise unreadable(name, str(error), number) from None
            for price in _PRICES:
                filled = np.flatnonzero(~np.isnan(frame.number(f"{price} {hour}")))
                if len(filled):
                    frame.fail(int(filled[0]), f"{price} {hour}", str(error))
            continue
        if start in starts.values():
            raise unreadable(name, f"hour {hour} is there twice, in two spellings", number)
        starts[hour] = start
    expected = local_day_hours(day, EASTERN)
    if len(starts) < len(expected):
        problem = f"the day has {len(expected)} hours and the header {len(starts)} of them: fetch the file again"
        raise unreadable(name, problem, number)
    return starts


def _start(day: date, hour: str) -> int:
    """Raises ClockError for an hour that is none of the day's, or of which nothing says which pass it is."""
    found = _HOUR.fullmatch(hour)
    if found:
        local = datetime(day.year, day.month, day.day) + timedelta(hours=int(found[1]) - 1)
        return local_to_utc_second(local, EASTERN, None)
    if _REPEATED_HOUR.fullmatch(hour):
        raise ClockError(f"the hour {hour!r} is none from 0100 to 2400: which pass of an hour it is, is unknown")
    raise ClockError(f"the hour {hour!r} is not written as 0100 to 2400")


def _day(frame: Frame) -> date:
    days = frame.text("day")
    if len(days) > 1:
        frame.fail(int(np.argmax(days.codes != days.codes[0])), "day", "the file is of more than one day")
    text = days.values[0]
    try:
        return calendar_date(f"{text[:4]}-{text[4:6]}-{text[6:]}" if text.isdigit() else text)
    except ClockError as error:
        frame.fail(0, "day", str(error))
