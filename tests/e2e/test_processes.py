"""The platform as many processes: the same answers as in one, and nothing lost or doubled when one of them dies."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest

from infra.claims import LOOK_EVERY_S
from tests.e2e.conftest import Job, main_job
from tests.e2e.many_processes import NEEDED, SEALING, Many, many_processes
from tests.e2e.market_files import miso_text, write_small_sample
from tests.e2e.operator_server import operator
from tests.e2e.program import wait_until
from tests.e2e.test_feeds import FEED, path_of

pytestmark = [
    pytest.mark.skipif(any(name not in os.environ for name in NEEDED), reason=f"not set: {', '.join(NEEDED)}"),
    pytest.mark.enable_socket,
]
RUNS = 4
PUBLICATIONS = 8 + 2 * RUNS


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Many]:
    with many_processes(tmp_path) as processes:
        yield processes


def test_the_main_job_through_the_gateway_ends_in_the_same_number(many: Many, job: Job, tmp_path: Path) -> None:
    many.start_all()
    done = main_job(many.program, tmp_path / "sample")
    assert done.ingested["rows"] == job.ingested["rows"]
    assert done.recomputed == job.recomputed
    assert not many.program.home.exists(), "none of them has a folder"
    many.program.run("projections", "verify")
    wait_until(lambda: many.program.json("audit", "verify")["unsealed_events"] == 0)


def test_projectors_that_are_killed_lose_and_double_nothing(many: Many, tmp_path: Path) -> None:
    """Each is killed in the midst of an ingest; the other takes over, and a new one stands by."""
    many.start_all(["downloads"])
    write_small_sample(tmp_path / "sample", runs=RUNS)
    verb = many.program.start("ingest", tmp_path / "sample" / "prices")
    dsn = many.program.environment["DATABASE_URL"]
    for name, projected in (("projector", 3), ("standby", 6)):
        wait_until(partial(_has_come_to, dsn, projected))
        many.parts[name].kill()
        many.start("projector", name=name)
    out, err = verb.communicate(timeout=240)
    assert verb.returncode == 0, out + err
    assert len(many.program.json("publications", "list")) == PUBLICATIONS
    many.program.run("projections", "verify")
    many.program.run("audit", "verify")
    assert many.program.json("doctor")["findings"] == []


def _has_come_to(dsn: str, position: int) -> bool:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT position FROM pg.checkpoint WHERE projection = 'publications'").fetchone()
    return found is not None and int(found[0]) >= position


def test_a_standby_takes_over_within_seconds(many: Many) -> None:
    many.start("projector", name="projector")
    many.start("projector", name="standby")
    many.parts["projector"].kill()
    wait_until(lambda: "relational" in many.parts["standby"].said().partition("claimed")[2])
    assert LOOK_EVERY_S <= 1, "it waits for nothing else; what it takes besides is the machine's"


def test_workers_never_ask_a_source_together_and_one_takes_over_from_another(many: Many) -> None:
    days = [datetime.now(UTC).date() - timedelta(days=age) for age in range(10, -1, -1)]
    with operator() as miso:
        miso.files = {
            path_of(day): miso_text("da_expost_lmp", {"INDIANA.HUB": [30] * 24}, day).encode() for day in days
        }
        held = path_of(days[4])
        miso.held.add(held)
        many.start("projector", name="projector")
        polling = ("worker", "--queue", "feeds", "--feed", FEED)
        sources = json.dumps({"miso-reports": f"{miso.address}/marketreports"})
        many.start(*polling, name="first", CARBON254_SOURCES=sources)
        wait_until(lambda: held in miso.asked)
        second = many.start(*polling, name="second", CARBON254_SOURCES=sources)
        asked = list(miso.asked)
        time.sleep(3)
        assert miso.asked == asked, "the second waits for its turn"
        miso.held.clear()
        many.parts["first"].kill()
        dsn = many.program.environment["DATABASE_URL"]
        wait_until(lambda: ingested(dsn)[0] == len(days))
        assert ingested(dsn) == (len(days), len(days)), "each day once"
        assert miso.asked.count(held) == 2
        assert second.stop() == 0


def test_another_worker_goes_on_with_the_seals_where_the_first_was_killed(many: Many) -> None:
    with ThreadPoolExecutor() as threads:
        threads.submit(many.start, "projector", name="projector")
        for name in ("first", "second"):
            threads.submit(many.start, "worker", "--queue", "seals", name=name, **SEALING)
        threads.submit(many.start, "serve", "--service", "scenarios", name="scenarios")
    gateway = many.start(
        "serve", "--service", "gateway", name="gateway",
        CARBON254_SERVICES=json.dumps({"scenarios": many.parts["scenarios"].address}),
    )  # fmt: skip

    def define(name: str) -> None:
        body = {"name": name, "growth_per_year": 0.0, "seasonal_weight": 0.0}
        assert gateway.ask("POST", "/v1/commands/define-scenario", body=body)[0] == 201

    def is_sealed() -> bool:
        last = gateway.ask("POST", "/v1/audit/verification")[1].splitlines()[-1]
        found = json.loads(last)
        assert found["difference"] is None, found
        return bool(found["unsealed_events"] == 0)

    define("one")
    wait_until(is_sealed)
    sealing, other = ("first", "second") if "claimed: seals" in many.parts["first"].said() else ("second", "first")
    many.parts[sealing].kill()
    define("two")
    wait_until(is_sealed)
    assert "claimed: seals" in many.parts[other].said()


def ingested(dsn: str) -> tuple[int, int]:
    """How many publications were ingested, and how many different ones."""
    with psycopg.connect(dsn) as connection:
        query = "SELECT count(*), count(DISTINCT stream_id) FROM log.events WHERE name = 'publication.ingested'"
        row = connection.execute(query).fetchone()
    assert row
    return row[0], row[1]
