"""When the rows of an ERCOT report are: hours by their end, quarters of an hour, or runs of the dispatch (SCED).

All in Central prevailing time. HourEnding and DeliveryHour name the end of an hour, 1 to 24; the hour that is repeated
in autumn is hour 2, its second pass flagged Y. A SCED run happens about every five minutes, off the mark by some
seconds either way, and now and then in between. What it says holds from the run's own stamp to five minutes past the
nearest five-minute mark; no stamp is rounded, so two runs never become one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

import numpy as np

from integrations.isos.codes import combine, first_repeat
from integrations.isos.csv_reading import Frame, Text, read
from integrations.isos.ercot.clock import CENTRAL, MARK_IT, second_pass_flags, starts_of
from integrations.isos.gaps import Intervals
from integrations.isos.heads import CsvFile
from integrations.isos.local_time import (
    HOUR_S,
    ClockError,
    RepeatedHour,
    calendar_date,
    hour_ending,
    local_to_utc_second,
    wall_clock,
)
from integrations.isos.ticks import Ints

QUARTER_S = 900

_MARK_S = 300
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "stamp": ("scedtimestamp",),
    "day": ("deliverydate", "operday", "operatingday"),
    "hour": ("hourending", "deliveryhour"),
    "quarter": ("deliveryinterval",),
    "time": ("timeending",),
    "flag": ("dstflag", "repeatedhourflag", "repeathourflag"),
}
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Times:
    """The intervals of a table's rows: `ends` belong to the distinct starts, `days` are the delivery days of hours.

    `column` is where a fault of time shows.
    """

    intervals: Intervals
    ends: Ints
    days: list[date]
    column: str

    def start(self) -> Ints:
        """The start of each row, in seconds since 1970 UTC."""
        return self.intervals.start()

    def end(self) -> Ints:
        """The end of each row, in seconds since 1970 UTC."""
        return self.ends[self.intervals.code]


def read_timed(file: CsvFile, columns: Mapping[str, int], numbers: frozenset[str]) -> Frame:
    """The columns at these positions and, under our own names, those that tell the time."""
    return read([file], [time_positions(file) | dict(columns)], numbers)


def time_positions(file: CsvFile) -> dict[str, int]:
    """Where the columns stand that tell the time. Raises UnreadablePublication where they do not tell it."""
    columns = {name: file.find(*keys) for name, keys in _COLUMNS.items()}
    found = {name: position for name, position in columns.items() if position is not None}
    if not found.keys() & {"stamp", "time", "hour"}:
        file.need("HourEnding")
    if "time" in found:
        file.need("DeliveryDate", *_COLUMNS["day"])
    return found


def times_of(frame: Frame) -> Times:
    """The times of the rows, by whichever columns tell them. Raises UnreadablePublication at the first bad row."""
    if frame.has("stamp"):
        return _runs(frame)
    if frame.has("time"):
        return _endings(frame)
    return _delivered(frame) if frame.has("day") else _hours_by_stamp(frame)


def moments_of(frame: Frame, column: str) -> Intervals:
    """When the rows were published, by the clock and without a flag. Raises UnreadablePublication at the first bad row.

    A moment in the hour that the clock repeats may be either of two, and is refused.
    """
    stamp = frame.text(column)
    seconds = np.array(_values(frame, column, stamp, _moment), dtype=np.int64)
    return Intervals.of(seconds, stamp.codes)


def run_end(start: Ints) -> Ints:
    """Five minutes past the five-minute mark nearest to each run; 00:04:55 and 00:05:15 both end 00:10:00."""
    return (start + _MARK_S // 2) // _MARK_S * _MARK_S + _MARK_S


def refuse_repeats(
    frame: Frame, times: Times, told_by: Sequence[Text], column: str, what: str, posted: Intervals | None = None
) -> None:
    """Raise UnreadablePublication where two rows of an interval are told apart by nothing.

    `posted` is when each row was published, where a file may have several publications.
    """
    texts = [(text.codes, len(text)) for text in told_by]
    moments = [(each.code, len(each.starts)) for each in (posted, times.intervals) if each is not None]
    rows = combine([*texts, *moments])
    if repeat := first_repeat(rows.code, len(rows)):
        frame.fail(repeat[1], column, f"{what} has this interval twice, in lines {frame.lines(*repeat)}")


def _runs(frame: Frame) -> Times:
    stamp = frame.text("stamp")
    flag, meanings = second_pass_flags(frame)
    slots = combine([(stamp.codes, len(stamp)), (flag.codes, len(flag))])
    clocks = _values(frame, "stamp", stamp, wall_clock)
    passes = [meanings[code] for code in slots.members[1]]
    starts = starts_of(frame, slots, [clocks[code] for code in slots.members[0]], passes, "stamp")
    runs = Intervals.of(starts, slots.code)
    return Times(runs, run_end(runs.starts), [], "stamp")


def _delivered(frame: Frame) -> Times:
    day, hour = frame.text("day"), frame.text("hour")
    whole = Text.of(np.zeros(frame.rows, dtype=np.int64), ["1"])
    quarter = frame.text("quarter") if frame.has("quarter") else whole
    flag, meanings = second_pass_flags(frame)
    slots = combine([(text.codes, len(text)) for text in (day, hour, quarter, flag)])
    days = _values(frame, "day", day, calendar_date)
    hours = _values(frame, "hour", hour, _hour)
    quarters = _values(frame, "quarter", quarter, _quarter) if frame.has("quarter") else [1]
    locals_ = [
        _midnight(days[d]) + timedelta(seconds=(hours[h] - 1) * HOUR_S + (quarters[q] - 1) * QUARTER_S)
        for d, h, q in slots.members[:3].T.tolist()
    ]
    passes = [meanings[code] for code in slots.members[3]]
    intervals = Intervals.of(starts_of(frame, slots, locals_, passes, "hour"), slots.code)
    length = QUARTER_S if frame.has("quarter") else HOUR_S
    return Times(intervals, intervals.starts + length, days, "hour")


def _hours_by_stamp(frame: Frame) -> Times:
    """Hours by day and clock of their end in one cell, `02/08/2016 00:00` for the last of the day before."""
    stamp = frame.text("hour")
    flag, meanings = second_pass_flags(frame)
    slots = combine([(stamp.codes, len(stamp)), (flag.codes, len(flag))])
    ends = _values(frame, "hour", stamp, _full_hour)
    locals_ = [ends[code] - timedelta(hours=1) for code in slots.members[0]]
    passes = [meanings[code] for code in slots.members[1]]
    hours = Intervals.of(starts_of(frame, slots, locals_, passes, "hour"), slots.code)
    return Times(hours, hours.starts + HOUR_S, [], "hour")


def _endings(frame: Frame) -> Times:
    """Quarters of an hour by the clock at their end, 00:00 (the midnight that the day begins with) to 24:00."""
    day, time = frame.text("day"), frame.text("time")
    flag, meanings = second_pass_flags(frame)
    slots = combine([(text.codes, len(text)) for text in (day, time, flag)])
    days = _values(frame, "day", day, calendar_date)
    times = _values(frame, "time", time, _quarter_ending)
    locals_ = [_midnight(days[d]) + times[t] for d, t in slots.members[:2].T.tolist()]
    passes = [meanings[code] for code in slots.members[2]]
    intervals = Intervals.of(starts_of(frame, slots, locals_, passes, "time"), slots.code)
    return Times(intervals, intervals.starts + QUARTER_S, days, "time")


def _values(frame: Frame, column: str, text: Text, convert: Callable[[str], _Value]) -> list[_Value]:
    values: list[_Value] = []
    for code, value in enumerate(text.values):
        try:
            values.append(convert(value))
        except ClockError as error:
            frame.fail(int(np.argmax(text.codes == code)), column, str(error))
    return values


def _hour(text: str) -> int:
    try:
        return hour_ending(text)
    except ClockError as error:
        if text.partition(":")[0] != "25":
            raise
        words = "on autumn's long day it may be the last of 25 in order, or the repeated one behind the others"
        raise ClockError(f"{error}; {words}: name them 1 to 24, and {MARK_IT}") from None


def _full_hour(text: str) -> datetime:
    if " " not in text and "T" not in text:
        raise ClockError(f"{text!r} has no day, and there is no column of days: keep the operator's DeliveryDate")
    stamp = wall_clock(text)
    if stamp.minute or stamp.second:
        raise ClockError(f"{text!r} is not the end of an hour")
    return stamp


def _moment(text: str) -> int:
    try:
        return local_to_utc_second(wall_clock(text), CENTRAL, None)
    except RepeatedHour as error:
        raise ClockError(f"{error}: leave out what was published in that hour") from None


def _quarter(text: str) -> int:
    if text not in ("1", "2", "3", "4"):
        raise ClockError(f"{text!r} is not an interval from 1 to 4")
    return int(text)


def _quarter_ending(text: str) -> timedelta:
    """From midnight to the beginning of the quarter of an hour that ends at `00:00` to `24:00`. Raises ClockError."""
    hours, _, minutes = text.partition(":")
    if not (text.isascii() and hours.isdigit() and minutes.isdigit()):
        raise ClockError(f"{text!r} is not a time of day")
    end_s = int(hours) * HOUR_S + int(minutes) * 60
    if int(minutes) > 59 or end_s % QUARTER_S or end_s > 24 * HOUR_S:
        raise ClockError(f"{text!r} is not the end of a quarter of an hour, 00:00 to 24:00")
    return timedelta(seconds=end_s - QUARTER_S)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)
