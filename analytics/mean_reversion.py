"""Mean reversion and volatility of power prices: an Ornstein-Uhlenbeck process in the logarithm."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.arrays import Floats
from analytics.history import FULL_COVERAGE, daily_means
from analytics.periods import DAYS_PER_YEAR, calendar_month

LEAST_DAY_PAIRS = 60
_LEAST_VARIANCE = 1e-18  # of logarithms; less is the rounding of prices that never move
_SMALL = 0.1  # of kappa times years; below it a difference cancels and its power series, cut off, is good to 1e-12
TOO_LITTLE_HISTORY = "default_too_little_history"
NOT_MEAN_REVERTING = "default_not_mean_reverting"


@dataclass(frozen=True)
class OuProcess:
    """dX = -kappa X dt + sigma dW with X(0) = 0, time in years of 365 days.

    Raises ValueError where kappa is not above zero or sigma is negative.
    """

    kappa_per_year: float
    sigma_per_sqrt_year: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.kappa_per_year) and self.kappa_per_year > 0):
            raise ValueError(f"kappa_per_year: {self.kappa_per_year} is not a number above 0")
        if not (np.isfinite(self.sigma_per_sqrt_year) and self.sigma_per_sqrt_year >= 0):
            raise ValueError(f"sigma_per_sqrt_year: {self.sigma_per_sqrt_year} is not a number of 0 or more")

    @property
    def half_life_days(self) -> float:
        """Days in which an expected deviation halves: log(2) / kappa."""
        return float(np.log(2.0) / self.kappa_per_year * DAYS_PER_YEAR)

    def variance(self, years: npt.ArrayLike) -> Floats:
        """Var X(t) = sigma^2 (1 - exp(-2 kappa t)) / (2 kappa), same shape as `years`."""
        elapsed = np.asarray(years, dtype=np.float64)
        result: Floats = self.sigma_per_sqrt_year**2 * -np.expm1(-2 * self.kappa_per_year * elapsed)
        return result / (2 * self.kappa_per_year)

    def average_given_ends(self, years: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Weight w and variance v of the average of X over a stretch of time of `years` above 0, same shapes.

        Given X at both ends of the stretch its average over time is normal, with mean w (X_start + X_end) and
        variance v. With y = kappa d, d the years: w = tanh(y/2) / y, v = sigma^2 d (y - 2 tanh(y/2)) / y^3, which is
        the joint law of an OU process and its integral (Gillespie 1996, Physical Review E 54, 2084) given the end.
        """
        elapsed = np.asarray(years, dtype=np.float64)
        y = self.kappa_per_year * elapsed
        weight: Floats = np.tanh(y / 2) / y
        square = np.minimum(y, _SMALL) ** 2
        series = 1 / 12 - square * (1 / 120 - square * (17 / 20160 - square * 31 / 362880))
        shape: Floats = np.where(y < _SMALL, series, (1 - 2 * weight) / np.maximum(y, _SMALL) ** 2)
        return weight, self.sigma_per_sqrt_year**2 * elapsed * shape

    def average_variance(self, start_years: npt.ArrayLike, end_years: npt.ArrayLike) -> Floats:
        """Variance of the average of X over time from start to end, 0 <= start < end, same shape as both."""
        start, end = np.asarray(start_years, dtype=np.float64), np.asarray(end_years, dtype=np.float64)
        weight, between = self.average_given_ends(end - start)
        decay = np.exp(-self.kappa_per_year * (end - start))
        ends: Floats = (1 + 2 * decay) * self.variance(start) + self.variance(end)
        return weight**2 * ends + between


@dataclass(frozen=True)
class MeanReversion:
    """An estimated process and what it rests on; with `fallback` set, the given default and the `reason`.

    `phi` is the daily autoregression found (None where there were too few pairs), `day_pairs` the neighbouring days
    it was fitted on. Days left out are counted: those with less than 90 % of their hours, those that average zero
    or less.
    """

    process: OuProcess
    phi: float | None
    day_pairs: int
    days_incomplete: int
    days_not_positive: int
    fallback: str | None = None
    reason: str | None = None


def estimate_mean_reversion(
    interval_start_utc_s: npt.ArrayLike, price_usd_per_mwh: npt.ArrayLike, time_zone: str, *, default: OuProcess
) -> MeanReversion:
    """Fit an OU process to daily prices; the history arguments are those of `history.daily_means`.

    x = log of the daily mean less its average over all days of the same calendar month. On neighbouring days
    x' = a + phi x + e by least squares; the exact discretisation over dt = 1/365 year gives
    kappa = -log(phi) / dt and sigma = sd(e) sqrt(2 kappa / (1 - phi^2)).

    With fewer than 60 pairs of days, or phi outside 0 to 1, `default` is returned under a named fallback.
    """
    days = daily_means(interval_start_utc_s, price_usd_per_mwh, time_zone)
    complete = days.coverage >= FULL_COVERAGE
    usable = complete & (np.where(complete, days.mean, 0.0) > 0)
    incomplete, not_positive = int((~complete).sum()), int((complete & ~usable).sum())

    def defaulted(name: str, reason: str, phi: float | None, pairs: int) -> MeanReversion:
        return MeanReversion(default, phi, pairs, incomplete, not_positive, name, reason)

    logs = _deseasonalised_logs(days.mean, calendar_month(days.period.astype("datetime64[M]")), usable)
    pair = usable[1:] & usable[:-1]
    before, after = logs[:-1][pair], logs[1:][pair]
    if before.size < LEAST_DAY_PAIRS:
        reason = (
            f"history has {before.size} pairs of neighbouring complete days with a price above zero; "
            f"{LEAST_DAY_PAIRS} are needed"
        )
        return defaulted(TOO_LITTLE_HISTORY, reason, None, before.size)
    phi, noise = _autoregression(before, after)
    if not 0.0 < phi < 1.0:
        reason = f"daily autoregression is {phi:.4f}, which is not between 0 and 1"
        return defaulted(NOT_MEAN_REVERTING, reason, phi, before.size)
    kappa = -float(np.log(phi)) * DAYS_PER_YEAR
    sigma = float(np.sqrt(noise * 2 * kappa / (1 - phi**2)))
    return MeanReversion(OuProcess(kappa, sigma), phi, before.size, incomplete, not_positive)


def _autoregression(before: Floats, after: Floats) -> tuple[float, float]:
    """Slope of the regression on the day before, and the residual variance; slope 0 where prices never move."""
    x, y = before - before.mean(), after - after.mean()
    spread = float((x**2).sum())
    phi = float((x * y).sum()) / spread if spread > _LEAST_VARIANCE * x.size else 0.0
    return phi, float(((y - phi * x) ** 2).sum()) / (x.size - 2)


def _deseasonalised_logs(mean: Floats, month: npt.NDArray[np.int64], usable: npt.NDArray[np.bool_]) -> Floats:
    """Logarithms less their calendar month's average; NaN where the day is not usable."""
    logs = np.full(mean.size, np.nan)
    logs[usable] = np.log(mean[usable])
    total = np.bincount(month[usable], weights=logs[usable], minlength=12)
    count = np.bincount(month[usable], minlength=12)
    average = total / np.maximum(count, 1)
    result: Floats = logs - average[month]
    return result
