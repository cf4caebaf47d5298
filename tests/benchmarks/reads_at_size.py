"""Reads at 50 million prices: the latest of all nodes, and one node's month.

Run: python -m tests.benchmarks.reads_at_size

Generated publications of four ISOs, 18,500 nodes: a month of hourly day-ahead and real-time prices, one publication a
day, and the last days in five-minute intervals, one publication an interval. They go into the tables by what a rebuild
uses (`TableBuild`), small publications together, and the last hour one by one as live batches do; so the log and the
object store are left out, and the parts on disk are those that the platform would have.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows
from infra.tabular import render
from projections.columnar_build import ROWS_TOGETHER, Summary, SummaryInserts, by_partition
from queries.latest_prices import latest_prices
from queries.prices import PRICE_SCHEMA, PriceQuery, price_batches, prices
from read_models.latest_prices import LATEST_TABLE, create_latest_table, newest_rows
from read_models.prices import (
    ROWS_SCHEMA,
    PublicationFacts,
    create_price_table,
    partition_of,
    price_table,
    publication_rows,
)
from tests.benchmarks.files import machine

NODES = {"MISO": 2_600, "CAISO": 6_000, "PJM": 8_800, "ERCOT": 1_100}
ROWS = 50_000_000
START = datetime(2025, 3, 1, tzinfo=UTC)
DAYS = 31
HOUR, FIVE_MINUTES = timedelta(hours=1), timedelta(minutes=5)
LIVE_INTERVALS = 12
RUNS = 21
LATEST_TARGET_S, MONTH_TARGET_S = 0.020, 0.010
SUPERSEDED = 200


class Market:
    """Publications in the order in which they come, each at the next position."""

    def __init__(self, rows: int) -> None:
        hourly = 2 * sum(NODES.values()) * 24 * DAYS
        self.intervals = max((rows - hourly) // sum(NODES.values()), LIVE_INTERVALS + 1)
        self.position = 0
        self._random = np.random.default_rng(7)
        self._labels = {iso: _labels(iso, count) for iso, count in NODES.items()}

    def before(self) -> Iterator[Rows]:
        """All but the last hour."""
        for day in range(DAYS):
            for iso in NODES:
                for feed, market, vintage in (("da", "DA", "final"), ("rt_hourly", "RTH", "preliminary")):
                    yield self._publication(iso, feed, market, vintage, START + day * 24 * HOUR, HOUR, 24)
        for interval in range(self.intervals - LIVE_INTERVALS):
            yield from self._interval(interval)

    def last_hour(self) -> Iterator[Rows]:
        for interval in range(self.intervals - LIVE_INTERVALS, self.intervals):
            yield from self._interval(interval)

    def _interval(self, interval: int) -> Iterator[Rows]:
        start = START + DAYS * 24 * HOUR - (self.intervals - interval) * FIVE_MINUTES
        for iso in NODES:
            yield self._publication(iso, "rt_5min", "RT5", "preliminary", start, FIVE_MINUTES, 1)

    def _publication(
        self, iso: str, feed: str, market: str, vintage: str, start: datetime, step: timedelta, count: int
    ) -> Rows:
        self.position += 1
        nodes, node_types = self._labels[iso]
        size = count * len(nodes)
        first, step_s = int(start.timestamp()), int(step.total_seconds())
        starts = np.repeat(first + step_s * np.arange(count), len(nodes))
        energy, congestion, loss = self._random.normal((30.0, 1.0, 0.5), (8.0, 3.0, 0.3), (size, 3)).round(2).T
        rows = pa.table({
            "node": pa.chunked_array([nodes] * count), "node_type": pa.chunked_array([node_types] * count),
            "interval_start_utc": starts, "interval_end_utc": starts + step_s,
            "lmp_usd_per_mwh": (energy + congestion + loss).round(2), "energy_usd_per_mwh": energy,
            "congestion_usd_per_mwh": congestion, "loss_usd_per_mwh": loss,
            "ghg_usd_per_mwh": pa.nulls(size, pa.float64()), "source_version": np.zeros(size, np.int32),
        }).cast(ROWS_SCHEMA)  # fmt: skip
        identity = f"{self.position:08x}-0000-4000-8000-{self.position:012x}"
        recorded_at = START + timedelta(seconds=self.position)
        return publication_rows(
            PublicationFacts(identity, iso, feed, market, vintage, None, recorded_at, self.position), rows
        )


def _labels(iso: str, count: int) -> tuple[pa.DictionaryArray, pa.DictionaryArray]:
    nodes = pa.array([f"{iso}_{number:05}_NODE.UNIT{number % 7}" for number in range(count)]).dictionary_encode()
    node_types = pa.array(["Hub" if number < 12 else "Gen" for number in range(count)]).dictionary_encode()
    return nodes, node_types


def fill(store: ClickHouse, market: Market) -> None:
    create_price_table(store)
    create_latest_table(store)
    summary = SummaryInserts(store, Summary(LATEST_TABLE, create_latest_table, newest_rows))
    group: list[Rows] = []
    for rows in market.before():
        summary.add(summary.taken(rows))
        if group and sum(part.table.num_rows for part in [*group, rows]) > ROWS_TOGETHER:
            _insert(store, group)
        group.append(rows)
    _insert(store, group)
    # What comes once a day lies in one part after three hours without any more of it; the five-minute prices don't.
    for iso in NODES:
        for name in ("DA", "RTH"):
            store.command(f"OPTIMIZE TABLE ch.{price_table()} PARTITION ('{iso}', '{name}', {START.year}) FINAL")
    for rows in market.last_hour():
        summary.add(summary.taken(rows))
        summary.flush()
        _insert(store, [rows])


def _insert(store: ClickHouse, group: list[Rows]) -> None:
    for rows in by_partition(group, partition_of):
        store.insert_arrow(f"ch.{price_table()}", rows, deduplication_token=f"{time.monotonic_ns()}")
    group.clear()


def _wait_for_merges(store: ClickHouse) -> None:
    """Until the engine has nothing to tidy up after the filling, which would take the reads' share of the cores."""
    quiet = 0
    while quiet < 10:
        time.sleep(1)
        quiet = 0 if store.query_arrow("SELECT 1 AS one FROM system.merges").num_rows else quiet + 1


