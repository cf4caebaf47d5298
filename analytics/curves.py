"""Forward curves: a smooth daily curve through the quotes, and its monthly extension far past the last of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.arrays import Dates, Floats
from analytics.periods import Period, hours_per_day
from analytics.quotes import (
    Quote,
    RedundantQuote,
    atomic_segments,
    quoted_span,
    select_quotes,
)
from analytics.seasons import SeasonalShape
from analytics.splines import SOLVER, SOLVER_TOLERANCE, Average, SplineFit, smooth_spline

DAILY_METHOD = "maximum_smoothness_quartic_spline"
MONTHLY_METHOD = DAILY_METHOD + "+seasonal_growth"
LAST_MONTH = np.datetime64("2050-12", "M")
_MONTHS_OF_LEVEL = 12


@dataclass(frozen=True)
class DailyCurve:
    """Daily prices from the first quoted day to the last; arrays of shape (days,).

    `used` and `redundant` are the quotes met and those they imply, `gaps` the periods that no quote covers and the
    spline bridges. `fit` tells how exactly the quotes are met and how the solver ended.
    """

    day: Dates
    price_usd_per_mwh: Floats
    weights_hours: Floats
    used: tuple[Quote, ...]
    redundant: tuple[RedundantQuote, ...]
    gaps: tuple[Period, ...]
    fit: SplineFit

    def average(self, period: Period) -> float:
        """Hour-weighted mean over a period inside the curve, USD/MWh. Raises ValueError where it is not inside."""
        first, last = (int((np.datetime64(d, "D") - self.day[0]).astype(int)) for d in (period.start, period.end))
        if first < 0 or last > self.day.size:
            raise ValueError(f"{period} is not within the quoted days {self.day[0]} to {self.day[-1]}")
        return float(np.average(self.price_usd_per_mwh[first:last], weights=self.weights_hours[first:last]))


@dataclass(frozen=True)
class MonthlyCurve:
    """Monthly prices, arrays of shape (months,): `month` datetime64[M], `is_extrapolated` true past the last quote.

    The first and the last quoted month may be quoted in part; their price is the mean of the quoted days.
    `base_usd_per_mwh` is the deseasonalised level that the extrapolation starts from.
    """

    month: Dates
    price_usd_per_mwh: Floats
    is_extrapolated: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    base_usd_per_mwh: float
    shape: SeasonalShape
    daily: DailyCurve

    def diagnostics(self) -> dict[str, object]:
        """How the curve came about, in plain JSON types."""
        fit = self.daily.fit
        return {
            "method": MONTHLY_METHOD,
            "solver": SOLVER,
            "solver_status": fit.solver_status,
            "solver_tolerance": SOLVER_TOLERANCE,
            "max_abs_repricing_error_usd_per_mwh": fit.max_abs_repricing_error_usd_per_mwh,
            "level_ends": fit.level_ends,
            "quotes_used": [quote.product for quote in self.daily.used],
            "quotes_redundant": [
                {
                    "product": found.quote.product,
                    "implied_usd_per_mwh": found.implied_usd_per_mwh,
                    "difference_usd_per_mwh": found.difference_usd_per_mwh,
                }
                for found in self.daily.redundant
            ],
            "gaps": [{"start": gap.start.isoformat(), "end": gap.end.isoformat()} for gap in self.daily.gaps],
            "last_quoted_month": str(self.month[~self.is_extrapolated][-1]),
            "base_usd_per_mwh": self.base_usd_per_mwh,
            "seasonal_factors": self.shape.factors.tolist(),
            "seasonal_years_used": self.shape.years_used,
            "seasonal_fallback": self.shape.fallback,
            "seasonal_fallback_reason": self.shape.reason,
        }


def smooth_daily_curve(quotes: Sequence[Quote], weights_hours: Floats) -> DailyCurve:
    """The smoothest daily curve whose weighted averages equal the quotes (formulation: `splines`).

    `weights_hours`: one weight a day of `quoted_span(quotes)`, usually `hours_per_day`. Quotes may overlap in any
    way and leave gaps. Every independent quote is met to 1e-6 USD/MWh (in practice 1e-10), redundant ones to 0.01.

    Raises ConflictingQuotes, CurveNotSolved, and ValueError for quotes or weights that make no sense.
    """
    selection, span = select_quotes(quotes, weights_hours), quoted_span(quotes)
    segments, gaps = atomic_segments(quotes)
    starts = sorted(piece.start for piece in (*segments, *gaps))
    breaks = np.array([(start - span.start).days for start in starts] + [span.days], dtype=np.int64)
    averages = []
    for quote in selection.used:
        first, last = ((day - span.start).days for day in (quote.period.start, quote.period.end))
        averages.append(Average(first, last, weights_hours[first:last], quote.price_usd_per_mwh))
    fit = smooth_spline(breaks, averages)
    days = np.datetime64(span.start, "D") + np.arange(span.days)
    return DailyCurve(days, fit.price_usd_per_mwh, weights_hours, selection.used, selection.redundant, tuple(gaps), fit)


def extend_to(
    daily: DailyCurve,
    shape: SeasonalShape,
    *,
    growth_per_year: float,
    seasonal_weight: float,
    last_month: np.datetime64 = LAST_MONTH,
) -> MonthlyCurve:
    """Monthly curve from the first quoted month to `last_month`.

    Within the quotes a month is the hour-weighted mean of its days. k months past the last quoted month m it is
    base x (1 + growth_per_year)^(k / 12) x s(m + k) with s = 1 + seasonal_weight x (factor - 1), and
    base = sum(hours x price) / sum(hours x s) over the last twelve quoted months (or as many as there are).

    Raises ValueError for growth_per_year of -1 or less, seasonal_weight outside 0 to 1, quotes that start after
    `last_month`.
    """
    if not (np.isfinite(growth_per_year) and growth_per_year > -1):
        raise ValueError(f"growth_per_year: {growth_per_year} is not above -1 (0.02 means 2 % a year)")
    if not 0 <= seasonal_weight <= 1:
        raise ValueError(f"seasonal_weight: {seasonal_weight} is not between 0 (no season) and 1 (the whole season)")
    month_of_day = daily.day.astype("datetime64[M]")
    if month_of_day[0] > last_month:
        raise ValueError(f"quotes start in {month_of_day[0]}, after the curve's last month {last_month}")
    index = (month_of_day - month_of_day[0]).astype(np.int64)
    hours = np.bincount(index, weights=daily.weights_hours)
    quoted = np.bincount(index, weights=daily.weights_hours * daily.price_usd_per_mwh) / hours
    quoted_months = np.arange(month_of_day[0], month_of_day[-1] + 1)
    recent = slice(-_MONTHS_OF_LEVEL, None)
    season = shape.at(quoted_months[recent], seasonal_weight)
    base = float((hours[recent] * quoted[recent]).sum() / (hours[recent] * season).sum())
    beyond = np.arange(quoted_months[-1] + 1, max(last_month, quoted_months[-1]) + 1)
    years = np.arange(1, beyond.size + 1) / 12.0
    extrapolated = base * (1.0 + growth_per_year) ** years * shape.at(beyond, seasonal_weight)
    months = np.concatenate([quoted_months, beyond])
    keep = months <= last_month
    flags = np.arange(months.size) >= quoted_months.size
    prices = np.concatenate([quoted, extrapolated])
    return MonthlyCurve(months[keep], prices[keep], flags[keep], base, shape, daily)


def build_monthly_curve(
    quotes: Sequence[Quote], time_zone: str, shape: SeasonalShape, *, growth_per_year: float, seasonal_weight: float
) -> MonthlyCurve:
    """The curve of a hub in its zone, to December 2050: `smooth_daily_curve` on DST-exact hours, then `extend_to`."""
    span = quoted_span(quotes)
    daily = smooth_daily_curve(quotes, hours_per_day(span.start, span.end, time_zone))
    return extend_to(daily, shape, growth_per_year=growth_per_year, seasonal_weight=seasonal_weight)
