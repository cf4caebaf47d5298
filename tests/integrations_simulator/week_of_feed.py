"""What came of playing one feed for a stretch with faults, and how it is judged against the simulator's journal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from statistics import median

from integrations.isos.simulator.faults import HELD_BACK, Injected
from queries.quality import Quality
from tests.integrations_simulator.played_feeds import FIVE_MINUTES, PlayedFeed

FRESH = timedelta(minutes=3)
MOST_MISSING = 0.002
_LATER_THAN_USUAL = timedelta(minutes=2)
_A_POLL = timedelta(minutes=1)
# What each fault is for the platform. Late, missing and restated ones are looked at one by one.
_SEEN_AS = {
    "too_many": "too_many_requests", "unavailable": "server_error", "error_page": "error_page", "slow": "too_slow",
    "truncated": "quarantined", "duplicated": "quarantined", "wrong_schema": "quarantined",
}  # fmt: skip


@dataclass
class FeedWeek:
    """Intervals are named by their ends. `found` counts what was seen while fetching, `absent` are moment and request
    of each 404. `shown` is after which poll an interval could be queried, `restated` are those that have several
    prices; `before` is the quality before recovery, `after` after it.
    """

    feed: PlayedFeed
    start_utc: datetime
    end_utc: datetime
    polls: int = 0
    injected: list[Injected] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    absent: set[tuple[datetime, str]] = field(default_factory=set)
    shown: dict[datetime, datetime] = field(default_factory=dict)
    restated: set[datetime] = field(default_factory=set)
    before: Quality = field(default_factory=Quality)
    after: Quality = field(default_factory=Quality)

    def of_kind(self, kind: str) -> list[Injected]:
        return [fault for fault in self.injected if fault.kind == kind]

    @property
    def delays(self) -> dict[datetime, timedelta]:
        """From the end of each interval until it could be queried; negative where an operator publishes before."""
        return {end: shown - end for end, shown in self.shown.items()}

    @cached_property
    def usual(self) -> timedelta:
        return timedelta(seconds=median(delay.total_seconds() for delay in self.delays.values()))

    @property
    def slow(self) -> set[datetime]:
        return {end for end, delay in self.delays.items() if delay > self.usual + _LATER_THAN_USUAL}

    @property
    def stale(self) -> set[datetime]:
        """What could be queried later than `FRESH` after its end, but for what the source had held back until shortly
        before a poll that brought it.
        """
        overdue = {end for end, delay in self.delays.items() if delay > FRESH}
        return {end for end in overdue if not self._was_held_back(end)}

    def _was_held_back(self, end: datetime) -> bool:
        due = there = end + self.usual
        for fault in self.of_kind("late"):  # one may follow upon another
            if fault.at_utc - FIVE_MINUTES <= there:
                there = max(there, fault.at_utc + HELD_BACK)
        return due < there and self.shown[end] <= there + FIVE_MINUTES + _A_POLL

    @property
    def gaps(self) -> set[datetime]:
        """What the quality report calls gaps, before recovery."""
        return {row["interval_end_utc"].replace(tzinfo=UTC) for row in self.before.findings if row["kind"] == "gap"}

    @property
    def never_shown(self) -> set[datetime]:
        """By the journal, where the source only has what is newest: news came ten minutes late, or more."""
        if self.feed.recovered_by is None:
            return set()
        lost = set()
        for fault in self.of_kind("late"):
            (first,) = self.feed.published_ends(fault)
            (shown,) = self.feed.published_ends(Injected(fault.at_utc + HELD_BACK, "", "", "late"))
            lost |= {first + number * FIVE_MINUTES for number in range((shown - first) // FIVE_MINUTES)}
        return lost


def completeness(found: Quality) -> tuple[int, int]:
    """Intervals received and expected."""
    received, expected = (sum(day[f"{what}_intervals"] for day in found.days) for what in ("received", "expected"))
    return received, expected


def check(week: FeedWeek) -> None:
    """Every injected fault was found, none was invented, and in the end nothing is missing."""
    _check_fetching(week)
    _check_lateness(week)
    assert {fault.kind for fault in week.injected} <= week.feed.kinds
    restated = {end for fault in week.of_kind("restated") for end in week.feed.published_ends(fault)}
    assert week.restated == {end for end in restated if week.start_utc < end <= week.end_utc}
    assert week.gaps == week.never_shown
    received, expected = completeness(week.after)
    assert received >= (1 - MOST_MISSING) * expected
    assert all(day["completeness"] >= 1 - MOST_MISSING for day in week.after.days)
    for quality in (week.before, week.after):
        assert {row["kind"] for row in quality.findings} <= {"spike", "gap"}, "nothing is said of rows that are right"
    assert [row for row in week.after.findings if row["kind"] == "gap"] == []


def _check_fetching(week: FeedWeek) -> None:
    assert week.found == Counter(_SEEN_AS[fault.kind] for fault in week.injected if fault.kind in _SEEN_AS)
    missing = {(fault.at_utc, fault.request) for fault in week.of_kind("missing")}
    assert missing <= week.absent
    # A document that is on a list already and held back is not there either.
    late = [(fault.at_utc, fault.request) for fault in week.of_kind("late")]
    assert all(
        any(asked == request and at <= moment < at + HELD_BACK for at, request in late)
        for moment, asked in week.absent - missing
    )


def _check_lateness(week: FeedWeek) -> None:
    for end in week.slow:
        due = end + week.usual
        assert any(due - HELD_BACK - FIVE_MINUTES <= fault.at_utc <= week.shown[end] for fault in week.injected), (
            f"{week.feed.id}: the interval that ended {end} came late and nothing was wrong"
        )
    if week.feed.recovered_by is None:  # else what is late is never shown, and a gap
        for fault in week.of_kind("late"):
            until = fault.at_utc + HELD_BACK
            assert any(end + week.usual <= until <= week.shown[end] for end in week.slow), f"not seen: {fault}"
