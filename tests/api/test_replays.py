"""A replay answers every read as it would have been answered then; the live answers stay what they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.connection import ApiError, Connection
from api.cli.ingest import ingest_paths
from api.cli.main import app
from api.cli.progress import follow
from api.platform import Platform
from projections.building import Building
from projections.replays import Replays
from queries.relational import rows
from read_models.replays import add_replay
from tests.e2e.market_files import write_miso

PRICES = {"iso": "MISO", "start": "2026-03-10", "end": "2026-03-12"}
READS = (
    "/v1/prices?iso=MISO&start=2026-03-10&end=2026-03-12", "/v1/prices/coverage", "/v1/publications", "/v1/scenarios",
    "/v1/instruments", "/v1/quotes", "/v1/curves", "/v1/ppas", "/v1/audit",
)  # fmt: skip
Verb = Callable[..., Any]


@pytest.fixture
def verb(api: Connection, monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Runs a verb against the platform of this test and answers its JSON."""

    class Kept(Connection):
        def __init__(self) -> None:
            self.__dict__ |= api.__dict__

        def close(self) -> None:
            pass

    monkeypatch.setattr(Connection, "open", classmethod(lambda cls, settings: Kept()))

    def run(*words: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [*words, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    return run


def refused(api: Connection, method: str, path: str, **options: Any) -> ApiError:
    with pytest.raises(ApiError) as error:
        api.run(api.request(method, path, **options))
    return error.value


def answers(api: Connection, replay: str | None = None) -> list[Any]:
    more = {} if replay is None else {"replay": replay}
    return [api.run(api.request("GET", path, params=_with(path, more))).json() for path in READS]


def _with(path: str, more: dict[str, str]) -> dict[str, str]:
    given = dict(part.split("=") for part in path.partition("?")[2].split("&") if part)
    return given | more


def test_every_read_answers_as_it_did_then(api: Connection, tmp_path: Path, verb: Verb) -> None:
    api.command("define-scenario", {"name": "base", "growth_per_year": 0.02})
    ingest_paths(api, [write_miso(tmp_path / "prelim", "rt_lmp_prelim", {"A": [30] * 24})])
    head = api.get("/v1/projections")["head"]
    then = answers(api)
    recorded_at = then[-1]["items"][0]["recorded_at"]
    api.command("revise-scenario", {"name": "base", "growth_per_year": 0.05})
    ingest_paths(api, [write_miso(tmp_path / "final", "rt_lmp_final", {"A": [99] * 24, "B": [1] * 24})])
    now = answers(api)
    assert now != then

    made = verb("replay", "--to", recorded_at, "--name", "before")
    assert made == {"name": "before", "position": head}
    assert answers(api, "before") == then
    assert answers(api) == now
    publication = then[2]["items"][0]["id"]
    assert api.get(f"/v1/publications/{publication}", replay="before")["log_position"] <= head
    later = next(p["id"] for p in now[2]["items"] if p["id"] != publication)
    assert refused(api, "GET", f"/v1/publications/{later}", params={"replay": "before"}).status == 404

    prices = verb("prices", "get", "--iso", "MISO", "--start", "2026-03-10", "--end", "2026-03-12",
                  "--replay", "before")  # fmt: skip
    assert prices == then[0]
    assert [s["growth_per_year"] for s in verb("scenarios", "list", "--replay", "before")] == [0.02]
    assert [s["growth_per_year"] for s in verb("scenarios", "list")] == [0.05]
    node = verb("lineage", publication, "--replay", "before")
    assert {n["position"] for n in node["nodes"]} <= set(range(head + 1))


def test_the_same_replay_is_there_and_another_of_its_name_is_refused(api: Connection, verb: Verb) -> None:
    api.command("define-scenario", {"name": "one", "growth_per_year": 0.02})
    api.command("define-scenario", {"name": "two", "growth_per_year": 0.02})
    assert verb("replay", "--to", "1", "--name", "first") == verb("replay", "--to", "1", "--name", "first")
    error = refused(api, "POST", "/v1/replays", json={"name": "first", "to": "2"})
    assert (error.status, error.title) == (409, "The replay first shows position 1, not 2.")
    assert "replay drop first" in error.detail
    listed = {replay["name"]: replay["position"] for replay in verb("replay", "list")}
    assert listed["first"] == 1
    assert api.get("/v1/scenarios", replay="first")["items"] != api.get("/v1/scenarios")["items"]
    assert verb("replay", "drop", "first") == {"dropped": "first"}
    error = refused(api, "GET", "/v1/scenarios", params={"replay": "first"})
    assert error.status == 404
    assert "replay list" in error.detail
    assert verb("replay", "--to", "2", "--name", "first")["position"] == 2


@pytest.mark.parametrize("name", ["", "A", "1a", "a-b", "a;drop", "x" * 41, "ä", "a\n"])
def test_a_name_is_checked(api: Connection, name: str) -> None:
    error = refused(api, "POST", "/v1/replays", json={"name": name, "to": "1"})
    assert error.status == 422
    assert "name" in error.title
    assert refused(api, "GET", "/v1/scenarios", params={"replay": name}).status in (400, 404)


@pytest.mark.parametrize("to", ["999999999", "yesterday", "2026-13-01", "9" * 30])
def test_a_position_or_time_is_checked(api: Connection, to: str) -> None:
    error = refused(api, "POST", "/v1/replays", json={"name": "wrong", "to": to})
    assert error.status == 400
    assert error.title.startswith("to: ")


def test_a_replay_from_before_the_first_event_is_empty(api: Connection) -> None:
    api.command("define-scenario", {"name": "base2", "growth_per_year": 0.02})
    assert follow(api.lines("POST", "/v1/replays", {"name": "nothing", "to": "2001-01-01"}))["replay"]["position"] == 0
    assert all((answer["items"] if isinstance(answer, dict) else answer) == [] for answer in answers(api, "nothing"))


def test_a_replay_that_a_crash_left_half_built_is_dropped_at_the_start(api: Connection, platform: Platform) -> None:
    api.command("define-scenario", {"name": "base3", "growth_per_year": 0.02})
    with platform.pool.connection() as connection, connection.cursor() as cursor:
        assert add_replay(cursor, "half", 1)
    half = Building(platform.pool, platform.log, platform.relational.projections, "replay_half")
    half.start()
    assert refused(api, "GET", "/v1/scenarios", params={"replay": "half"}).status == 404
    assert refused(api, "DELETE", "/v1/replays/half").status == 404
    assert refused(api, "POST", "/v1/replays", json={"name": "half", "to": "1"}).status == 409
    Replays(platform.pool, platform.dsn, platform.log, platform.relational.projections).load()
    assert "half" not in {replay["name"] for replay in api.get("/v1/replays")["items"]}
    assert rows(platform.pool, "SELECT nspname FROM pg_namespace WHERE nspname = 'replay_half'", {}) == []
    assert follow(api.lines("POST", "/v1/replays", {"name": "half", "to": "1"}))["replay"]["position"] == 1


def test_a_replay_that_fails_leaves_nothing_and_says_why(
    api: Connection, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Building, "advance", full)
        last = list(api.lines("POST", "/v1/replays", {"name": "failing", "to": "1"}))[-1]
    assert "No space left on device" in last["problem"]
    assert "failing" not in {replay["name"] for replay in api.get("/v1/replays")["items"]}


def test_a_long_list_of_a_replay_is_followed_within_it(
    platform: Platform, api: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(5):
        api.command("define-scenario", {"name": f"long {i}", "growth_per_year": 0.02})
    follow(api.lines("POST", "/v1/replays", {"name": "paged", "to": str(platform.settled_position())}))
    api.command("define-scenario", {"name": "long later", "growth_per_year": 0.02})
    monkeypatch.setattr("api.cli.connection.PAGE_ROWS", 2)
    monkeypatch.setattr(api, "replay", "paged")
    names = [row["name"] for row in api.items("/v1/scenarios")]
    assert [name for name in names if name.startswith("long")] == [f"long {i}" for i in range(5)]
