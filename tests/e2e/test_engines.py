"""The program over servers instead of what is embedded: the same answers, and none of them missed when one is killed.

Runs where `python -m tests.services run` has started them.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Job, main_job
from tests.e2e.market_files import write_small_sample
from tests.e2e.on_engines import program_on_engines
from tests.e2e.program import Program
from tests.services.registry import service

pytestmark = [pytest.mark.needs_engine("postgres", "clickhouse", "minio"), pytest.mark.enable_socket]
RUNS = 4
PUBLICATIONS = 8 + 2 * RUNS


@pytest.fixture
def served(tmp_path: Path) -> Program:
    return program_on_engines(tmp_path / "home")


def test_the_main_job_ends_in_the_same_number(served: Program, job: Job, tmp_path: Path) -> None:
    done = main_job(served, tmp_path / "sample")
    assert done.ingested["rows"] == job.ingested["rows"]
    assert done.recomputed == job.recomputed
    assert list((served.home / "chdb").iterdir()) == []
    assert list((served.home / "objects").iterdir()) == []
    assert not (served.home / "postgres" / "cluster").exists()
    assert served.run("audit", "verify").returncode == 0
    assert served.run("projections", "verify").returncode == 0


@pytest.mark.parametrize("engine", ["postgres", "clickhouse", "minio"])
def test_an_engine_that_is_killed_costs_nothing(served: Program, engine: str, tmp_path: Path) -> None:
    """Killed while an ingest runs, and started again two seconds later; whoever ingested repeats the command."""
    write_small_sample(tmp_path / "sample", runs=RUNS)
    prices = tmp_path / "sample" / "prices"
    with served.serve():
        verb = served.start("ingest", prices)
        time.sleep(1.0)
        service(engine).kill()
        time.sleep(2.0)
        service(engine).start()
        verb.communicate(timeout=240)
        served.run("ingest", prices)
        listed = served.json("publications", "list")
        assert len(listed) == PUBLICATIONS
        assert served.run("audit", "verify").returncode == 0
        assert served.run("projections", "verify").returncode == 0
        assert served.run("doctor").returncode == 0
