"""Followed curves are built again once they are stale: once each, with the rights of whoever asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.connection import ApiError, Connection
from api.cli.main import app
from api.curve_keeping import curve_keeper, keep_curves, share_curves
from api.platform import Platform
from commands.curves import BuildCurve
from commands.message import Answer, Caller, Command
from infra.principal import Principal
from projections.agents import CURVE_KEEPER, Agent
from tests.api.callers import calling_as
from tests.api.following import builds, events, follow, following_desk, listed
from tests.api.test_staleness import Desk
from tests.e2e.program import wait_until


@pytest.fixture
def desk(platform: Platform, api: Connection) -> Iterator[Desk]:
    with following_desk(platform, api) as made:
        yield made


@pytest.fixture
def keeper(platform: Platform) -> Agent:
    return curve_keeper(platform)


def refusals(platform: Platform, tenant: str, after: int) -> list[str]:
    with calling_as(platform, tenant, "auditor") as api:
        found = api.get("/v1/audit", wait_for="head", limit="1000")["items"]
    return [e["reason"] for e in found if e["position"] > after and e["outcome"] == "refused"]


def test_restated_prices_have_a_followed_curve_built_once(platform: Platform, desk: Desk, keeper: Agent) -> None:
    before = platform.log.head()
    restated = desk.publish(31.0, again=desk.first)
    keeper.isolate(events(platform, before))
    (built,) = builds(platform, before)
    newest = listed(desk)[0]
    assert (newest["id"], newest["stale"]) == (str(built.stream_id), None)
    assert built.metadata.command == "build-curve"
    assert built.metadata.actor == "local-operator"
    assert built.metadata.causation_id == restated.events[-1].metadata.command_id
    for again in (keeper, curve_keeper(platform)):
        again.isolate(events(platform))
    assert builds(platform, before) == [built]


def test_quotes_scenarios_and_publications_each_have_it_built(platform: Platform, desk: Desk, keeper: Agent) -> None:
    changes = (
        lambda: desk.quote("2026-11-21T17:00:00Z", 43.0),
        lambda: desk.api.command("revise-scenario", {"name": desk.scenario, "growth_per_year": 0.03}),
        lambda: desk.publish(32.0, again=desk.first),
    )
    for change in changes:
        before = platform.log.head()
        change()
        keeper.isolate(events(platform, before))
        assert len(builds(platform, before)) == 1
    before = platform.log.head()
    desk.publish(30.0, start=datetime(2026, 1, 2, tzinfo=UTC))
    desk.api.command("revise-scenario", {"name": desk.scenario, "growth_per_year": 0.03})
    keeper.isolate(events(platform, before))
    assert builds(platform, before) == [], "further intervals, and what was said already, make nothing stale"


def test_a_burst_has_it_built_once_however_it_is_handed_out(platform: Platform, desk: Desk, keeper: Agent) -> None:
    before, known = platform.log.head(), desk.first
    for price in range(40, 60):
        known = desk.publish(float(price), again=known)
    burst = events(platform, before)
    for recorded in reversed(burst):
        keeper.isolate([recorded])
    assert len(builds(platform, before)) == 1


def test_two_at_once_make_one(platform: Platform, desk: Desk) -> None:
    before = platform.log.head()
    desk.publish(33.0, again=desk.first)
    burst, barrier = events(platform, before), threading.Barrier(4)

    def keep(agent: Agent) -> None:
        barrier.wait()
        agent.isolate(burst)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(keep, curve_keeper(platform)) for _ in range(4)]:
            done.result()
    assert len(builds(platform, before)) == 1


def test_one_that_died_before_it_could_say_so_has_built_it_once(
    platform: Platform, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = platform.log.head()
    desk.publish(34.0, again=desk.first)
    dispatch, sent = platform.bus.dispatch, []

    def dies(command: Command, caller: Caller) -> Answer:
        sent.append((command, caller))
        dispatch(command, caller)
        raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(platform.bus, "dispatch", dies)
        with pytest.raises(OSError, match="killed"):
            curve_keeper(platform).isolate(events(platform, before))
    (built,) = builds(platform, before)
    curve_keeper(platform).isolate(events(platform, before))
    ((command, caller),) = sent
    assert dispatch(command, caller).id == built.stream_id, "another one that saw the same would get this answer"
    assert builds(platform, before) == [built]


def test_what_is_not_followed_is_left_alone(platform: Platform, desk: Desk, keeper: Agent) -> None:
    before = platform.log.head()
    follow(desk, "unfollow-curve")
    assert [curve["followed_by"] for curve in listed(desk)] == [None]
    desk.publish(35.0, again=desk.first)
    keeper.isolate(events(platform))
    assert builds(platform, before) == []
    with pytest.raises(ApiError, match="no followed curve"):
        follow(desk, "unfollow-curve")
    follow(desk)
    keeper.isolate(events(platform, before))
    assert len(builds(platform, before)) == 1, "who follows what is stale already has it built"


def test_a_hub_without_a_curve_gets_its_first(platform: Platform, api: Connection, keeper: Agent) -> None:
    desk = Desk(platform, api)
    api.command("define-scenario", {"name": f"other of {desk.hub}", "growth_per_year": 0.01})
    desk.scenario = f"other of {desk.hub}"
    before = platform.log.head()
    follow(desk)
    keeper.isolate(events(platform, before))
    assert listed(desk)[0]["scenario"] == desk.scenario
    follow(desk, "unfollow-curve")


def test_entitlement_is_asked_for_at_each_build(platform: Platform, api: Connection, keeper: Agent) -> None:
    granted = {"tenant": "acme", "iso": "MISO", "channels": ["api"]}
    api.command("grant-entitlement", granted)
    with calling_as(platform, "acme", "analyst") as acme:
        desk = Desk(platform, acme, iso="MISO", feed="da_exante_lmp")
        follow(desk)
        api.command("revoke-entitlement", granted)
        before = platform.log.head()
        known = desk.first
        for price in (36.0, 36.0, 36.0):
            known = desk.publish(price, again=known)
            keeper.isolate(events(platform, before))
        assert builds(platform, before) == []
        (reason,) = refusals(platform, "acme", before)
        assert "acme is not entitled to MISO" in reason
        api.command("grant-entitlement", granted)
        keeper.isolate(events(platform, before))
        (built,) = builds(platform, before)
        assert (built.metadata.tenant, built.metadata.actor) == ("acme", "someone-of-acme")
        follow(desk, "unfollow-curve")


def test_whoever_was_revoked_has_nothing_built(platform: Platform, api: Connection, keeper: Agent) -> None:
    api.command("grant-entitlement", {"tenant": "ends", "iso": "PJM", "channels": ["api"]})
    with calling_as(platform, "ends", "analyst", "admin") as ends:
        desk = Desk(platform, ends)
        follow(desk)
        ends.command("revoke-actor", {"actor": "someone-of-ends"})
        before = platform.log.head()
        desk.publish(37.0, again=desk.first)
        keeper.isolate(events(platform, before))
        assert builds(platform, before) == []
        (reason,) = refusals(platform, "ends", before)
        assert reason == "all that someone-of-ends held was revoked"
        follow(desk)
        keeper.isolate(events(platform, before))
        assert len(builds(platform, before)) == 1, "asked for after the revocation, it counts"
        follow(desk, "unfollow-curve")


def test_one_that_fails_is_set_aside_and_holds_up_no_other(
    platform: Platform, api: Connection, desk: Desk, keeper: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Desk(platform, api)
    follow(other)
    dispatch = platform.bus.dispatch

    def fails(command: Command, caller: Caller) -> Answer:
        if isinstance(command, BuildCurve) and command.hub == desk.hub:
            raise ValueError("no curve comes of this")
        return dispatch(command, caller)

    before = platform.log.head()
    desk.publish(38.0, again=desk.first)
    other.publish(38.0, again=other.first)
    with monkeypatch.context() as patched:
        patched.setattr(platform.bus, "dispatch", fails)
        keeper.isolate(events(platform, before))
    assert [str(built.stream_id) for built in builds(platform, before)] == [listed(other)[0]["id"]]
    (letter, *_) = api.get("/v1/projections/dead-letters", projection=CURVE_KEEPER)["items"]
    assert letter["reason"] == "ValueError: no curve comes of this"
    retried = api.run(api.request("POST", f"/v1/projections/{CURVE_KEEPER}/retry")).json()
    assert letter["position"] in retried["succeeded"]
    assert listed(desk)[0]["stale"] is None
    follow(other, "unfollow-curve")


def test_a_server_keeps_curves_fresh_from_its_start_on(platform: Platform, desk: Desk) -> None:
    known = desk.publish(39.0, again=desk.first)
    before = platform.log.head()
    running = replace(platform, closers=[])
    keep_curves(running)
    try:
        assert running.curve_keeper
        running.curve_keeper.wait_for(before)
        assert len(builds(platform, before)) == 1, "what had become stale while no server ran"
        desk.publish(40.0, again=known)
        running.curve_keeper.wait_for(platform.log.head())
        assert len(builds(platform, before)) == 2
        assert running.curve_keeper.trouble is None
    finally:
        running.close()


def test_a_worker_of_many_keeps_them_fresh_and_sets_aside_what_it_cannot_build(
    platform: Platform, api: Connection, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, before = replace(platform, closers=[]), platform.log.head()
    share_curves(running)
    worker = running.worker
    assert worker
    try:
        wait_until(lambda: worker.trouble is None)
        known = desk.publish(41.5, again=desk.first)
        wait_until(lambda: len(builds(platform, before)) == 1)
        wait_until(lambda: worker.handled == 1)

        def fails(*_: object) -> Answer:
            raise ValueError("no curve comes of this")

        with monkeypatch.context() as patched:
            patched.setattr(platform.bus, "dispatch", fails)
            desk.publish(42.5, again=known)
            wait_until(lambda: worker.lag == 0)
        wait_until(lambda: worker.handled == 2)
        findings = api.run(api.request("GET", "/v1/doctor")).json()["findings"]
        assert any(f"{CURVE_KEEPER} has set 1 events aside" in finding["problem"] for finding in findings)
        assert worker.trouble is None
    finally:
        running.close()
    api.run(api.request("POST", f"/v1/projections/{CURVE_KEEPER}/retry"))
    assert len(builds(platform, before)) == 2


def test_the_verbs(platform: Platform, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.cli.curves.connect", lambda: Connection.to_platform(platform))
    named = ["--hub", desk.hub, "--scenario", desk.scenario]

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["curves", *arguments])

    done = run("follow", *named)
    assert (done.exit_code, len(done.stdout.strip())) == (0, 36)
    assert "Followed by local-operator" in run("show", desk.curve).stderr
    assert '"followed_by": "local-operator"' in run("list", "--hub", desk.hub, "--json").stdout
    assert run("unfollow", *named).exit_code == 0
    assert "Followed by" not in run("show", desk.curve).stderr


def test_as_of_tells_who_followed_then(platform: Platform, desk: Desk) -> None:
    then = platform.log.head()
    follow(desk, "unfollow-curve")
    path, now = f"/v1/curves/{desk.curve}/staleness", platform.log.head()
    for as_of, who in ((then, "local-operator"), (now, None)):
        found = desk.api.get(path, as_of=str(as_of), wait_for="head")
        assert found["followed_by"] == who


def test_what_was_asked_by_a_key_ends_with_the_key(platform: Platform, api: Connection) -> None:
    issued = api.command("issue-api-key", {"name": "follows", "roles": ["analyst"]})
    prefix, asked_at = issued["events"][0]["data"]["prefix"], platform.log.head()
    somebody = Principal("local", "local-operator", frozenset({"analyst"}))
    by_key = replace(somebody, kind="key", credential=f"key {prefix}")
    assert platform.credentials.revoked_since(by_key, asked_at) is None
    api.command("revoke-api-key", {"key_id": issued["id"]})
    why = platform.credentials.revoked_since(by_key, asked_at)
    assert why == f"the API key {prefix}, by which local-operator asked for it, was revoked"
    assert platform.credentials.revoked_since(somebody, asked_at) is None
