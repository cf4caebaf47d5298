"""A simulated week of four five-minute feeds with faults: found against injected, completeness, freshness, memory.

`python -m tests.benchmarks.simulated_week [DAYS] [ISO...]`, as fast as it goes: a feed of each operator, with 1,100
nodes together. It fails where a fault was not found or one was invented, where an interval could not be queried within
three minutes though the source had it, or where memory grew after the first day. Memory is looked at each hour of the
market's time; the simulated operators are in processes of their own, which are not counted.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from api.wiring import open_platform
from infra.clickhouse import ClickHouse
from infra.settings import Settings
from integrations.isos.simulator.world import FEWEST_NODES
from tests.benchmarks.files import machine
from tests.benchmarks.memory import held_now, memory_now
from tests.integrations_simulator.played_feeds import PLAYED_FEEDS
from tests.integrations_simulator.simulated_week import play
from tests.integrations_simulator.week_of_feed import FeedWeek, check, completeness

MONDAY = date(2026, 3, 2)
"""Its Sunday has 23 hours where clocks are changed."""
HOURS_A_DAY = 24
MOST_GROWTH = 0.05
COLUMNS = (
    "resident", "anonymous", "its engine", "the rest", "readers", "PostgreSQL", "its buffers",
    "engine holds", "C has in use", "1000 objects",
)  # fmt: skip
JUDGED: tuple[tuple[str, ...], ...] = (("anonymous", "PostgreSQL"), ("readers",))
"""Each together, and nothing taken off: what the engine counts for itself and what it holds differ for moments."""
Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def main() -> None:
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    feeds = [feed for feed in PLAYED_FEEDS if not sys.argv[2:] or feed.iso in sys.argv[2:]]
    print(machine())
    samples: list[tuple[float, ...]] = []

    def each_hour(at_utc: datetime) -> None:
        samples.append(sample(platform.clickhouse))
        if len(samples) % HOURS_A_DAY == 1:
            print(f"  {at_utc:%a %H:%M}", flush=True)

    with tempfile.TemporaryDirectory(prefix="carbon254-week-") as folder:
        platform = open_platform(Settings(home=Path(folder)))
        try:
            began, cpu = time.monotonic(), time.process_time()
            weeks = play(platform, MONDAY, timedelta(days=days), feeds, each_hour=each_hour)
            took, used = time.monotonic() - began, time.process_time() - cpu
        finally:
            platform.close()
    print(f"workload: {days} days of {len(feeds)} feeds, {FEWEST_NODES:,} nodes of four operators together")
    print(f"time: {took:.0f} s, {used:.0f} s of CPU in this process")
    for week in weeks:
        show(week)
    is_good = is_flat(np.array(samples))
    for week in weeks:
        check(week)
        is_good &= not week.stale
    print("every fault was found, and none was invented")
    sys.exit(0 if is_good else 1)


def sample(store: ClickHouse) -> tuple[float, ...]:
    """Mebibytes, in the order of COLUMNS. Of PostgreSQL its private memory and the pages of tables that it shares; last
    what tells where a growth of the rest comes from: see `Held`.
    """
    # What the engine is done with it gives back within seconds, in which this week's hours go by.
    store.command("SYSTEM JEMALLOC PURGE")
    held, now = held_now(store), memory_now()
    rest_mib = now.anonymous_mib - held.engine_mib
    return (
        now.resident_mib, now.anonymous_mib, held.engine_mib, rest_mib,
        now.readers_mib, now.private_mib, now.buffers_mib,
        held.engine_resident_mib, held.c_mib, held.thousand_objects,
    )  # fmt: skip


def show(week: FeedWeek) -> None:
    print(f"{week.feed.id}: {week.polls:,} polls, faults in {week.feed.rate:.0%} of requests")
    print(f"  injected: {len(week.injected)}, {dict(Counter(fault.kind for fault in week.injected))}")
    print(f"  found while fetching: {dict(week.found)}, and {len(week.absent)} times absent")
    print(f"  restated: {len(week.restated)} intervals; late: {len(week.slow)} intervals, and gaps: {len(week.gaps)}")
    received, expected = completeness(week.before)
    print(f"  completeness before recovery: {received / expected:.3%} of {expected:,} intervals")
    print(f"  completeness after recovery: {min(day['completeness'] for day in week.after.days):.3%} on the worst day")
    delays = sorted(delay.total_seconds() for delay in week.delays.values())
    print(f"  from an interval's end to queryable: median {delays[len(delays) // 2]:.0f} s, "
          f"p99 {delays[int(len(delays) * 0.99)]:.0f} s, worst {delays[-1]:.0f} s of market time; "
          f"{sum(delay <= 180 for delay in delays)} of {len(delays)} within 180 s, and "
          f"{len(week.stale)} of the others without having been held back by the source")  # fmt: skip


def is_flat(hours: Table) -> bool:
    """Prints the median of each day's hours, and the slope after day 1. Judges by each day's lowest hour, for what is
    needed in passing says nothing.
    """
    for names in JUDGED:
        found = _together(hours, names)
        print(f"{' with '.join(names)}, MiB, hour by hour: {' '.join(f'{hour:.0f}' for hour in found)}")
    print("memory, MiB" + " " * 17 + "".join(f"{name:>13}" for name in COLUMNS))
    print(_line("at the start", hours[0]))
    by_day = hours[: len(hours) // HOURS_A_DAY * HOURS_A_DAY].reshape(-1, HOURS_A_DAY, len(COLUMNS))
    days = np.median(by_day, axis=1)
    for number, day in enumerate(days, start=1):
        print(_line(f"day {number}, its median hour", day))
    if len(days) < 3:
        return True
    print(_line("a day, from the second on", np.polyfit(np.arange(len(days) - 1), days[1:], 1)[0]))
    growths = [_growth(by_day.min(axis=1), names) for names in JUDGED]
    for names, growth in zip(JUDGED, growths, strict=True):
        print(f"{' with '.join(names)}, lowest hours, second to last day: {growth:+.1%} (at most {MOST_GROWTH:.0%})")
    return max(growths) <= MOST_GROWTH


def _growth(days: Table, names: Sequence[str]) -> float:
    together = _together(days, names)
    return float(together[-1] / together[1] - 1)


def _together(rows: Table, names: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    summed: np.ndarray[tuple[int], np.dtype[np.float64]] = rows[:, [COLUMNS.index(name) for name in names]].sum(axis=1)
    return summed


def _line(name: str, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    return f"  {name:26}" + "".join(f"{value:13.1f}" for value in values)


if __name__ == "__main__":
    main()
