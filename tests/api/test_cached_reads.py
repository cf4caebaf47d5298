"""Answers from the cache: as current and as guarded as those that are made, and told apart in the metrics."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

import queries.scenarios
from api.app import create_app
from api.cli.connection import Connection
from api.cli.ingest import ingest_paths
from api.middleware import answers
from api.platform import LOCAL_PRINCIPAL, Platform
from commands.entitlements import GrantEntitlement
from commands.message import Caller
from infra.errors import PlatformError
from infra.memory_cache import MemoryCache
from infra.metrics import REGISTRY
from infra.redis_cache import RedisCache
from queries.changes import Changes
from tests.api.callers import answer, calling_as, refusal
from tests.api.conftest import Get
from tests.e2e.market_files import write_miso

PRICES = "/v1/prices?iso=MISO&start=2026-03-10&end=2026-03-12"
OTHER_DAYS = "/v1/prices?iso=MISO&start=2026-03-01&end=2026-03-08"
OTHER_ISO = "/v1/prices?iso=PJM&start=2026-03-10&end=2026-03-12"

pytestmark = pytest.mark.usefixtures("market")


def outcomes(route: str = "/v1/prices") -> dict[str, float]:
    names = ("hit", "not_modified", "miss")
    return {
        name: REGISTRY.get_sample_value("carbon254_cached_reads_total", {"route": route, "outcome": name}) or 0.0
        for name in names
    }


@contextmanager
def counted(route: str = "/v1/prices", **expected: int) -> Iterator[None]:
    """What is asked in between has these outcomes."""
    before = outcomes(route)
    yield
    after = outcomes(route)
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == expected


@pytest.fixture
def ingest(api: Connection, platform: Platform, tmp_path: Path) -> Any:
    """Ingests prices of a day at a node, each time others than before."""
    prices = iter(range(100, 200))

    def ingest(day: date) -> None:
        folder = tmp_path / str(next(prices))
        folder.mkdir()
        write_miso(folder, "rt_lmp_final", {"NEW.NODE": [next(prices)] * 24}, day)
        assert ingest_paths(api, [folder]).publications == 1

    return ingest


def test_the_second_time_it_is_a_hit(get: Get) -> None:
    path = PRICES + "&node=INDIANA.HUB"
    with counted(miss=1, hit=1):
        first, second = get(path), get(path)
    assert second.content == first.content
    assert second.headers["content-type"] == first.headers["content-type"]
    assert second.headers["etag"] == first.headers["etag"]
    assert int(second.headers["content-length"]) == len(first.content)


def test_the_order_of_parameters_does_not_matter(get: Get) -> None:
    with counted(miss=1, hit=1):
        get("/v1/prices?iso=MISO&market=DA&start=2026-03-10&end=2026-03-12")
        get("/v1/prices?end=2026-03-12&start=2026-03-10&market=DA&iso=MISO")


def test_formats_and_markets_are_answers_of_their_own(get: Get) -> None:
    found = {
        get(PRICES + more, headers={"Accept": accept}).content
        for more, accept in (("", "*/*"), ("", "text/csv"), ("&format=ndjson", "*/*"), ("&market=DA", "*/*"))
    }
    assert len(found) == 4


def test_a_hit_answers_head_too(get: Get) -> None:
    whole = get(PRICES + "&format=csv")
    head = get(PRICES + "&format=csv", method="HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(whole.content)


def test_head_before_get_keeps_nothing(get: Get) -> None:
    path = PRICES + "&node=MICHIGAN.HUB"
    get(path, method="HEAD")
    assert len(get(path).json()) > 0


def test_a_change_is_seen_at_once_and_drops_nothing_else(get: Get, ingest: Any, platform: Platform) -> None:
    paths = [PRICES, OTHER_DAYS, OTHER_ISO]
    before = [get(path) for path in paths]
    ingest(date(2026, 3, 10))
    platform.settled_position()
    with counted(miss=1, hit=2):
        after = [get(path) for path in paths]
    assert "NEW.NODE" in after[0].text
    assert after[0].headers["etag"] != before[0].headers["etag"]
    assert [a.content for a in after[1:]] == [b.content for b in before[1:]]
    with counted(not_modified=2):
        for path, known in zip(paths[1:], before[1:], strict=True):
            assert get(path, headers={"If-None-Match": known.headers["etag"]}).status_code == 304


def test_a_rebuild_leaves_nothing_of_before(get: Get) -> None:
    before = get(PRICES)
    assert get("/v1/projections/prices/rebuild", method="POST").status_code == 200
    with counted(miss=1):
        after = get(PRICES, headers={"If-None-Match": before.headers["etag"]})
    assert after.json() == before.json()


def test_a_304_reads_no_prices(get: Get, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = get(PRICES).headers["etag"]

    def fail(*_: object, **__: object) -> None:
        pytest.fail("the columnar engine was asked")

    monkeypatch.setattr(type(platform.clickhouse), "query_arrow", fail)
    assert get(PRICES, headers={"If-None-Match": tag}).status_code == 304
    assert get(PRICES).status_code == 200


def test_a_command_is_seen_at_once(get: Get, api: Connection) -> None:
    get("/v1/scenarios"), get("/v1/quotes")
    position = api.command("define-scenario", {"name": "seen at once", "growth_per_year": 0.1})["position"]
    get(f"/v1/scenarios?wait_for={position}")
    with counted("/v1/scenarios", miss=1):
        assert "seen at once" in get("/v1/scenarios").text
    with counted("/v1/quotes", hit=1):
        get("/v1/quotes")


def test_tenants_share_nothing_and_rights_are_asked_each_time(get: Get, platform: Platform, api: Connection) -> None:
    grant = {"tenant": "acme", "iso": "MISO", "channels": ["api"]}
    get(PRICES), get(PRICES + "&format=csv"), get("/v1/scenarios")
    with calling_as(platform, "acme", "reader") as acme:
        assert refusal(acme, "GET", PRICES).status == 403
        api.command("grant-entitlement", grant)
        with counted(miss=1, hit=1):
            answer(acme, "GET", PRICES), answer(acme, "GET", PRICES)
        assert refusal(acme, "GET", PRICES + "&format=csv").status == 403, "a download is another channel"
        assert answer(acme, "GET", "/v1/scenarios").json()["items"] == []
        api.command("revoke-entitlement", grant)
        assert refusal(acme, "GET", PRICES).status == 403
        api.command("grant-entitlement", grant)
        with counted(miss=1):
            answer(acme, "GET", PRICES)
    with calling_as(platform, "acme") as nobody:
        assert refusal(nobody, "GET", PRICES).status == 403


@pytest.mark.parametrize("path", [PRICES, "/v1/publications"])
def test_what_was_made_while_rights_changed_is_not_kept(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Asked for without a right, answered with one, and asked for again when it was taken back."""
    grant = GrantEntitlement(tenant="racing", iso="MISO", channels=("api",))
    command_id = uuid4()
    caller = Caller("local", "local-operator", command_id, command_id, command_id, LOCAL_PRINCIPAL)
    make = answers.CachedReads._make

    async def grant_first(self: Any, *given: Any) -> None:
        await asyncio.to_thread(platform.bus.dispatch, grant, caller)
        await make(self, *given)

    with calling_as(platform, "racing", "reader") as racing:
        with monkeypatch.context() as patch:
            patch.setattr(answers.CachedReads, "_make", grant_first)
            assert "MISO" in answer(racing, "GET", path).text
        with Connection.to_platform(platform) as api:
            api.command("revoke-entitlement", {"tenant": "racing", "iso": "MISO"})
        if path == PRICES:
            assert refusal(racing, "GET", path).status == 403
        else:
            assert "MISO" not in answer(racing, "GET", path).text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/prices?iso=MISO&start=2026-03-10", 422),
        ("/v1/prices?iso=MISO&start=2026-03-10&end=never", 400),
        ("/v1/prices?iso=NOWHERE&start=2026-03-10&end=2026-03-12", 422),
        (PRICES + "&nodes=X", 400),
        (PRICES + "&start=2026-03-11", 400),
        (PRICES + "&format=xlsx", 422),
        (PRICES + "&tz=Mars", 400),
        (PRICES + "&as_of=999999", 400),
        ("/v1/curves/00000000-0000-4000-8000-000000000000", 404),
    ],
)
def test_what_is_refused_stays_refused(get: Get, path: str, status: int) -> None:
    assert [get(path).status_code for _ in range(3)] == [status] * 3