def measure(name: str, read: Callable[[], int], target_s: float | None = None, runs: int = RUNS) -> None:
    """Prints wall-clock and CPU time; the latter says what it takes where other programs run."""
    count = read()
    wall, cpu = [], []
    for _ in range(runs):
        started, began = time.perf_counter(), time.process_time()
        read()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - began)
    middle, slowest, busy = (1000 * seconds for seconds in (statistics.median(wall), max(wall), statistics.median(cpu)))
    target = f" (target {1000 * target_s:.0f} ms)" if target_s else ""
    print(f"{name:58} {count:>7,} rows  median {middle:7.1f} ms, slowest {slowest:7.1f}, CPU {busy:7.1f}{target}")


def latest(store: ClickHouse, through: int) -> None:
    superseded = range(1, 1 + SUPERSEDED)

    def of(isos: tuple[str, ...], through: int, **more: object) -> Callable[[], int]:
        def read() -> int:
            return int(latest_prices(store, isos=isos, through_position=through, **more).num_rows)  # type: ignore[arg-type]

        return read

    every = tuple(NODES)
    measure("latest 5-minute price of all nodes of PJM", of(("PJM",), through, market="RT5"), LATEST_TARGET_S)
    measure("latest 5-minute price of all nodes of all ISOs", of(every, through, market="RT5"), LATEST_TARGET_S)
    measure("latest price of each feed of all nodes of all ISOs", of(every, through))
    measure(f"the same, with {SUPERSEDED} positions superseded", of(every, through, superseded=superseded))
    measure("50 nodes of PJM", of(("PJM",), through, nodes=[f"PJM_{n:05}_NODE.UNIT{n % 7}" for n in range(50)]))
    # The newest publication of each ISO came later: all of its places are looked up among all prices.
    measure("all 5-minute prices of all ISOs, one publication ago", of(every, through - 4, market="RT5"), runs=3)
    measure("all 5-minute prices of all ISOs, as of a day ago", of(every, through - 4 * 288, market="RT5"), runs=3)


def month(store: ClickHouse, through: int) -> None:
    def query(number: int, market: str | None) -> PriceQuery:
        node = f"MISO_{number:05}_NODE.UNIT{number % 7}"
        return PriceQuery("MISO", START, START + DAYS * 24 * HOUR, nodes=(node,), market=market)

    numbers = iter(range(100, 2_600))

    def as_arrow(market: str | None) -> Callable[[], int]:
        return lambda: prices(store, query(next(numbers), market), through_position=through).num_rows

    def as_json() -> int:
        batches = price_batches(store, query(next(numbers), "DA"), through_position=through)
        return b"".join(render("json", PRICE_SCHEMA, batches)).count(b'"iso"')

    measure("an empty query, as Arrow", lambda: store.query_arrow("SELECT 1 AS one").num_rows)
    measure("one node's month of day-ahead prices, as Arrow", as_arrow("DA"), MONTH_TARGET_S)
    measure("one node's month of all markets, as Arrow", as_arrow(None), MONTH_TARGET_S)
    measure("one node's month of day-ahead prices, as JSON", as_json)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=ROWS)
    arguments.add_argument("--keep", type=Path, help="a folder to fill once and read again")
    chosen = arguments.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        is_filled = (folder / "store-id").exists()
        store = ClickHouse.embedded(folder)
        market = Market(chosen.rows)
        started = time.perf_counter()
        if not is_filled:
            fill(store, market)
        (found,) = store.query_arrow(
            f"SELECT count() AS n, max(log_position) AS through FROM ch.{price_table()}"
        ).to_pylist()
        parts = store.query_arrow(
            "SELECT table, count() AS parts, sum(rows) AS row_count, sum(bytes_on_disk) AS bytes FROM system.parts "
            "WHERE active AND database = 'ch' GROUP BY table ORDER BY table"
        ).to_pylist()
        print(f"Workload: {found['n']:,} prices of {sum(NODES.values()):,} nodes in {found['through']:,} publications, "
              f"filled in {time.perf_counter() - started:.0f} s")  # fmt: skip
        for part in parts:
            print(f"  ch.{part['table']}: {part['row_count']:,} rows in {part['parts']} parts, {part['bytes']:,} bytes")
        _wait_for_merges(store)
        latest(store, found["through"])
        month(store, found["through"])
        store.close()


if __name__ == "__main__":
    main()
