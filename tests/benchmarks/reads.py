"""How long reads take: a CLI verb without a server, and one node's month. Run: python -m tests.benchmarks.reads"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.files import FIRST_DAY, machine, write_day_files

DAYS = 67
RUNS = 7
CLI_TARGET_S = 3.0
READ_TARGET_S = 0.050


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        rows = fill(home, Path(folder) / "files", DAYS)
        print(f"Workload: a data folder of {rows:,} prices")
        for verb in (["curves", "list"], ["publications", "list", "--json"], _one_month(), ["doctor"]):
            seconds = _timed_verb(home, verb)
            print(f"CLI without a server: {' '.join(verb[:2]):18} median {statistics.median(seconds):.2f} s, "
                  f"slowest {max(seconds):.2f} s (target {CLI_TARGET_S} s)")  # fmt: skip
        seconds = _timed_reads(home)
        print(f"One node's month over the API: median {1000 * statistics.median(seconds):.1f} ms, slowest "
              f"{1000 * max(seconds):.1f} ms of {len(seconds)} (target {1000 * READ_TARGET_S:.0f} ms)")  # fmt: skip


def _one_month() -> list[str]:
    return ["prices", "get", "--iso", "MISO", "--node", "AECI", "--start", f"{FIRST_DAY}", "--end", "2023-04-20",
            "--format", "csv"]  # fmt: skip


def fill(home: Path, files: Path, days: int) -> int:
    """Ingests so many days of prices into a new data folder; returns their number."""
    from api.cli.connection import Connection
    from api.cli.ingest import ingest_paths
    from infra.settings import Settings

    with Connection.open(Settings(home=home, database_url=None)) as connection:
        return ingest_paths(connection, write_day_files(files, days)).rows


def _timed_verb(home: Path, verb: list[str]) -> list[float]:
    command = [str(Path(sys.executable).with_name("carbon254")), *verb]
    environment = os.environ | {"CARBON254_HOME": str(home)}
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        seconds.append(time.perf_counter() - started)
    return seconds


def _timed_reads(home: Path) -> list[float]:
    from api.cli.connection import Connection
    from infra.settings import Settings

    params = {"iso": "MISO", "start": f"{FIRST_DAY}", "end": "2023-04-20", "format": "json"}
    seconds = []
    with Connection.open(Settings(home=home, database_url=None)) as connection:
        for node in ["AECI", "ALTE.ALTE", "AMIL.BGS6", "ARKANSAS.HUB", "MINN.HUB"] * 10:
            started = time.perf_counter()
            answer = connection.run(connection.request("GET", "/v1/prices", params=params | {"node": node}))
            seconds.append(time.perf_counter() - started)
            if node.endswith("HUB") and len(answer.json()) < 700:
                sys.exit(f"{node}: only {len(answer.json())} prices of a month")
    return seconds[5:]


if __name__ == "__main__":
    main()
