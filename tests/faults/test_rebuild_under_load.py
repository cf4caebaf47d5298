"""Every read model is built anew while many clients read and files come in: nobody notices."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.market_files import write_small_sample
from tests.e2e.program import Program
from tests.faults.checks import Readers, ingesting, long_or_short, nothing_lost_or_doubled
from tests.faults.conftest import Tell

pytestmark = [
    pytest.mark.needs_engine("postgres", "clickhouse", "minio"),
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
]
CLIENTS = long_or_short(200, 30)
RUNS = long_or_short(80, 8)
PUBLICATIONS = 8 + 2 * RUNS
ROUNDS = long_or_short(3, 1)
READ = (
    "/v1/prices?iso=MISO&start=2026-03-10T05:00Z&end=2026-03-11T05:00Z",
    "/v1/publications?limit=50",
    "/v1/audit?limit=50",
    "/v1/scenarios",
)


def test_a_rebuild_of_everything_under_load_is_not_noticed(on_engines: Program, tmp_path: Path, tell: Tell) -> None:
    on_engines.environment["CARBON254_READS_PER_MINUTE"] = "1000000"
    files = write_small_sample(tmp_path / "files", runs=RUNS)
    with on_engines.serve() as server:
        on_engines.run("ingest", files / "miso")
        read_models = len(on_engines.json("projections", "list"))
        with Readers(server, READ, CLIENTS) as readers, ingesting(on_engines, files) as end:
            began_s = time.monotonic()
            for _ in range(ROUNDS):
                on_engines.run("projections", "rebuild", "--all")
            rebuilt_s = time.monotonic() - began_s
            end()
        assert set(readers.statuses) == {200}, readers.said
        nothing_lost_or_doubled(server, PUBLICATIONS)
    tell(
        f"{read_models} read models rebuilt {ROUNDS} times in {rebuilt_s:.1f} s under {CLIENTS} readers and an ingest: "
        f"{readers.statuses[200]} reads, all answered, the slowest in {readers.slowest_s:.2f} s"
    )
