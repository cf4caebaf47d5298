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

from integrations.isos.codes import Combined, combine, first_repeat
from integrations.isos.csv_reading import Frame, Text, read
from integrations.isos.ercot.clock import CENTRAL, second_pass_flags, starts_of
from integrations.isos.gaps import EMPTY_PRICE, Gaps, gap_table, missing_in_range, missing_intervals
from integrations.isos.heads import CsvFile
from integrations.isos.local_time import HOUR_S, ClockError, calendar_date, hour_ending, local_day_hours
from integrations.isos.ticks import Ints, ParsedPublication, Places, Prices, tick_table

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


@dataclass(frozen=True)
class _Slots:
    """The distinct intervals of a file: their starts in seconds since 1970, each row's slot, the delivery days."""

    starts: Ints
    code: Ints
    days: list[date]


def parse_day_ahead(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """Read NP4-190. Every place is expected to have each of the 23, 24 or 25 hours of the file's days."""
    frame = _read(file, DAY_AHEAD_COLUMNS)
    slots = _slots(frame, "HourEnding", None)
    point = frame.text("SettlementPoint")
    where = Places.without_type(point.values)
    start = slots.starts[slots.code]
    _check_repeats(frame, point.codes, len(where), slots, "SettlementPoint")
    hours = np.array(sorted({hour for day in slots.days for hour in local_day_hours(day, CENTRAL)}))
    missing = missing_intervals(len(where), point.codes, start, hours, hours + HOUR_S)
    return _publication("DA", "dam_spp", frame, where, point.codes, start, HOUR_S, missing, published_at)


def parse_real_time(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """Read NP6-905, one quarter of an hour as published, or many of them together."""
    frame = _read(file, REAL_TIME_COLUMNS)
    slots = _slots(frame, "DeliveryHour", "DeliveryInterval")
    name, kind = frame.text("SettlementPointName"), frame.text("SettlementPointType")
    points = combine([(name.codes, len(name)), (kind.codes, len(kind))])
    where = Places(name.values, kind.values, points.members[0], points.members[1])
    start = slots.starts[slots.code]
    _check_repeats(frame, points.code, len(where), slots, "SettlementPointName")
    missing = missing_in_range(len(where), points.code, start, _QUARTER_S)
    return _publication("RT15", "rtm_spp", frame, where, points.code, start, _QUARTER_S, missing, published_at)


def _read(file: CsvFile, columns: tuple[str, ...]) -> Frame:
    positions = {column: file.need(column) for column in columns}
    flag = file.find("dstflag", "repeatedhourflag")
    if flag is not None:
        positions["flag"] = flag
    return read([file], [positions], frozenset({"SettlementPointPrice"}))


def _slots(frame: Frame, hour_column: str, quarter_column: str | None) -> _Slots:
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
    return _Slots(starts, slots.code, days)


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


def _check_repeats(frame: Frame, place: Ints, places: int, slots: _Slots, column: str) -> None:
    starts, start_of = np.unique(slots.starts, return_inverse=True)  # 1:00 and 01:00 are one hour
    rows: Combined = combine([(place, places), (start_of[slots.code], len(starts))])
    if repeat := first_repeat(rows.code, len(rows)):
        problem = f"the settlement point has this interval twice, in lines {frame.lines(*repeat)}"
        frame.fail(repeat[1], column, problem)


def _publication(
    market: str, feed: str, frame: Frame, where: Places, place: Ints, start: Ints, step_s: int, missing: Gaps,
    published_at: datetime | None,
) -> ParsedPublication:  # fmt: skip
    prices = Prices(frame.number("SettlementPointPrice"))
    kept = ~np.isnan(prices.lmp)
    gaps = [missing, Gaps(EMPTY_PRICE, place[~kept], start[~kept], start[~kept] + step_s)]
    if not kept.all():
        place, start, prices = place[kept], start[kept], prices.take(kept)
    rows = tick_table(where, place, start, start + step_s, prices, None)
    return ParsedPublication(
        "ERCOT", market, feed, "final", rows, published_at, gap_table(where, gaps), f"ercot.{feed}", _PARSER_VERSION
    )
