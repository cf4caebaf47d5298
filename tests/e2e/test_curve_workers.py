"""Workers of a group as real processes, on Kafka and without: a stale curve is built once, whoever dies meanwhile."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from api.cli.connection import Connection
from api.platform import Platform
from api.wiring import join_platform
from infra.broker import Record
from infra.settings import Settings
from projections.topic_messages import INPUTS, TICKS
from tests.api.test_staleness import Desk
from tests.e2e.many_processes import NEEDED, Many, many_processes
from tests.e2e.program import wait_until
from tests.services.kurrentdb import KurrentStandIn
from write_model.curves import Curve

pytestmark = [
    pytest.mark.skipif(any(name not in os.environ for name in NEEDED), reason=f"not set: {', '.join(NEEDED)}"),
    pytest.mark.enable_socket,
]
FEEDS = {"PJM": "da_hrl_lmps", "MISO": "da_expost_lmp", "CAISO": "PRC_LMP", "ERCOT": "NP4-190-CD"}
PATIENCE_S = 120


@pytest.fixture
def many(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Many]:
    """Projector and settings: with Kafka, or without it on a log on PostgreSQL or EventStoreDB."""
    store = KurrentStandIn() if request.param == "eventstoredb" else None
    with many_processes(tmp_path) as processes:
        if request.param == "kafka":
            processes.program.environment["KAFKA_BOOTSTRAP_SERVERS"] = request.getfixturevalue("kafka_servers")
        if store:
            processes.program.environment["EVENTSTOREDB_URI"] = store.uri
        for name, value in processes.program.environment.items():
            monkeypatch.setenv(name, value)
        processes.start("projector", name="projector")
        yield processes
    if store:
        store.stop()


@pytest.fixture
def platform(many: Many) -> Iterator[Platform]:
    """One more of the processes, in which the test asks."""
    joined = join_platform(Settings())
    yield joined
    joined.close()


def work(many: Many, name: str) -> None:
    """A worker that is in the group."""
    many.start("worker", "--queue", "curves", name=name)
    wait_until(lambda: many.parts[name].ask("GET", "/readyz")[0] == 200, PATIENCE_S)


GROUPS = [
    pytest.param("kafka", marks=pytest.mark.uses_engine("kafka")),
    pytest.param("postgres", marks=pytest.mark.uses_engine("postgres")),
    pytest.param("eventstoredb", marks=pytest.mark.uses_engine("eventstoredb")),
]


@pytest.mark.parametrize("many", GROUPS, indirect=True)
def test_each_stale_curve_is_built_once_whoever_dies_meanwhile(many: Many, platform: Platform) -> None:
    api = Connection.to_platform(platform)
    work(many, "one")
    work(many, "two")
    desks = [Desk(platform, api, iso, feed) for iso, feed in FEEDS.items()]
    for desk in desks:
        api.command("follow-curve", {"hub": desk.hub, "scenario": desk.scenario})
    rounds = 0

    def restate(meanwhile: Callable[[], None]) -> None:
        """All curves become stale, and are waited for."""
        nonlocal rounds
        rounds += 1
        before = platform.log.head()
        for desk in desks:
            desk.first = desk.publish(30.0 + rounds, again=desk.first)
        meanwhile()
        wait_until(lambda: all(_is_fresh(api, desk) for desk in desks), PATIENCE_S)
        assert _built(platform, before) == dict.fromkeys((desk.hub for desk in desks), 1)

    restate(lambda: None)

    def kill_one() -> None:
        before = platform.log.head()
        wait_until(lambda: len(_built(platform, before)) > 0, PATIENCE_S)
        many.parts["one"].kill()

    restate(kill_one)
    restate(lambda: work(many, "three"))  # the group is shared out anew
    for name in ("two", "three"):
        status, metrics = many.parts[name].ask("GET", "/metrics")
        assert (status, 'carbon254_subscription_up{subscription="carbon254.curves' in metrics) == (200, True)
        assert 'carbon254_worker_lag_messages{group="carbon254.curves' in metrics
        assert many.parts[name].stop() == 0
    findings = [finding["problem"] for finding in api.run(api.request("GET", "/v1/doctor")).json()["findings"]]
    # On Kafka there may be messages of other tests' logs.
    assert [problem for problem in findings if "messages of the last 24 hours were set aside" not in problem] == []
    assert [e for e in api.get("/v1/audit", limit="1000")["items"] if e["outcome"] == "refused"] == []
    api.close()


@pytest.mark.uses_engine("kafka")
@pytest.mark.parametrize("many", ["kafka"], indirect=True)
def test_a_message_that_names_no_event_is_set_aside(many: Many, platform: Platform) -> None:
    work(many, "one")
    platform.broker.publish(TICKS, [Record("PJM/DA/da_hrl_lmps", b"\xff{", {"message-id": "soon"})])
    platform.broker.publish(INPUTS, [Record("", b"", {"message-id": f"{10**17}/1"})])
    expected = {
        (TICKS, "its header message-id names no position of the log"),
        (INPUTS, f"no event stands at position {10**17} of the log"),
    }

    def set_aside() -> set[tuple[str, str]]:
        """Messages of other tests' logs may be among them."""
        with platform.pool.connection() as connection:
            return set(connection.execute("SELECT topic, reason FROM work.set_aside").fetchall())

    wait_until(lambda: expected <= set_aside(), PATIENCE_S)
    with closing(Connection.to_platform(platform)) as api:
        (finding,) = api.run(api.request("GET", "/v1/doctor")).json()["findings"]
    assert "messages of the last 24 hours were set aside" in finding["problem"]
    assert many.parts["one"].stop() == 0


def _is_fresh(api: Connection, desk: Desk) -> bool:
    newest = api.get("/v1/curves", hub=desk.hub, wait_for="head")["items"][0]
    return newest["stale"] is None


def _built(platform: Platform, after: int) -> Counter[str]:
    """How often the curve of each hub was built since a position."""
    return Counter(r.event.shape.hub for r in platform.log.page(after, 1_000) if isinstance(r.event, Curve.Built))
