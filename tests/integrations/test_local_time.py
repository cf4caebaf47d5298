"""Stamps and prevailing local time."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from integrations.isos.local_time import (
    ClockError,
    calendar_date,
    hour_ending,
    local_day_hours,
    local_to_utc_second,
    utc_second,
)

CENTRAL = ZoneInfo("America/Chicago")


def second_of(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]


@pytest.mark.parametrize("text", ["1/3/2024", "01/03/2024", "2024-01-03"])
def test_dates(text: str) -> None:
    assert calendar_date(text) == date(2024, 1, 3)


@pytest.mark.parametrize(
    "text", ["", "2/30/2024", "13/1/2024", "1/3/24", "20240103", "1/3/1889", "1/3/2189", "1-3-2024"]
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ClockError):
        calendar_date(text)


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("6/15/2025 12:00:00 AM", (0, 0, 0)),
        ("6/15/2025 12:30:00 PM", (12, 30, 0)),
        ("6/15/2025 11:59:59 PM", (23, 59, 59)),
        ("2025-06-15T04:00:00-00:00", (4, 0, 0)),
        ("2025-06-15T04:00:00+0000", (4, 0, 0)),
        ("2025-06-15 04:00", (4, 0, 0)),
    ],
)
def test_stamps_in_utc(text: str, clock: tuple[int, int, int]) -> None:
    assert utc_second(text) == second_of(2025, 6, 15, *clock)


@pytest.mark.parametrize(
    "text", ["", "6/15/2025", "6/15/2025 0:00:00 AM", "2025-06-15T24:00:00", "2025-06-15T04:00:00-07:00", "now"]
)
def test_what_is_no_stamp_in_utc(text: str) -> None:
    with pytest.raises(ClockError):
        utc_second(text)


def test_the_flag_tells_the_passes_of_the_repeated_hour() -> None:
    local = datetime(2024, 11, 3, 1, 30)
    assert local_to_utc_second(local, CENTRAL, False) == second_of(2024, 11, 3, 6, 30)
    assert local_to_utc_second(local, CENTRAL, True) == second_of(2024, 11, 3, 7, 30)
    with pytest.raises(ClockError, match="occurs twice"):
        local_to_utc_second(local, CENTRAL, None)
    with pytest.raises(ClockError, match="does not exist"):
        local_to_utc_second(datetime(2024, 3, 10, 2), CENTRAL, False)
    with pytest.raises(ClockError, match="occurs once"):
        local_to_utc_second(datetime(2024, 6, 1, 1), CENTRAL, True)


@pytest.mark.parametrize(("day", "hours"), [(date(2024, 3, 10), 23), (date(2024, 6, 1), 24), (date(2024, 11, 3), 25)])
def test_local_days_have_23_24_or_25_hours(day: date, hours: int) -> None:
    starts = local_day_hours(day, CENTRAL)
    assert len(starts) == hours
    assert datetime.fromtimestamp(starts[0], CENTRAL).hour == 0


@pytest.mark.parametrize(("text", "hour"), [("01:00", 1), ("1:00", 1), ("24:00", 24), ("7", 7), ("07:00:00", 7)])
def test_hours_ending(text: str, hour: int) -> None:
    assert hour_ending(text) == hour


@pytest.mark.parametrize("text", ["", "0", "00:00", "25", "25:00", "02X", "1:30", "one"])
def test_what_is_no_hour_ending(text: str) -> None:
    with pytest.raises(ClockError):
        hour_ending(text)
