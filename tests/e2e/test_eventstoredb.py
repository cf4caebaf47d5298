"""The program with its event log on EventStoreDB (a stand-in, in the test's process), the read models on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Job, main_job
from tests.e2e.program import Program
from tests.services.kurrentdb import KurrentStandIn

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def store() -> Iterator[KurrentStandIn]:
    started = KurrentStandIn()
    yield started
    started.stop()


def test_the_main_job_ends_in_the_same_number(store: KurrentStandIn, job: Job, tmp_path: Path) -> None:
    on_store = Program(tmp_path / "home", EVENTSTOREDB_URI=store.uri)
    with on_store.serve():
        done = main_job(on_store, tmp_path / "sample")
    assert done.ingested["rows"] == job.ingested["rows"]
    assert done.recomputed == job.recomputed
    ours = [record for record in store.store.all if record.stream.startswith("carbon254-")]
    assert len(ours) == len(job.program.audit())

    with on_store.serve() as server:
        listed = on_store.audit()
        assert [(row["position"], row["event"]) for row in listed] == [(str(r.position), r.type) for r in ours]
        found = on_store.json("doctor")
        assert found["findings"] == []
        assert found["event_store"] == store.uri.partition("//")[2].partition("?")[0]
        table = found["event_table"]
        assert (table["events"], table["newest_position"]) == (len(ours), ours[-1].position)
        assert set(found["projections"].values()) == {ours[-1].position}
        verified = on_store.json("audit", "verify")
        assert (verified["difference"], verified["events"]) == (None, len(ours))
        for name in ("audit", "prices"):
            on_store.run("projections", "rebuild", name)
        on_store.run("projections", "verify")
        middle = ours[len(ours) // 2]
        status, shown = server.ask("GET", f"/v1/audit/{middle.position}")
        assert (status, json.loads(shown)["event"], json.loads(shown)["version"]) == (200, middle.type, middle.revision)
        assert server.ask("GET", f"/v1/audit/{middle.position + 1}")[0] == 404
        assert json.loads(server.ask("GET", "/readyz")[1])["position"] == ours[-1].position
        metrics = server.ask("GET", "/metrics")[1]
        assert 'carbon254_projection_lag_events{projection="audit"} 0.0' in metrics

        store.stop()
        status, said = server.ask("GET", "/readyz")
        assert (status, json.loads(said)["title"]) == (503, "the database does not answer")
        status, said = server.ask("GET", f"/v1/audit/{middle.position}")
        assert status == 503
        assert "EventStoreDB" in json.loads(said)["title"]


def test_read_models_of_one_log_do_not_follow_another(store: KurrentStandIn, tmp_path: Path) -> None:
    """Neither the log in the database after one on EventStoreDB, nor another one there."""
    on_store = Program(tmp_path / "home", EVENTSTOREDB_URI=store.uri)
    on_store.run("scenarios", "list")
    without = Program(tmp_path / "home").run("scenarios", "list", code=1)
    assert "belongs to another event log" in without.stderr
    other = KurrentStandIn()
    elsewhere = Program(tmp_path / "home", EVENTSTOREDB_URI=other.uri).run("scenarios", "list", code=1)
    other.stop()
    assert "belongs to another event log" in elsewhere.stderr
    (tmp_path / "home" / "log-id").unlink()
    database = Program(tmp_path / "home").run("scenarios", "list", code=1)
    assert "The read models in the database are those of another event log" in database.stderr


def test_a_store_that_cannot_be_reached_or_read_is_named(tmp_path: Path) -> None:
    gone = Program(tmp_path / "home", EVENTSTOREDB_URI="esdb://admin:changeit@127.0.0.1:1?tls=false")
    said = gone.run("scenarios", "list", code=1).stderr
    assert "EventStoreDB could not tell its newest event" in said
    assert "changeit" not in said
    wrong = Program(tmp_path / "home", EVENTSTOREDB_URI="http://admin:changeit@localhost:2113")
    said = wrong.run("scenarios", "list", code=2).stderr
    assert "EVENTSTOREDB_URI is wrong: write it as esdb://" in said
    assert "changeit" not in said
