"""The seasonal shape of prices: twelve monthly factors learnt from history."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.arrays import Dates, Floats
from analytics.history import FULL_COVERAGE, PeriodMeans, daily_means, monthly_means
from analytics.periods import calendar_month

TOO_LITTLE_HISTORY = "flat_too_little_history"
NON_POSITIVE_MEAN = "flat_non_positive_mean"


@dataclass(frozen=True)
class SeasonalShape:
    """Factors of January to December relative to the yearly mean, shape (12,); their hour-weighted mean is 1.

    `years_used` counts the years of twelve covered months that were averaged, the last month of the newest being
    `last_month`. Where no shape could be learnt the factors are all 1, `fallback` names why and `reason` says it in
    words.
    """

    factors: Floats
    years_used: int = 0
    last_month: np.datetime64 | None = None
    fallback: str | None = None
    reason: str | None = None

    def at(self, months: Dates, seasonal_weight: float) -> Floats:
        """1 + weight x (factor - 1) for datetime64[M] months: weight 0 ignores the season, 1 takes it whole."""
        factors: Floats = 1.0 + seasonal_weight * (self.factors[calendar_month(months)] - 1.0)
        return factors


def learn_seasonal_shape(
    interval_start_utc_s: npt.ArrayLike, price_usd_per_mwh: npt.ArrayLike, time_zone: str
) -> SeasonalShape:
    """Multiplicative monthly factors from hourly (or finer) history; arguments as `history.daily_means`.

    Years are taken backwards from the newest month, each of twelve months in a row of which at least 90 % of the
    hours have a price. A month's factor in one year is its mean over the year's hour-weighted mean, so that a
    changed price level is not taken for a season; years are averaged with equal weight and scaled so that the hour-
    weighted mean of the twelve is 1.

    Without such a year, or where a year or a month averages zero or less, the shape is flat and names the fallback.
    """
    months = monthly_means(daily_means(interval_start_utc_s, price_usd_per_mwh, time_zone), time_zone)
    ends = _full_years(months)
    if not ends:
        covered = int((months.coverage >= FULL_COVERAGE).sum())
        return _flat(
            TOO_LITTLE_HISTORY,
            f"history covers {covered} of its {months.period.size} months to at least {FULL_COVERAGE:.0%}; "
            "twelve such months in a row are needed",
        )
    factors, hours = np.zeros(12), np.zeros(12)
    for end in ends:
        year = slice(end - 11, end + 1)
        mean = float(np.average(months.mean[year], weights=months.hours[year]))
        worst = int(np.argmin(months.mean[year]))
        if mean <= 0 or months.mean[year][worst] <= 0:
            return _flat(
                NON_POSITIVE_MEAN,
                f"{months.period[year][worst]} averages {months.mean[year][worst]:.2f} USD/MWh; "
                "a multiplicative shape needs every month above zero",
            )
        index = calendar_month(months.period[year])
        factors[index] += months.mean[year] / mean
        hours[index] += months.hours[year]
    factors /= np.average(factors, weights=hours)
    return SeasonalShape(factors, len(ends), months.period[ends[0]])


def _full_years(months: PeriodMeans) -> list[int]:
    """Index of the last month of each disjoint run of twelve covered months, newest first."""
    covered = months.coverage >= FULL_COVERAGE
    ends, end = [], months.period.size - 1
    while end >= 11:
        if covered[end - 11 : end + 1].all():
            ends.append(end)
            end -= 12
        else:
            end -= 1
    return ends


def _flat(fallback: str, reason: str) -> SeasonalShape:
    return SeasonalShape(np.ones(12), fallback=fallback, reason=reason)
