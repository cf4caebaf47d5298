"""Simulated hours with faults, a feed of each operator: every fault is found, none is invented, nothing is missing.

The whole week, with all four at once, is `tests.benchmarks.simulated_week`, which checks the same.
"""

from datetime import date, timedelta

import pytest

from api.platform import Platform
from tests.integrations_simulator.played_feeds import CAISO, ERCOT, MISO, PJM, PlayedFeed
from tests.integrations_simulator.simulated_week import play
from tests.integrations_simulator.week_of_feed import check

MONDAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("feed", "hours", "faults"), [(MISO, 8, 8.0), (CAISO, 6, 15.0), (PJM, 5, 12.0), (ERCOT, 5, 12.0)]
)
def test_every_injected_fault_is_found_and_none_invented(
    platform: Platform, feed: PlayedFeed, hours: int, faults: float
) -> None:
    (week,) = play(platform, MONDAY, timedelta(hours=hours), [feed], faults=faults)
    check(week)
    assert {fault.kind for fault in week.injected} == feed.kinds, "every kind was tried"
