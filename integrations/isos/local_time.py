"""Operators' stamps and prevailing local time to UTC, one distinct value at a time (a file holds few)."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from integrations.isos.ticks import Ints

HOUR_S = 3600
YEARS = range(1990, 2100)
"""A year outside is a mangled digit, and some stores could not hold it."""

_EPOCH = datetime(1970, 1, 1)
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.0+)?)?(?: ?([AP]M))?(?:Z|[+-]00:?00)?", re.IGNORECASE | re.ASCII)
_UTC_MARK = re.compile(r"(?:Z|[+-]00:?00)$", re.IGNORECASE)


class ClockError(ValueError):
    """A stamp that names no moment, or cannot be told from another one."""


class RepeatedHour(ClockError):
    """A time that occurs twice, and nothing tells which is meant."""


@lru_cache(maxsize=4096)
def calendar_date(text: str) -> date:
    """`1/30/2019`, `01/30/2019` or `2019-01-30`. Raises ClockError."""
    if found := _US_DATE.fullmatch(text):
        month, day, year = map(int, found.groups())
    elif found := _ISO_DATE.fullmatch(text):
        year, month, day = map(int, found.groups())
    else:
        raise ClockError(f"{text!r} is not a date")
    if year not in YEARS:
        raise ClockError(f"{text!r} lies outside the years {YEARS.start} to {YEARS.stop - 1}")
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ClockError(f"{text!r} is not a date: {error}") from None


def utc_second(text: str) -> int:
    """Seconds since 1970 of a stamp that is in UTC: `6/15/2025 4:00:00 AM`, `2025-06-15T04:00:00[.000][Z|-00:00]`.

    Raises ClockError, also where the stamp carries another offset than zero.
    """
    day, _, clock = text.partition("T" if "T" in text else " ")
    return _midnight(day) + _second_of_day(clock)


def utc_seconds(stamps: pa.StringArray) -> Ints | None:
    """As `utc_second` of each, quicker for many, which are of few days and times of day. None where one is faulty."""
    halves = halves_of(stamps, "T" if len(stamps) and "T" in stamps[0].as_py() else " ")
    try:
        return of_each(halves[0], _midnight) + of_each(halves[1], _second_of_day) if halves else None
    except ClockError:
        return None


def halves_of(stamps: pa.StringArray, mark: str) -> tuple[pa.StringArray, pa.StringArray] | None:
    """What is before the first mark in each stamp, and what is behind it; None where one does not have it."""
    parts = pc.split_pattern(stamps, mark, max_splits=1)
    halves = parts.flatten()
    if len(halves) != 2 * len(stamps) or not (pc.list_value_length(parts).to_numpy() == 2).all():
        return None
    return halves[0::2], halves[1::2]


def of_each(strings: pa.StringArray, read: Callable[[str], int]) -> Ints:
    """What each string is read as; the equal ones are read once."""
    encoded = strings.dictionary_encode()
    values = np.array([read(text) for text in encoded.dictionary.to_pylist()], dtype=np.int64)
    found: Ints = values[encoded.indices.to_numpy()]
    return found


def wall_clock(text: str) -> datetime:
    """The naive local time of a stamp such as `01/29/2023 00:05:15`. Raises ClockError, also for one marked as UTC."""
    if _UTC_MARK.search(text):
        raise ClockError(f"{text!r} is in UTC, where the clock of the market is wanted")
    return _EPOCH + timedelta(seconds=utc_second(text))


def local_to_utc_second(local: datetime, zone: ZoneInfo, second_pass: bool | None) -> int:
    """Seconds since 1970 of a naive local time.

    `second_pass` is the operator's flag for the hour that daylight saving repeats; None where the file has no such
    flag. Raises ClockError for a time that the spring change skips, for a repeated one without a flag, and for a flag
    on a time that occurs once.
    """
    if not second_pass and (midnight := midnight_of_plain_day(local.date(), zone)) is not None:
        return midnight + HOUR_S * local.hour + 60 * local.minute + local.second
    return _looked_up(local, zone, second_pass)


def _looked_up(local: datetime, zone: ZoneInfo, second_pass: bool | None) -> int:
    first = int(local.replace(tzinfo=zone, fold=0).timestamp())
    second = int(local.replace(tzinfo=zone, fold=1).timestamp())
    if first > second:
        raise ClockError(f"{local} does not exist in {zone.key}: the clock skips that hour")
    if first == second:
        if second_pass:
            raise ClockError(f"{local} is flagged as the repeated hour, but occurs once in {zone.key}")
        return first
    if second_pass is None:
        raise RepeatedHour(f"{local} occurs twice in {zone.key} and no flag tells the first pass from the second")
    return second if second_pass else first


def local_day_hours(day: date, zone: ZoneInfo) -> list[int]:
    """The starts, in seconds since 1970, of the 23, 24 or 25 hours of a local day."""
    midnight = datetime(day.year, day.month, day.day)
    start, end = (_looked_up(each, zone, None) for each in (midnight, midnight + timedelta(days=1)))
    return list(range(start, end, HOUR_S))


@lru_cache(maxsize=4096)
def midnight_of_plain_day(day: date, zone: ZoneInfo) -> int | None:
    """When a local day of 24 hours begins, in seconds since 1970; None for the days on which the clock changes."""
    hours = local_day_hours(day, zone)
    return hours[0] if len(hours) == 24 else None


def hour_ending(text: str) -> int:
    """The hour 1 to 24 of `01:00`, `1:00`, `24:00` or `1`. Raises ClockError.

    25 is refused: on the long day it can be the last of 25 hours in order or the repeated one put at the end.
    """
    found = re.fullmatch(r"([0-9]{1,2})(?::00){0,2}", text)
    hour = int(found[1]) if found else 0
    if not 1 <= hour <= 24:
        raise ClockError(f"{text!r} is not an hour from 1 to 24")
    return hour


@lru_cache(maxsize=4096)
def _midnight(text: str) -> int:
    day = calendar_date(text)
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


@lru_cache(maxsize=4096)
def _second_of_day(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if not found:
        raise ClockError(f"{text!r} is not a time of day")
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    half = (found[4] or "").upper()
    if half:
        if not 1 <= hour <= 12:
            raise ClockError(f"{text!r} is not a time of day")
        hour = hour % 12 + (12 if half == "PM" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ClockError(f"{text!r} is not a time of day")
    return hour * HOUR_S + minute * 60 + second
