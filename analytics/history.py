"""Hourly price history brought to local days and months, with how much of each is there."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from analytics.arrays import Dates, Floats
from analytics.periods import SECONDS_PER_HOUR, first_day, midnights_utc_s, zone

FULL_COVERAGE = 0.9
"""Share of a day's or month's hours that must be there for its mean to count."""


@dataclass(frozen=True)
class PeriodMeans:
    """Hour-weighted means of local days (datetime64[D]) or months (datetime64[M]) without holes; all arrays alike
    in shape.

    `hours` is the true length of each, `coverage` the share of it that has a price; the mean is NaN where that is 0.
    """

    period: Dates
    mean: Floats
    hours: Floats
    coverage: Floats


def daily_means(interval_start_utc_s: npt.ArrayLike, price: npt.ArrayLike, time_zone: str) -> PeriodMeans:
    """Means of local days from the first to the last day with a price.

    `interval_start_utc_s`: epoch seconds, shape (n,), any order. `price`: shape (n,), USD/MWh; NaN means no price.
    Intervals shorter than an hour are averaged within their hour first. Raises ValueError where shapes differ.
    """
    starts = np.asarray(interval_start_utc_s, dtype=np.int64)
    prices = np.asarray(price, dtype=np.float64)
    if starts.ndim != 1 or starts.shape != prices.shape:
        raise ValueError(f"history: one price an interval is needed, got shapes {starts.shape} and {prices.shape}")
    known = np.isfinite(prices)
    if not known.any():
        zone(time_zone)
        nothing = np.empty(0)
        return PeriodMeans(np.empty(0, dtype="datetime64[D]"), nothing, nothing, nothing)
    hour, index = np.unique(starts[known] // SECONDS_PER_HOUR, return_inverse=True)
    hourly = np.bincount(index, weights=prices[known]) / np.bincount(index)
    first, last = (_local_day(int(h) * SECONDS_PER_HOUR, time_zone) for h in (hour[0], hour[-1]))
    midnights = midnights_utc_s(first, last + timedelta(days=1), time_zone)
    # A zone half an hour off UTC has its midnight inside a UTC hour; that hour then counts to the day it begins in.
    day = np.searchsorted(midnights, hour * SECONDS_PER_HOUR, side="right") - 1
    days = midnights.size - 1
    present = np.bincount(day, minlength=days).astype(np.float64)
    total = np.bincount(day, weights=hourly, minlength=days)
    hours = np.diff(midnights) / float(SECONDS_PER_HOUR)
    mean = np.divide(total, present, out=np.full(days, np.nan), where=present > 0)
    return PeriodMeans(np.datetime64(first, "D") + np.arange(days), mean, hours, present / hours)


def monthly_means(days: PeriodMeans, time_zone: str) -> PeriodMeans:
    """Means of calendar months of `daily_means`, every hour with the same weight; the end months in full length."""
    if days.period.size == 0:
        return PeriodMeans(np.empty(0, dtype="datetime64[M]"), days.mean, days.hours, days.coverage)
    month_of_day = days.period.astype("datetime64[M]")
    months = np.arange(month_of_day[0], month_of_day[-1] + 1)
    index = (month_of_day - months[0]).astype(np.int64)
    present = days.coverage * days.hours
    known = np.bincount(index, weights=present, minlength=months.size)
    total = np.bincount(index, weights=np.where(present > 0, days.mean, 0.0) * present, minlength=months.size)
    starts = [midnights_utc_s(first_day(m), first_day(m + 1), time_zone)[[0, -1]] for m in months]
    hours = np.array([(end - start) / float(SECONDS_PER_HOUR) for start, end in starts])
    mean = np.divide(total, known, out=np.full(months.size, np.nan), where=known > 0)
    return PeriodMeans(months, mean, hours, known / hours)


def _local_day(instant_utc_s: int, time_zone: str) -> date:
    return datetime.fromtimestamp(instant_utc_s, UTC).astimezone(zone(time_zone)).date()
