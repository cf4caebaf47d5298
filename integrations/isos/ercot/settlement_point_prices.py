"""ERCOT settlement point prices: day-ahead by hour (NP4-190), real-time by quarter of an hour (NP6-905).

Settlement prices carry no components (ERCOT Nodal Protocols 4.6.1 and 6.6.1). HourEnding and DeliveryHour name the end
of a Central prevailing hour, 1 to 24; the hour that is repeated in autumn is hour 2, its second pass flagged Y.
Settlement points may have the same name under two types (LZ and LZEW), so real-time keys are (name, type); the
day-ahead file has no types.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

import numpy as np

from integrations.isos.codes import combine
from integrations.isos.csv_reading import Frame, Text, read
from integrations.isos.ercot.clock import CENTRAL, refuse_repeat, second_pass_flags, starts_of
from integrations.isos.gaps import Gaps, Intervals, coverage, coverage_of_range, empty_cells, gap_table
from integrations.isos.heads import CsvFile
from integrations.isos.local_time import HOUR_S, ClockError, calendar_date, hour_ending, local_day_hours
from integrations.isos.ticks import Codes, Ints, ParsedPublication, Places, Prices, tick_table

DAY_AHEAD_COLUMNS = ("DeliveryDate", "HourEnding", "SettlementPoint", "SettlementPointPrice")
REAL_TIME_COLUMNS = (
    "DeliveryDate",
    "DeliveryHour",
    "DeliveryInterval",
    "SettlementPointName",
    "SettlementPointType",
    "SettlementPointPrice",
)

_QUARTER_S = 900
_PARSER_VERSION = 1
_Value = TypeVar("_Value")


def parse_day_ahead(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """Read NP4-190. Every place is expected to have each of the 23, 24 or 25 hours of the file's days."""
    frame = _read(file, DAY_AHEAD_COLUMNS)
    intervals, days = _intervals(frame, "HourEnding", None)
    point = frame.text("SettlementPoint")
    where = Places.without_type(point.values)
    hours = np.array(sorted({hour for day in days for hour in local_day_hours(day, CENTRAL)}))
    found = coverage(len(where), point.codes, intervals, hours, hours + HOUR_S)
    if found.covered < frame.rows:
        refuse_repeat(frame, "SettlementPoint", point.codes, len(where), intervals)
    rows = _Rows(where, point.codes, intervals.start(), HOUR_S)
    return _publication("DA", "dam_spp", frame, rows, found.missing, published_at)


def parse_real_time(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """Read NP6-905, one quarter of an hour as published, or many of them together."""
    frame = _read(file, REAL_TIME_COLUMNS)
    intervals, _ = _intervals(frame, "DeliveryHour", "DeliveryInterval")
    name, kind = frame.text("SettlementPointName"), frame.text("SettlementPointType")
    points = combine([(name.codes, len(name)), (kind.codes, len(kind))])
    where = Places(name.values, kind.values, points.members[0], points.members[1])
    found = coverage_of_range(len(where), points.code, intervals, _QUARTER_S)
    if found.covered < frame.rows:
        refuse_repeat(frame, "SettlementPointName", points.code, len(where), intervals)
    rows = _Rows(where, points.code, intervals.start(), _QUARTER_S)
    return _publication("RT15", "rtm_spp", frame, rows, found.missing, published_at)


def _read(file: CsvFile, columns: tuple[str, ...]) -> Frame:
    positions = {column: file.need(column) for column in columns}
    flag = file.find("dstflag", "repeatedhourflag")
    if flag is not None:
        positions["flag"] = flag
    return read([file], [positions], frozenset({"SettlementPointPrice"}))


def _intervals(frame: Frame, hour_column: str, quarter_column: str | None) -> tuple[Intervals, list[date]]:
    """The rows' intervals and the delivery days of the file."""
    day = frame.text("DeliveryDate")
    hour = frame.text(hour_column)
    quarter = frame.text(quarter_column) if quarter_column else Text(np.zeros(frame.rows, dtype=np.int64), ["1"])
    flag, meanings = second_pass_flags(frame)
    slots = combine([(text.codes, len(text)) for text in (day, hour, quarter, flag)])
    days = _values(frame, "DeliveryDate", day, calendar_date)
    hours = _values(frame, hour_column, hour, hour_ending)
    quarters = _values(frame, quarter_column, quarter, _quarter) if quarter_column else [1]
    locals_ = [
        datetime(days[d].year, days[d].month, days[d].day)
        + timedelta(seconds=(hours[h] - 1) * HOUR_S + (quarters[q] - 1) * _QUARTER_S)
        for d, h, q in slots.members[:3].T.tolist()
    ]
    passes = [meanings[code] for code in slots.members[3]]
    starts = starts_of(frame, slots, locals_, passes, hour_column)
    return Intervals.of(starts, slots.code), days


def _values(frame: Frame, column: str, text: Text, convert: Callable[[str], _Value]) -> list[_Value]:
    values: list[_Value] = []
    for code, value in enumerate(text.values):
        try:
            values.append(convert(value))
        except ClockError as error:
            frame.fail(int(np.argmax(text.codes == code)), column, str(error))
    return values


def _quarter(text: str) -> int:
    if text not in ("1", "2", "3", "4"):
        raise ClockError(f"{text!r} is not an interval from 1 to 4")
    return int(text)


@dataclass(frozen=True)
class _Rows:
    places: Places
    place: Codes
    start: Ints
    step_s: int


def _publication(
    market: str, feed: str, frame: Frame, rows: _Rows, missing: Gaps, published_at: datetime | None
) -> ParsedPublication:
    prices, end = Prices(frame.number("SettlementPointPrice")), rows.start + rows.step_s
    gaps = [missing, *empty_cells(prices, rows.place, rows.start, end)]
    table = tick_table(rows.places, rows.place, rows.start, end, prices, None)
    return ParsedPublication(
        "ERCOT",
        market,
        feed,
        "final",
        table,
        published_at,
        gap_table(rows.places, gaps),
        f"ercot.{feed}",
        _PARSER_VERSION,
    )
