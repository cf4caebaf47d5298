"""A simulated week of MISO's five-minute prices with faults: found against injected, completeness, freshness.

`python -m tests.benchmarks.simulated_week [DAYS]`, as fast as it goes. It fails where a fault was not found or one was
invented.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from api.wiring import open_platform
from infra.settings import Settings
from tests.integrations_simulator.simulated_week import play
from tests.integrations_simulator.test_simulated_week import MIDNIGHT, check

RATE = 0.03


def main() -> None:
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory(prefix="carbon254-week-") as folder:
        platform = open_platform(Settings(home=Path(folder)))
        try:
            began, cpu = time.monotonic(), time.process_time()
            week = play(platform, MIDNIGHT, timedelta(days=days), rate=RATE, progress=lambda at: print(f"  {at}"))
            took, used = time.monotonic() - began, time.process_time() - cpu
            check(week)
        finally:
            platform.close()
    print(f"workload: {days} days of miso/rt_five_min_lmp, {week.polls:,} polls, faults in {RATE:.0%} of requests")
    print(f"time: {took:.0f} s, {used:.0f} s of CPU in this process")
    print(f"injected: {dict(Counter(fault.kind for fault in week.injected))}")
    print(f"found while fetching: {dict(week.found)}, as injected")
    print(f"gaps: {len(week.gaps)} intervals, as held back; none after recovery")
    expected, received = (
        sum(day[f"{what}_intervals"] for day in week.before.days) for what in ("expected", "received")
    )
    print(f"completeness before recovery: {received / expected:.3%} of {expected:,} intervals")
    print(f"completeness after recovery: {min(day['completeness'] for day in week.after.days):.3%} on the worst day")
    delays = sorted(delay.total_seconds() for delay in week.delays.values())
    print(f"from an interval's end to queryable: median {delays[len(delays) // 2]:.0f} s, "
          f"p99 {delays[int(len(delays) * 0.99)]:.0f} s, worst {delays[-1]:.0f} s of market time")  # fmt: skip


if __name__ == "__main__":
    main()
