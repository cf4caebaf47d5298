from datetime import date

import numpy as np
import pytest

from analytics.periods import Period
from analytics.volumes import delivery_volumes, local_hours

ZONE = "America/Chicago"
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))


def test_constant_power_delivers_the_true_hours_of_each_month() -> None:
    volumes = delivery_volumes(YEAR, ZONE, 10.0)
    assert volumes.hours.tolist() == [744, 672, 743, 720, 744, 720, 744, 744, 720, 744, 721, 744]
    np.testing.assert_array_equal(volumes.volume_mwh, 10.0 * volumes.hours)
    assert [str(month) for month in volumes.month[[0, -1]]] == ["2026-01", "2026-12"]


def test_wall_clock_hours_skip_and_repeat_when_clocks_move() -> None:
    _, spring = local_hours(Period(date(2026, 3, 8), date(2026, 3, 9)), ZONE)
    _, autumn = local_hours(Period(date(2026, 11, 1), date(2026, 11, 2)), ZONE)
    assert spring.tolist() == [0, 1, *range(3, 24)]
    assert autumn.tolist() == [0, 1, 1, *range(2, 24)]


@pytest.mark.parametrize(("hour", "march", "november"), [(1, 31, 31), (2, 30, 30), (3, 31, 30)])
def test_an_hour_of_day_profile_follows_the_wall_clock(hour: int, march: int, november: int) -> None:
    profile = np.zeros(24)
    profile[hour] = 1.0
    volumes = delivery_volumes(YEAR, ZONE, profile)
    assert volumes.volume_mwh[2] == march
    assert volumes.volume_mwh[10] == november


def test_an_hour_of_week_profile_starts_on_monday() -> None:
    profile = np.zeros(168)
    profile[:24] = 1.0
    week = delivery_volumes(Period(date(2026, 6, 1), date(2026, 6, 2)), ZONE, profile)  # a Monday
    assert week.volume_mwh.tolist() == [24]
    rest = delivery_volumes(Period(date(2026, 6, 2), date(2026, 6, 8)), ZONE, profile)
    assert rest.volume_mwh.tolist() == [0]


def test_a_month_by_hour_profile_starts_in_january() -> None:
    profile = np.repeat(np.arange(1.0, 13.0), 24)
    volumes = delivery_volumes(YEAR, ZONE, profile)
    np.testing.assert_array_equal(volumes.volume_mwh, np.arange(1.0, 13.0) * volumes.hours)


def test_the_leap_day_repeats_the_day_before() -> None:
    profile = np.repeat(np.arange(365.0), 24)
    february = delivery_volumes(Period(date(2028, 2, 28), date(2028, 3, 2)), ZONE, profile)
    assert february.volume_mwh.tolist() == [24 * (58 + 58), 24 * 59]
    ends = delivery_volumes(Period(date(2028, 12, 31), date(2029, 1, 2)), ZONE, profile)
    assert ends.volume_mwh.tolist() == [24 * 364, 0]


def test_a_long_term_is_quick_and_complete() -> None:
    volumes = delivery_volumes(Period(date(2027, 1, 1), date(2047, 1, 1)), ZONE, np.ones(8760))
    assert volumes.month.size == 240
    assert volumes.volume_mwh.sum() == 24 * 7305


@pytest.mark.parametrize(
    ("power", "problem"),
    [([1.0, 2.0], "2 values"), ([-1.0], "negative"), ([float("nan")], "finite"), ([], "non-empty")],
)
def test_profiles_that_make_no_sense_are_refused(power: list[float], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        delivery_volumes(YEAR, ZONE, power)


def test_a_zone_with_half_hour_shifts_is_refused() -> None:
    with pytest.raises(ValueError, match="Lord_Howe"):
        delivery_volumes(YEAR, "Australia/Lord_Howe", 1.0)
