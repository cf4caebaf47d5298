"""The program over servers instead of what is embedded: the same answers, and none of them missed when one is killed.

Runs where `python -m tests.services run` has started them.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.clickhouse import ClickHouse
from tests.e2e.conftest import Job, main_job
from tests.e2e.market_files import write_small_sample
from tests.e2e.program import Program
from tests.services.registry import service

_NEEDED = ("TEST_POSTGRES_DSN", "TEST_CLICKHOUSE_DSN", "TEST_OBJECTS")
pytestmark = [
    pytest.mark.skipif(any(name not in os.environ for name in _NEEDED), reason=f"not set: {', '.join(_NEEDED)}"),
    pytest.mark.enable_socket,
]
RUNS = 4
PUBLICATIONS = 8 + 2 * RUNS


@pytest.fixture
def served(tmp_path: Path) -> Program:
    """The program over the servers, with a database and a place for objects of its own, and no tables in ClickHouse."""
    name = f"engines_{uuid4().hex}"
    with psycopg.connect(os.environ["TEST_POSTGRES_DSN"], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    store = ClickHouse.server(os.environ["TEST_CLICKHOUSE_DSN"])
    store.command("DROP DATABASE ch SYNC")
    store.close()
    return Program(
        tmp_path / "home",
        DATABASE_URL=make_conninfo(os.environ["TEST_POSTGRES_DSN"], dbname=name),
        CLICKHOUSE_DSN=os.environ["TEST_CLICKHOUSE_DSN"],
        CARBON254_OBJECTS=f"{os.environ['TEST_OBJECTS']}/{name}",
        **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
    )


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
        verb.communicate(timeout=120)
        served.run("ingest", prices)
        listed = served.json("publications", "list")
        assert len(listed) == PUBLICATIONS
        assert served.run("audit", "verify").returncode == 0
        assert served.run("projections", "verify").returncode == 0
        assert served.run("doctor").returncode == 0
