from datetime import date

import numpy as np
import pytest

from analytics.arrays import Integers
from analytics.history import daily_means, monthly_means
from analytics.periods import SECONDS_PER_HOUR, midnights_utc_s
from analytics.seasons import NON_POSITIVE_MEAN, TOO_LITTLE_HISTORY, learn_seasonal_shape

ZONE = "America/Chicago"


def hours_between(start: date, end: date) -> tuple[Integers, Integers]:
    """Epoch seconds of every hour of the local days, and the local calendar month (1 to 12) of each."""
    midnights = midnights_utc_s(start, end, ZONE)
    hours = np.arange(midnights[0], midnights[-1], SECONDS_PER_HOUR)
    day = np.datetime64(start, "D") + np.searchsorted(midnights, hours, side="right") - 1
    return hours, day.astype("datetime64[M]").astype(np.int64) % 12 + 1


def test_monthly_levels_become_factors_with_mean_one() -> None:
    hours, month = hours_between(date(2025, 1, 1), date(2026, 1, 1))
    shape = learn_seasonal_shape(hours, 30.0 + 2.0 * month, ZONE)
    counts = np.bincount(month)[1:]
    level = np.average(30.0 + 2.0 * np.arange(1, 13), weights=counts)
    np.testing.assert_allclose(shape.factors, (30.0 + 2.0 * np.arange(1, 13)) / level, rtol=1e-12)
    assert np.average(shape.factors, weights=counts) == pytest.approx(1.0, abs=1e-14)
    assert (shape.fallback, shape.reason, shape.years_used) == (None, None, 1)
    assert str(shape.last_month) == "2025-12"


def test_hours_belong_to_the_local_month() -> None:
    hours, month = hours_between(date(2025, 1, 1), date(2026, 1, 1))
    shape = learn_seasonal_shape(hours, np.where(month == 7, 90.0, 30.0), ZONE)
    assert shape.factors[6] == pytest.approx(3 * shape.factors[0])
    assert np.ptp(np.delete(shape.factors, 6)) < 1e-12


def test_a_year_that_starts_in_spring_and_any_order_of_hours_will_do() -> None:
    hours, month = hours_between(date(2024, 4, 1), date(2025, 4, 1))
    order = np.random.default_rng(3).permutation(hours.size)
    shape = learn_seasonal_shape(hours[order], (20.0 + month)[order], ZONE)
    assert shape.fallback is None
    assert shape.factors[0] < shape.factors[11]


def test_a_changed_price_level_is_not_taken_for_a_season() -> None:
    hours, month = hours_between(date(2023, 7, 1), date(2025, 7, 1))
    season = 1 + 0.1 * np.cos(month * np.pi / 6)
    doubled = np.where(hours < hours[hours.size // 2 + 24], 40.0, 80.0)
    shape = learn_seasonal_shape(hours, season * doubled, ZONE)
    expected = 1 + 0.1 * np.cos(np.arange(1, 13) * np.pi / 6)
    assert shape.years_used == 2
    np.testing.assert_allclose(shape.factors, expected / expected.mean(), atol=0.01)


def test_quarter_hours_count_as_their_hour() -> None:
    hours, month = hours_between(date(2025, 1, 1), date(2026, 1, 1))
    price = 30.0 + month
    quarters = (hours[:, None] + np.array([0, 900, 1800, 2700])).ravel()
    around = (price[:, None] + np.array([-3.0, -1.0, 1.0, 3.0])).ravel()
    np.testing.assert_allclose(
        learn_seasonal_shape(quarters, around, ZONE).factors,
        learn_seasonal_shape(hours, price, ZONE).factors,
        rtol=1e-12,
    )


@pytest.mark.parametrize("case", ["eleven months", "a thin month", "nothing", "no numbers"])
def test_too_little_history_is_a_named_flat_fallback(case: str) -> None:
    end = date(2025, 12, 1) if case == "eleven months" else date(2026, 1, 1)
    hours, month = hours_between(date(2025, 1, 1), end)
    price = (30.0 + month).astype(np.float64)
    if case == "a thin month":
        price[(month == 6) & (np.arange(hours.size) % 5 == 0)] = np.nan
    if case == "nothing":
        hours, price = hours[:0], price[:0]
    if case == "no numbers":
        price[:] = np.nan
    shape = learn_seasonal_shape(hours, price, ZONE)
    assert shape.fallback == TOO_LITTLE_HISTORY
    assert shape.reason is not None
    assert "twelve" in shape.reason
    assert np.all(shape.factors == 1)


def test_a_month_that_averages_below_zero_is_a_named_flat_fallback() -> None:
    hours, month = hours_between(date(2025, 1, 1), date(2026, 1, 1))
    shape = learn_seasonal_shape(hours, np.where(month == 5, -4.0, 30.0), ZONE)
    assert shape.fallback == NON_POSITIVE_MEAN
    assert shape.reason is not None
    assert "2025-05" in shape.reason
    assert np.all(shape.factors == 1)


def test_a_missing_tenth_of_a_month_is_tolerated() -> None:
    hours, month = hours_between(date(2025, 1, 1), date(2026, 1, 1))
    keep = np.arange(hours.size) % 11 != 0
    assert learn_seasonal_shape(hours[keep], (30.0 + month)[keep], ZONE).fallback is None


def test_daily_and_monthly_means_know_the_clock_change_days() -> None:
    hours, _ = hours_between(date(2026, 3, 1), date(2026, 4, 1))
    days = daily_means(hours, np.arange(hours.size), ZONE)
    assert days.hours[7] == 23
    assert np.all(days.coverage == 1)
    assert days.mean[7] == pytest.approx(np.arange(7 * 24, 7 * 24 + 23).mean())
    months = monthly_means(days, ZONE)
    assert (str(months.period[0]), months.hours[0], months.coverage[0]) == ("2026-03", 743, 1)
    assert months.mean[0] == pytest.approx((hours.size - 1) / 2)


def test_one_price_an_interval_is_required() -> None:
    with pytest.raises(ValueError, match="one price an interval"):
        learn_seasonal_shape(np.arange(3), np.ones(2), ZONE)
