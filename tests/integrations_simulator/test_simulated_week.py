"""Eight simulated hours with faults: every one is found, none is invented, and nothing is missing in the end.

The whole week is `tests.benchmarks.simulated_week`, which does the same.
"""

from datetime import UTC, datetime, timedelta

from api.platform import Platform
from integrations.isos.simulator.faults import KINDS
from tests.integrations_simulator.simulated_week import Week, play

MIDNIGHT = datetime(2026, 3, 2, 5, tzinfo=UTC)


def test_every_injected_fault_is_found_and_none_invented(platform: Platform) -> None:
    week = play(platform, MIDNIGHT, timedelta(hours=8), rate=0.25, each_hour=lambda _: None)
    check(week)
    assert {fault.kind for fault in week.injected} == set(KINDS), "every kind was tried"


def check(week: Week) -> None:
    assert week.found == week.expected
    assert week.gaps == week.held_back
    assert week.with_versions == week.restated
    # Soon after its end, unless it was held back or came after an answer that was.
    slow = {end for end, delay in week.delays.items() if delay > timedelta(minutes=3)}
    assert all(end - timedelta(minutes=5) in week.held_back or _follows_late(week, end) for end in slow)
    days = week.after.days
    assert sum(day["received_intervals"] for day in days) / sum(day["expected_intervals"] for day in days) >= 0.998
    assert all(day["completeness"] >= 0.998 for day in days)
    assert [row for row in week.after.findings if row["kind"] in ("gap", "range", "component")] == []


def _follows_late(week: Week, end: datetime) -> bool:
    """Whether the interval that ends then was shown first when news that had been held back came."""
    late = [fault.at_utc for fault in week.injected if fault.kind == "late"]
    return any(timedelta(0) <= end - at <= timedelta(minutes=12) for at in late)
