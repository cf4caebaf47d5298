"""Which requests bring which stretch of MISO's feeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integrations.isos.feed_registry import FEEDS
from integrations.isos.feeds import AgedOut

NOW = datetime(2026, 8, 14, 12, tzinfo=UTC)


def names(feed: str, start: datetime, end: datetime) -> list[str]:
    return [request.name for request in FEEDS[f"miso/{feed}"].plan(start, end, NOW)]


def test_a_daily_report_is_asked_for_by_market_day_in_eastern_standard_time() -> None:
    start, end = datetime(2026, 8, 1, 4, 59, tzinfo=UTC), datetime(2026, 8, 2, 5, tzinfo=UTC)
    assert names("da_expost_lmp", start, end) == ["20260731_da_expost_lmp.csv", "20260801_da_expost_lmp.csv"]
    (first, second) = FEEDS["miso/da_expost_lmp"].plan(start, end, NOW)
    assert first.end_utc == second.start_utc == datetime(2026, 8, 1, 5, tzinfo=UTC)


def test_reports_that_are_named_by_their_publication_are_asked_for_a_day_later() -> None:
    day = datetime(2026, 8, 1, 5, tzinfo=UTC)
    assert names("sr_gfm", day, day + timedelta(days=1)) == ["20260802_sr_gfm.xlsx"]


def test_a_week_of_five_minutes_is_named_by_the_monday_two_weeks_later() -> None:
    wednesday = datetime(2026, 7, 22, 12, tzinfo=UTC)
    assert names("5min_lmp", wednesday, wednesday + timedelta(days=1)) == ["20260803_5MIN_LMP.zip"]
    assert names("5min_lmp", wednesday, wednesday + timedelta(days=6)) == [
        "20260803_5MIN_LMP.zip",
        "20260810_5MIN_LMP.zip",
    ]


def test_what_is_no_longer_served_is_said_before_anything_is_asked() -> None:
    old = datetime(2022, 12, 31, 6, tzinfo=UTC)
    with pytest.raises(AgedOut, match="serves da_expost_lmp from 2023-01-01 on"):
        names("da_expost_lmp", old, old + timedelta(days=1))
    with pytest.raises(AgedOut, match="serves rt_lmp_prelim from 2026-08-10 on"):
        names("rt_lmp_prelim", NOW - timedelta(days=6), NOW)
    with pytest.raises(AgedOut, match="serves only what is newest"):
        names("rt_five_min_lmp", NOW - timedelta(days=2), NOW - timedelta(days=1))


def test_ids_are_unique_and_every_feed_says_its_terms() -> None:
    assert all(feed.id == name and feed.licence and feed.title for name, feed in FEEDS.items())
