"""Delivery periods by their product names, and the local days and hours inside them."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from analytics.arrays import Dates, Floats, Integers

SECONDS_PER_HOUR = 3600
DAYS_PER_YEAR = 365.0
"""Of interest and of volatility: actual/365."""
_FORMS = "2027-01, 2027-Q3, CAL-2028, 2027-01-05 or 2027-01-05..2027-01-08 (last day included)"
_YEARS = range(1990, 2101)


@dataclass(frozen=True, order=True)
class Period:
    """Whole local days, half-open: `start` belongs to the period, `end` does not."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"period: end {self.end} must lie after start {self.start}")

    @property
    def days(self) -> int:
        """Number of local days."""
        return (self.end - self.start).days


def delivery_period(product: str) -> Period:
    """The delivery days of a product: month, quarter, calendar year, single day or explicit range of days.

    Raises ValueError naming the product and the forms understood.
    """
    try:
        if match := re.fullmatch(r"(\d{4})-(\d{2})", product):
            return _months(int(match[1]), int(match[2]), 1)
        if match := re.fullmatch(r"(\d{4})-Q([1-4])", product):
            return _months(int(match[1]), 3 * int(match[2]) - 2, 3)
        if match := re.fullmatch(r"CAL-(\d{4})", product):
            return _months(int(match[1]), 1, 12)
        if match := re.fullmatch(r"(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?", product):
            first, last = date.fromisoformat(match[1]), date.fromisoformat(match[2] or match[1])
            if first.year not in _YEARS or last.year not in _YEARS:
                raise ValueError("its year is out of range")
            return Period(first, last + timedelta(days=1))
    except ValueError as error:
        raise ValueError(f"product {product!r}: {error}; write it as {_FORMS}") from error
    raise ValueError(f"product {product!r} is not a delivery period; write it as {_FORMS}")


def _months(year: int, month: int, count: int) -> Period:
    if year not in _YEARS:
        raise ValueError(f"year {year} is not within {_YEARS.start} to {_YEARS.stop - 1}")
    after = year * 12 + month - 1 + count
    return Period(date(year, month, 1), date(after // 12, after % 12 + 1, 1))


def zone(time_zone: str) -> ZoneInfo:
    """The IANA zone. Raises ValueError naming it where it is unknown."""
    try:
        return ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"time zone {time_zone!r} is not known; give an IANA name such as America/Chicago") from error


def midnights_utc_s(start: date, end: date, time_zone: str) -> Integers:
    """UTC epoch seconds of each local midnight from `start` to `end`, both included: shape (days + 1,)."""
    tz = zone(time_zone)
    days = range((end - start).days + 1)
    instants = [datetime.combine(start + timedelta(days=day), time.min, tz).timestamp() for day in days]
    return np.array(instants, dtype=np.int64)


def hours_per_day(start: date, end: date, time_zone: str) -> Floats:
    """Hours of each local day in [start, end): 23, 24 or 25 where clocks move by an hour. Shape (days,)."""
    return np.diff(midnights_utc_s(start, end, time_zone)) / float(SECONDS_PER_HOUR)


def month_of(day: date) -> np.datetime64:
    """The calendar month of a day, as datetime64[M]."""
    return np.datetime64(day, "M")


def first_day(month: np.datetime64) -> date:
    """The first day of a datetime64[M] month."""
    return date.fromisoformat(f"{month.astype('datetime64[M]')}-01")


def calendar_month(months: Dates) -> Integers:
    """Month of the year counted from 0 (January) to 11, of datetime64[M] values of any shape."""
    return months.astype("datetime64[M]").astype(np.int64) % 12
