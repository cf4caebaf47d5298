from datetime import date
from decimal import Decimal, localcontext

import numpy as np
import pytest

from analytics.arrays import Floats, Integers
from analytics.mean_reversion import NOT_MEAN_REVERTING, TOO_LITTLE_HISTORY, OuProcess, estimate_mean_reversion
from analytics.periods import SECONDS_PER_HOUR, midnights_utc_s

ZONE = "America/New_York"
DEFAULT = OuProcess(kappa_per_year=20.0, sigma_per_sqrt_year=1.5)


def hourly(logs: Floats, start: date = date(2015, 1, 1)) -> tuple[Integers, Floats]:
    """Hours of local days whose prices are exp(log) all day long."""
    end = (np.datetime64(start, "D") + logs.size).item()
    midnights = midnights_utc_s(start, end, ZONE)
    hours = np.arange(midnights[0], midnights[-1], SECONDS_PER_HOUR)
    day = np.searchsorted(midnights, hours, side="right") - 1
    return hours, 40.0 * np.exp(logs[day])


def autoregression(phi: float, noise: float, days: int, seed: int = 11) -> Floats:
    shocks = noise * np.random.default_rng(seed).standard_normal(days)
    logs = np.zeros(days)
    for day in range(1, days):
        logs[day] = phi * logs[day - 1] + shocks[day]
    return logs


def test_a_simulated_process_is_recovered() -> None:
    kappa, sigma, step = 55.0, 2.2, 1 / 365
    phi = np.exp(-kappa * step)
    noise = sigma * np.sqrt((1 - phi**2) / (2 * kappa))
    found = estimate_mean_reversion(*hourly(autoregression(phi, noise, 4000)), ZONE, default=DEFAULT)
    assert found.fallback is None
    assert found.process.kappa_per_year == pytest.approx(kappa, rel=0.12)
    assert found.process.sigma_per_sqrt_year == pytest.approx(sigma, rel=0.05)
    assert found.process.half_life_days == pytest.approx(np.log(2) / found.process.kappa_per_year * 365)
    assert found.day_pairs == 3999


def test_the_season_is_not_taken_for_slow_reversion() -> None:
    logs = autoregression(0.7, 0.1, 1461)
    days = np.datetime64("2015-01-01") + np.arange(logs.size)
    season = 0.8 * np.cos(np.pi / 6 * (days.astype("datetime64[M]").astype(np.int64) % 12))
    plain = estimate_mean_reversion(*hourly(logs), ZONE, default=DEFAULT)
    seasonal = estimate_mean_reversion(*hourly(logs + season), ZONE, default=DEFAULT)
    assert seasonal.process.kappa_per_year == pytest.approx(plain.process.kappa_per_year, rel=1e-9)


def test_days_left_out_are_counted_and_break_the_chain() -> None:
    hours, price = hourly(autoregression(0.7, 0.1, 400))
    price[10 * 24 : 11 * 24] = -5.0
    price[20 * 24 : 20 * 24 + 6] = np.nan
    found = estimate_mean_reversion(hours, price, ZONE, default=DEFAULT)
    assert (found.days_not_positive, found.days_incomplete, found.day_pairs) == (1, 1, 395)
    assert found.fallback is None


def test_too_little_history_returns_the_default_by_name() -> None:
    found = estimate_mean_reversion(*hourly(autoregression(0.7, 0.1, 60)), ZONE, default=DEFAULT)
    assert found.process == DEFAULT
    assert (found.fallback, found.phi, found.day_pairs) == (TOO_LITTLE_HISTORY, None, 59)
    assert found.reason is not None
    assert "59 pairs" in found.reason
    empty = estimate_mean_reversion([], [], ZONE, default=DEFAULT)
    assert (empty.fallback, empty.day_pairs) == (TOO_LITTLE_HISTORY, 0)


@pytest.mark.parametrize("kind", ["alternating", "flat"])
def test_prices_that_do_not_revert_return_the_default_by_name(kind: str) -> None:
    logs: Floats = np.zeros(200)
    if kind == "alternating":
        logs[::2] = 0.2
    found = estimate_mean_reversion(*hourly(logs), ZONE, default=DEFAULT)
    assert found.process == DEFAULT
    assert found.fallback == NOT_MEAN_REVERTING
    assert found.reason is not None
    assert "not between 0 and 1" in found.reason


def test_the_variance_rises_to_its_stationary_value() -> None:
    process = OuProcess(10.0, 2.0)
    variance = process.variance([0.0, 1e-4, 50.0])
    np.testing.assert_allclose(variance, [0.0, 4.0 * 1e-4, 4.0 / 20.0], rtol=2e-3)


@pytest.mark.parametrize("y", [1e-9, 1e-4, 0.01, 0.0999, 0.1, 0.1001, 0.5, 3.0, 9.0, 200.0])
def test_the_average_between_two_ends_is_right_to_ten_digits(y: float) -> None:
    # y = kappa x years. In floating point the plain formula has no digit left at 1e-9.
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(y)
        tanh = (exact.exp() - 1) / (exact.exp() + 1)  # of y / 2
        expected = float(tanh / exact), float((exact - 2 * tanh) / exact**3)
    weight, variance = OuProcess(y / 0.25, 2.0).average_given_ends(0.25)
    assert weight == pytest.approx(expected[0], rel=1e-13)
    assert variance == pytest.approx(4.0 * 0.25 * expected[1], rel=1e-11)


def test_the_variance_of_an_average_in_the_limits() -> None:
    start, length = 0.5, 1 / 12
    # No reversion: a Brownian motion, whose average has the variance sigma^2 (start + length / 3).
    brownian = OuProcess(1e-9, 1.5).average_variance(start, start + length)
    assert brownian == pytest.approx(1.5**2 * (start + length / 3), rel=1e-8)
    # Quick reversion: white noise, with a first correction for the memory at both ends of the stretch.
    kappa = 1e5
    noise = OuProcess(kappa, 1.5).average_variance(start, start + length)
    assert noise == pytest.approx(1.5**2 / (kappa**2 * length) * (1 - 1 / (kappa * length)), rel=1e-9)
    # A short stretch: no averaging left.
    process = OuProcess(110.0, 4.8)
    assert process.average_variance(start, start + 1e-9) == pytest.approx(process.variance(start), rel=1e-6)


def test_a_month_averages_most_of_the_daily_movement_away() -> None:
    process = OuProcess(110.0, 4.8)
    variance = process.average_variance(1.0, 1.0 + 1 / 12)
    # Of a process long under way: 2 Var[X] (y - 1 + exp(-y)) / y^2 with y = kappa / 12.
    y = 110 / 12
    assert variance == pytest.approx(process.variance(1.0) * 2 * (y - 1 + np.exp(-y)) / y**2, rel=1e-12)
    assert np.sqrt(process.variance(1.0) / variance) == pytest.approx(2.27, abs=0.01)


@pytest.mark.parametrize(("kappa", "sigma"), [(0.0, 1.0), (-1.0, 1.0), (np.nan, 1.0), (1.0, -0.1), (1.0, np.inf)])
def test_impossible_parameters_are_refused(kappa: float, sigma: float) -> None:
    with pytest.raises(ValueError, match="per_"):
        OuProcess(kappa, sigma)
