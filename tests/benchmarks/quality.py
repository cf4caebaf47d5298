"""How long a report on a market day takes. Run: python -m tests.benchmarks.quality"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from infra.clickhouse import ClickHouse
from queries.quality import FeedToJudge, Quality, quality
from read_models.market_days import MarketDay
from read_models.prices import create_price_table
from tests.benchmarks.files import machine

DAY = date(2024, 7, 16)
BEFORE = date(2024, 7, 10)
LATER = datetime(2025, 1, 1, tzinfo=UTC)
RUNS = 3
TARGET_S = 10.0
KNOWN = 10**9


@dataclass(frozen=True)
class Workload:
    """A feed of PJM: so many nodes over so many days up to the one that is judged, one price in 100,000 a spike."""

    feed: str
    market: str
    step_s: int
    nodes: int
    first_day: date

    @property
    def judged(self) -> FeedToJudge:
        return FeedToJudge("prices", self.feed, self.market, MarketDay.of("PJM", self.first_day).start_utc)

    def fill(self, ch: ClickHouse) -> None:
        """A publication an interval, as a poller would bring them."""
        start = MarketDay.of("PJM", self.first_day).start_utc
        intervals = int((MarketDay.of("PJM", DAY).end_utc - start).total_seconds()) // self.step_s
        ch.command(_GENERATED, {**self.values, "start": int(start.timestamp()), "rows": self.nodes * intervals})

    @property
    def values(self) -> dict[str, Any]:
        return {"feed": self.feed, "market": self.market, "step": self.step_s, "nodes": self.nodes}


WORKLOADS = (
    Workload("rt_fivemin_hrl_lmps", "RT5", 300, 12_000, date(2024, 7, 14)),
    Workload("rt_hrl_lmps", "RTH", 3600, 18_500, BEFORE),
    Workload("rtpd_lmps", "RT15", 900, 18_500, BEFORE),
)

_GENERATED = """
INSERT INTO ch.market_price_ticks
WITH intDiv(number, {nodes:UInt64}) AS slot, number % {nodes:UInt64} AS node
SELECT 'PJM', concat('NODE_', leftPad(toString(node), 5, '0')), if(node % 3 = 0, 'GEN', 'LOAD'), {feed:String},
       {market:String}, toDateTime64({start:Int64} + slot * {step:Int64}, 0, 'UTC') AS begin,
       begin + toIntervalSecond({step:Int64}),
       round(if(number % 100000 = 7, 900, 30) + 10 * sin(slot / 46) + (cityHash64(number) % 1000) / 200, 2) AS lmp,
       lmp - 1.5, 1.0, 0.5, NULL, 'final', 0, NULL, now64(6), slot + 1, toString(slot), slot + 1
FROM numbers({rows:UInt64})
"""

_COUNT = """
SELECT count() AS row_count FROM ch.market_price_ticks
WHERE iso = 'PJM' AND feed = {feed:String} AND market = {market:String} AND log_position <= 1000000000
  AND interval_start_utc >= fromUnixTimestamp64Second({from:Int64}, 'UTC')
  AND interval_start_utc < fromUnixTimestamp64Second({end:Int64}, 'UTC')
"""


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        ch = ClickHouse.embedded(Path(folder))
        create_price_table(ch)
        for workload in WORKLOADS:
            workload.fill(ch)
            _measure(ch, workload)
        ch.close()


def _measure(ch: ClickHouse, workload: Workload) -> None:
    day = MarketDay.of("PJM", DAY)
    # What a report looks at: the day; for spikes seven days, where intervals are longer than five minutes.
    since = day.start_utc if workload.step_s == 300 else MarketDay.of("PJM", BEFORE).start_utc
    values = {**workload.values, "from": int(since.timestamp()), "end": int(day.end_utc.timestamp())}
    (counted,) = ch.query_arrow(_COUNT, values).to_pylist()
    count = _best(lambda: ch.query_arrow(_COUNT, values))
    found: list[Quality] = []
    report = _best(lambda: found.append(_report(ch, workload)))
    (judged,) = found[-1].days
    of_day = judged["places"] * judged["expected_intervals"]
    print(f"Workload: {workload.market}, {workload.nodes:,} nodes, {counted['row_count']:,} rows to look at, "
          f"{of_day:,} of the day; {judged['spikes']} spikes found")  # fmt: skip
    print(f"  count():  {count[0]:6.2f} s, {count[1]:6.2f} s of CPU")
    print(f"  report:   {report[0]:6.2f} s, {report[1]:6.2f} s of CPU, {report[1] / count[1]:.0f} times "
          f"(target below {TARGET_S:.0f} s)")  # fmt: skip


def _report(ch: ClickHouse, workload: Workload) -> Quality:
    return quality(ch, "PJM", [DAY], [workload.judged], now_utc=LATER, through_position=KNOWN)


def _best(work: Callable[[], object]) -> tuple[float, float]:
    """Wall clock and CPU of the best of some runs, in seconds."""
    taken = []
    for _ in range(RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(taken)


if __name__ == "__main__":
    main()
