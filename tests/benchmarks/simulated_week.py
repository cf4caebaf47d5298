"""A simulated week of MISO's five-minute prices with faults: found against injected, completeness, freshness, memory.

`python -m tests.benchmarks.simulated_week [DAYS]`, as fast as it goes. It fails where a fault was not found or one was
invented. Memory is looked at each hour of the market's time; the simulated operators are in the platform's process.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from api.wiring import open_platform
from infra.settings import Settings
from tests.benchmarks.files import machine
from tests.benchmarks.memory import Memory, memory_now
from tests.integrations_simulator.simulated_week import Week, play
from tests.integrations_simulator.test_simulated_week import MIDNIGHT, check

RATE = 0.03
HOURS_A_DAY = 24


def main() -> None:
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print(machine())
    samples: list[Memory] = []

    def each_hour(at_utc: datetime) -> None:
        samples.append(memory_now())
        if len(samples) % HOURS_A_DAY == 1:
            print(f"  {at_utc:%a %H:%M}  {samples[-1]}", flush=True)

    with tempfile.TemporaryDirectory(prefix="carbon254-week-") as folder:
        platform = open_platform(Settings(home=Path(folder)))
        try:
            began, cpu = time.monotonic(), time.process_time()
            week = play(platform, MIDNIGHT, timedelta(days=days), rate=RATE, each_hour=each_hour)
            took, used = time.monotonic() - began, time.process_time() - cpu
            check(week)
        finally:
            platform.close()
    print(f"workload: {days} days of miso/rt_five_min_lmp, {week.polls:,} polls, faults in {RATE:.0%} of requests")
    print(f"time: {took:.0f} s, {used:.0f} s of CPU in this process")
    show_faults(week)
    show_memory(samples)


def show_faults(week: Week) -> None:
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


def show_memory(samples: list[Memory]) -> None:
    """The start, the median of each day's last six hours, and the slope from the second day on."""
    print("memory, MiB               " + "".join(f"{name:>14}" for name in ("resident", "anonymous", "PostgreSQL")))
    table = np.array([[s.resident_mib, s.anonymous_mib, s.postgres_mib] for s in samples])
    print(_line("at the start", table[0]))
    days = range(HOURS_A_DAY, len(table), HOURS_A_DAY)
    for number, end in enumerate(days, start=1):
        print(_line(f"end of day {number}", np.median(table[end - 5 : end + 1], axis=0)))
    if len(days) > 1:
        rest = table[HOURS_A_DAY:]
        slopes = np.polyfit(np.arange(len(rest)) / HOURS_A_DAY, rest, 1)[0]
        print(_line("a day, from the second on", slopes))


def _line(name: str, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    return f"  {name:26}" + "".join(f"{value:14.1f}" for value in values)


if __name__ == "__main__":
    main()
