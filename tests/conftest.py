"""Fixtures for every room's tests."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.embedded_postgres import EmbeddedPostgres
from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import EventLog
from infra.objects import Objects
from infra.postgres import open_pool

pytest_plugins = [
    "tests.plugins_clickhouse",
    "tests.plugins_engines",
    "tests.plugins_kafka",
    "tests.plugins_kurrent",
    "tests.plugins_log",
    "tests.plugins_platform",
    "tests.plugins_redis",
]

# What is set for the program or for a terminal where the tests are started decides none of them. Variables of the
# tests' own engines (TEST_…, CARBON254_SERVICES_…, CARBON254_FETCH_S) stay.
_STEERING = re.compile(
    "CARBON254_(?!SERVICES_|FETCH_S$).*|DATABASE_URL|CLICKHOUSE_(DSN|CLUSTER)|KAFKA_BOOTSTRAP_SERVERS|REDIS_URL|OTEL_.*"
    "|XDG_(DATA|CONFIG)_HOME|COLUMNS|LINES|TERMINAL_WIDTH|FORCE_COLOR|NO_COLOR|PY_COLORS|GITHUB_ACTIONS|TTY_.*"
)
for _name in list(filter(_STEERING.fullmatch, os.environ)):
    del os.environ[_name]
if "EVENTSTOREDB_URI" in os.environ:  # the log of the tests of the log, and no platform's
    os.environ.setdefault("TEST_EVENTSTOREDB_URI", os.environ.pop("EVENTSTOREDB_URI"))

# Everywhere the same examples, and none of them against the clock: whether a change passes is no matter of chance.
settings.register_profile(
    "same everywhere", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same everywhere")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real files that operators published. They lie beside the checkout; without them these tests are skipped."""
    if not SHARED_DATA.is_dir():
        message = "real files are absent: there is no shared/data beside the checkout"
        if os.environ.get("REQUIRE_SHARED_DATA"):
            pytest.fail(f"{message}, and REQUIRE_SHARED_DATA is set")
        pytest.skip(message)
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgres_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The PostgreSQL of all tests: the server that TEST_POSTGRES_DSN leads to, else an embedded one."""
    if given := os.environ.get("TEST_POSTGRES_DSN"):
        yield given
        return
    server = EmbeddedPostgres.start(tmp_path_factory.mktemp("postgres"))
    yield server.dsn
    server.stop()


@pytest.fixture
def dsn(postgres_dsn: str) -> Iterator[str]:
    """A database of its own for one test."""
    name = sql.Identifier(f"test_{uuid4().hex}")
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield make_conninfo(postgres_dsn, dbname=name.as_string(None).strip('"'))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def pool(dsn: str) -> Iterator[Pool]:
    opened = open_pool(dsn)
    yield opened
    opened.close()


@pytest.fixture
def postgres_recorder(pool: Pool) -> PostgresRecorder:
    recorder = PostgresRecorder(pool)
    recorder.create_schema()
    return recorder


@pytest.fixture
def log(postgres_recorder: PostgresRecorder) -> EventLog:
    """An empty event log."""
    return EventLog(postgres_recorder)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.in_folder(tmp_path / "objects")