def test_what_is_waited_for_and_replays_are_not_cached(get: Get) -> None:
    get(PRICES)
    with counted():
        assert get(PRICES + "&wait_for=head").status_code == 200
        assert get(PRICES + "&replay=nothing").status_code == 404


def test_a_large_answer_is_not_kept(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_LARGEST_ANSWER_BYTES", 100)
    path = PRICES + "&node=ARKANSAS.HUB"
    with counted(miss=2):
        assert get(path).content == get(path).content


def test_many_who_ask_at_once_have_it_made_once(platform: Platform) -> None:
    app = create_app(platform)
    path = PRICES + "&node=INDIANA.HUB&node=ARKANSAS.HUB"

    async def ask() -> set[bytes]:
        transport = httpx2.ASGITransport(app=app)
        headers = {"Authorization": f"Bearer {platform.token}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
            found = await asyncio.gather(*(client.get(path) for _ in range(10)))
        return {one.content for one in found}

    with counted(miss=1, hit=9):
        assert len(asyncio.run(ask())) == 1


def test_one_of_many_makes_it_too_where_that_takes_long(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_SHARED_PATIENCE_S", 1.0)
    clients, made, second_is_there = 20, [], threading.Event()
    path = f"/v1/scenarios?name={uuid4()}"
    list_scenarios = queries.scenarios.list_scenarios

    def slow(*arguments: Any, **options: Any) -> Any:
        made.append(1)
        if len(made) > 1:
            second_is_there.set()
        assert second_is_there.wait(60)
        return list_scenarios(*arguments, **options)

    monkeypatch.setattr(queries.scenarios, "list_scenarios", slow)
    app = create_app(platform)

    async def ask() -> set[int]:
        transport = httpx2.ASGITransport(app=app)
        headers = {"Authorization": f"Bearer {platform.token}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
            return {a.status_code for a in await asyncio.gather(*(client.get(path) for _ in range(clients)))}

    assert asyncio.run(ask()) == {200}
    # All of them would, had they no patience with one another; one more does each second that it takes.
    assert 2 <= len(made) < clients / 2


def test_where_nobody_can_tell_what_has_changed_the_route_answers(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    def fail(_: object) -> None:
        raise psycopg.OperationalError("gone")

    get(PRICES)
    monkeypatch.setattr(Changes, "catch_up", fail)
    with counted():
        assert get(PRICES).status_code == 200


@pytest.mark.enable_socket
def test_redis_that_is_away_is_passed_over_and_told(platform: Platform) -> None:
    lonely = replace(platform, cache=RedisCache(MemoryCache(), "redis://127.0.0.1:1/0"))
    with Connection.to_platform(lonely) as api, counted(miss=1, hit=1):
        assert answer(api, "GET", PRICES).content == answer(api, "GET", PRICES).content
        assert answer(api, "GET", "/readyz").json()["cache_trouble"] == "Redis does not answer"
    lonely.cache.close()


def test_settings_say_how_redis_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydantic import ValidationError

    from infra.settings import Settings

    monkeypatch.setenv("REDIS_URL", "redis://user:secret@127.0.0.1:6379/0")
    assert Settings().redis_url == "redis://user:secret@127.0.0.1:6379/0"
    monkeypatch.setenv("REDIS_URL", "127.0.0.1:6379")
    with pytest.raises((ValidationError, PlatformError)):
        Settings()
