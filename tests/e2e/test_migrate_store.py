"""The event log moves between PostgreSQL and EventStoreDB (a stand-in, in the test's process) by the program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.program import Program
from tests.services.kurrentdb import KurrentStandIn

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def store() -> Iterator[KurrentStandIn]:
    started = KurrentStandIn()
    yield started
    started.stop()


def define(program: Program, name: str) -> None:
    fields = program.temporary / f"{name}.yaml"
    fields.write_text(f"name: {name}\ngrowth_per_year: 0.02\nseasonal_weight: 1.0\n")
    program.run("scenarios", "define", fields)


def scenarios(program: Program, as_of: str) -> list[str]:
    """What there was at a position of the log, asked by its number."""
    with program.serve() as server:
        status, content = server.ask("GET", f"/v1/scenarios?as_of={as_of}")
    assert status == 200, content
    return [item["name"] for item in json.loads(content)["items"]]


def test_a_log_moves_there_and_back_and_keeps_its_positions(store: KurrentStandIn, tmp_path: Path) -> None:
    home = tmp_path / "home"
    embedded, on_store = Program(home), Program(home, EVENTSTOREDB_URI=store.uri)
    for name in ("one", "two", "three"):
        define(embedded, name)
    before = embedded.audit()
    with embedded.serve():
        held = embedded.run("migrate-store", "--to", store.uri, code=1)
        assert "is held by process" in held.stderr

    moved = embedded.json("migrate-store", "--to", store.uri)
    assert (moved["events"], moved["position"]) == (3, 3)
    assert moved["source"] == "the embedded PostgreSQL"
    assert "moved away from here, to esdb://127.0.0.1" in embedded.run("audit", "list", code=1).stderr
    assert "was moved from the embedded PostgreSQL already" in embedded.run(
        "migrate-store", "--to", store.uri, code=1
    ).stderr  # fmt: skip

    listed = on_store.audit()
    assert listed[:3] == before
    assert (listed[3]["event"], listed[3]["command"]) == ("event_log.moved", "migrate-store")
    assert listed[3]["reason"].startswith("from the embedded PostgreSQL to esdb://127.0.0.1:")
    define(on_store, "four")
    listed = on_store.audit()
    assert int(listed[-1]["position"]) > 1_000
    assert scenarios(on_store, "2") == ["one", "two"]
    assert on_store.json("audit", "verify")["difference"] is None
    on_store.run("projections", "verify")

    back = on_store.json("migrate-store", "--to", "embedded")
    assert back["events"] == 5
    there = embedded.audit()
    assert there[:5] == listed
    assert [row["event"] for row in there][-1] == "event_log.moved"
    assert scenarios(embedded, "2") == ["one", "two"]
    assert scenarios(embedded, back["position"]) == ["four", "one", "three", "two"]
    define(embedded, "five")
    verified = embedded.json("audit", "verify")
    assert (verified["difference"], verified["events"]) == (None, 7)
    embedded.run("projections", "rebuild", "--all")
    embedded.run("projections", "verify")


def test_a_move_is_refused_where_it_would_mix_logs(store: KurrentStandIn, tmp_path: Path) -> None:
    other = Program(tmp_path / "other", EVENTSTOREDB_URI=store.uri)
    define(other, "theirs")
    program = Program(tmp_path / "home")
    define(program, "ours")
    refused = program.run("migrate-store", "--to", store.uri, code=1).stderr
    assert "EventStoreDB holds an event log already" in refused
    wrong = program.run("migrate-store", "--from", store.uri, "--to", "embedded", code=1).stderr
    assert "holds another event log than that of the data folder" in wrong
    assert "A store is named as" in program.run("migrate-store", "--to", "mysql://x", code=1).stderr
    assert [row["event"] for row in program.audit()] == ["scenario.defined"]
