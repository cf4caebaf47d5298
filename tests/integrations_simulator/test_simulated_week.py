"""Simulated hours with faults, a feed of each operator: every fault is found, none is invented, nothing is missing.

The whole week, with all four at once, is `tests.benchmarks.simulated_week`, which checks the same.
"""

import gc
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from api.platform import Platform
from tests.integrations_simulator.played_feeds import CAISO, ERCOT, MISO, PJM, PlayedFeed
from tests.integrations_simulator.simulated_week import play
from tests.integrations_simulator.week_of_feed import check

MONDAY = date(2026, 3, 2)
MOST_CYCLES_AN_HOUR = 100
"""Objects. Each poll makes thousands, and the collector looks so seldom that those in cycles would pile up for days."""


@pytest.mark.parametrize(
    ("feed", "hours", "faults"), [(MISO, 8, 8.0), (CAISO, 9, 15.0), (PJM, 4, 22.0), (ERCOT, 5, 12.0)]
)
def test_every_injected_fault_is_found_and_none_invented(
    platform: Platform, feed: PlayedFeed, hours: int, faults: float
) -> None:
    in_cycles: list[int] = []
    remembered_bytes: list[int] = []

    def each_hour(_: datetime) -> None:
        in_cycles.append(gc.collect())
        remembered_bytes.append(platform.bus.tools.uploads.remembered_bytes)

    (week,) = play(platform, MONDAY, timedelta(hours=hours), [feed], faults=faults, each_hour=each_hour)
    check(week)
    assert max(in_cycles[2:]) < MOST_CYCLES_AN_HOUR, "but for what is made once"
    assert max(remembered_bytes) == 0, "what came is in the store, and nobody asks for it again"
    assert {fault.kind for fault in week.injected} == feed.kinds, "every kind was tried"
    for kind in feed.kinds - {"late"}:
        with pytest.raises(AssertionError):  # it would look as if the platform had invented them
            check(replace(week, injected=[fault for fault in week.injected if fault.kind != kind]))
    for kind in feed.kinds - {"late", "restated"}:
        with pytest.raises(AssertionError):  # and this as if it had missed one
            check(replace(week, injected=[*week.injected, replace(week.of_kind(kind)[0], request="another")]))
