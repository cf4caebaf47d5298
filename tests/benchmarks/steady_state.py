"""A five-minute interval of 18,500 nodes, from response to queryable. Run: python -m tests.benchmarks.steady_state

Four files an interval (see `five_minute_files`), interval after interval with a rest in between, as they come: each is
uploaded, surveyed, read, kept, recorded and loaded as `carbon254 ingest` does it, and the time ends when the latest
prices of all its nodes are read back.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.benchmarks.files import machine
from tests.benchmarks.five_minute_files import FIRST_INTERVAL, FIVE_MINUTES, NODES, interval_files

INTERVALS = 24
WARM_UP = 4
TARGET_S = 0.5
RUNS_OF_SCED = 288


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--intervals", type=int, default=INTERVALS)
    intervals: int = arguments.parse_args().intervals
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), intervals)


def _measure(folder: Path, intervals: int) -> None:
    from api.cli.connection import Connection
    from api.cli.ingest import ingest_paths
    from api.wiring import open_platform
    from infra.settings import Settings
    from queries.latest_prices import latest_prices

    platform = open_platform(Settings(home=folder / "home", database_url=None))
    try:
        with Connection.to_platform(platform) as connection:
            seconds, busy, sizes = [], [], [0]
            for number in range(intervals):
                files = interval_files(FIRST_INTERVAL + number * FIVE_MINUTES)
                paths = [_write(folder, *file) for file in files.values()]
                sizes = [len(content) for _, content in files.values()]
                time.sleep(0.5)
                started, began = time.perf_counter(), time.process_time()
                report = ingest_paths(connection, paths)
                found = latest_prices(
                    platform.clickhouse, isos=tuple(NODES), market="RT5", through_position=platform.log.head()
                )
                seconds.append(time.perf_counter() - started)
                busy.append(time.process_time() - began)
                rows = Counter(found["iso"].to_pylist())
                if report.rows != sum(NODES.values()) or rows != NODES:
                    raise SystemExit(f"rows are missing: {report} {rows}")
            seconds, busy = seconds[WARM_UP:], busy[WARM_UP:]
            print(f"Workload: {sum(NODES.values()):,} nodes in four files ({sum(sizes) / 1e6:.1f} MB) an interval")
            print(f"response to queryable: median {1000 * statistics.median(seconds):.0f} ms, slowest "
                  f"{1000 * max(seconds):.0f} ms of {len(seconds)} (target {1000 * TARGET_S:.0f} ms); CPU of this "
                  f"process {1000 * statistics.median(busy):.0f} ms")  # fmt: skip
            runs = [
                _write(folder, *interval_files(FIRST_INTERVAL + number * FIVE_MINUTES)["ERCOT"])
                for number in range(intervals, intervals + RUNS_OF_SCED)
            ]
            started = time.perf_counter()
            report = ingest_paths(connection, runs)
            took = time.perf_counter() - started
            print(f"a day of ERCOT's SCED runs, {RUNS_OF_SCED} files of {NODES['ERCOT']:,} prices: {took:.1f} s, "
                  f"{report.rows / took:,.0f} rows/s")  # fmt: skip
    finally:
        platform.close()


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


if __name__ == "__main__":
    main()
