"""When a feed is asked for again: soon after the mark of its cadence, and once more where it is late or was damaged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from commands.feeds import FeedRun
from commands.polling import AFTER_THE_MARK, next_poll
from commands.running_feeds import FeedDefinition

MARK = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def feed(cadence: timedelta, freshness_target: timedelta) -> FeedDefinition:
    return FeedDefinition(
        "iso/feed", "ISO", "feed", "", "prices", "RT5", "feed", "source", "https://source.test", "", cadence,
        freshness_target, HOUR,
    )  # fmt: skip


PROMPT, PATIENT, HOURLY, DAILY = (
    feed(5 * MINUTE, 10 * MINUTE), feed(5 * MINUTE, HOUR), feed(HOUR, 2 * HOUR), feed(24 * HOUR, HOUR),
)  # fmt: skip


@pytest.mark.parametrize("after_s", [66, 100, 299])
@pytest.mark.parametrize("definition", [PROMPT, PATIENT])
def test_what_is_there_is_asked_for_at_the_next_mark(definition: FeedDefinition, after_s: int) -> None:
    run = FeedRun(newest_interval_end_utc=MARK)
    assert next_poll(definition, run, MARK + timedelta(seconds=after_s)) == MARK + 5 * MINUTE + AFTER_THE_MARK


def test_before_anything_can_be_there_it_waits_for_this_mark() -> None:
    run = FeedRun(newest_interval_end_utc=MARK - 5 * MINUTE)
    assert next_poll(PROMPT, run, MARK + timedelta(seconds=10)) == MARK + AFTER_THE_MARK


@pytest.mark.parametrize("newest", [None, MARK - 5 * MINUTE])
def test_what_is_late_and_has_to_be_fresh_is_asked_for_again_soon(newest: datetime | None) -> None:
    now, run = MARK + timedelta(seconds=70), FeedRun(newest_interval_end_utc=newest)
    assert now < next_poll(PROMPT, run, now) <= now + timedelta(seconds=30)
    assert next_poll(PATIENT, run, now) == MARK + 5 * MINUTE + AFTER_THE_MARK
    # A source that stays behind is not asked without end.
    assert next_poll(PROMPT, run, MARK + 3 * MINUTE) == MARK + 5 * MINUTE + AFTER_THE_MARK


FAILED = {"request": "a.csv", "reason": "it broke off"}


@pytest.mark.parametrize(
    "run",
    [
        FeedRun(newest_interval_end_utc=MARK, damaged=1),
        FeedRun(newest_interval_end_utc=MARK, failed=[FAILED], passing=1),
        FeedRun(newest_interval_end_utc=MARK, failed=[FAILED], absent=1),
        FeedRun(newest_interval_end_utc=MARK - 5 * MINUTE, awaited=1),
    ],
    ids=["damaged", "failed", "missing", "absent"],
)
def test_what_went_wrong_is_asked_for_again_soon_and_not_without_end(run: FeedRun) -> None:
    asked_at = [MARK + timedelta(seconds=70)]
    while asked_at[-1] < MARK + 5 * MINUTE:
        asked_at.append(next_poll(PATIENT, run, asked_at[-1]))
    assert [(moment - MARK).total_seconds() for moment in asked_at] == [70, 100, 130, 160, 365]


def test_a_file_of_what_is_to_come_is_not_asked_for_again_before_the_next_mark() -> None:
    run = FeedRun(newest_interval_end_utc=MARK, awaited=1)
    assert next_poll(PATIENT, run, MARK + timedelta(seconds=70)) == MARK + 5 * MINUTE + AFTER_THE_MARK


def test_a_run_that_broke_off_waits_for_the_next_mark() -> None:
    assert next_poll(PROMPT, None, MARK + timedelta(seconds=70)) == MARK + 5 * MINUTE + AFTER_THE_MARK


def test_what_comes_hourly_is_asked_again_some_minutes_later() -> None:
    now = MARK + 2 * MINUTE
    assert next_poll(HOURLY, FeedRun(newest_interval_end_utc=MARK - HOUR), now) == now + 6 * MINUTE
    assert next_poll(HOURLY, FeedRun(newest_interval_end_utc=MARK), now) == MARK + HOUR + AFTER_THE_MARK


def test_what_comes_seldom_is_asked_once_a_cadence() -> None:
    assert next_poll(DAILY, FeedRun(), MARK + 7 * MINUTE) == MARK + 7 * MINUTE + 24 * HOUR


def test_what_comes_seldom_and_went_wrong_is_not_left_for_a_whole_cadence() -> None:
    for run in (FeedRun(damaged=1), FeedRun(failed=[FAILED], passing=1)):
        assert next_poll(DAILY, run, MARK + 7 * MINUTE) == MARK + 7 * MINUTE + timedelta(hours=2.4)
    never_there = FeedRun(failed=[FAILED], absent=1)
    assert next_poll(DAILY, never_there, MARK + 7 * MINUTE) == MARK + 7 * MINUTE + 24 * HOUR


def test_who_was_refused_does_not_ask_again_soon() -> None:
    refused = FeedRun(newest_interval_end_utc=MARK, failed=[FAILED])
    assert next_poll(PROMPT, refused, MARK + timedelta(seconds=70)) == MARK + 5 * MINUTE + AFTER_THE_MARK
    assert next_poll(DAILY, refused, MARK + 7 * MINUTE) == MARK + 7 * MINUTE + 24 * HOUR
