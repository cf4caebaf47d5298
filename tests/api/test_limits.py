"""Limits answer clearly: too large, too slow, too deep, too often, too many at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import limits
from api.app import create_app
from api.cli.connection import Connection
from api.middleware import bodies, rates
from api.middleware.bodies import Bodies, deeper_than
from api.middleware.rates import FailedAttempts, HeavyReads, Rates
from api.platform import LOCAL_PRINCIPAL, Platform
from infra.principal import Principal
from tests.api.requests import call

ALICE, BOB = Principal("t", "alice"), Principal("t", "bob")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers the size of the body."""
    body = await Request(scope, receive).body()
    await Response(str(len(body)))(scope, receive, send)


class As:
    """In front of what stands behind the door."""

    def __init__(self, app: ASGIApp, principal: Principal = ALICE) -> None:
        self._app = app
        self.principal = principal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["principal"] = self.principal
        await self._app(scope, receive, send)


async def in_chunks(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class TestBodies:
    @pytest.mark.parametrize(
        ("path", "largest"),
        [("/v1/commands/x", 1 << 20), ("/graphql", 128 << 10), ("/v1/objects", 2 << 30), ("/v1/api-keys", 1 << 20)],
    )
    def test_too_much_is_refused_by_its_announced_length_before_a_byte_is_read(self, path: str, largest: int) -> None:
        async def send_length(length: int) -> list[Message]:
            sent: list[Message] = []

            async def never() -> Message:
                raise AssertionError("the body was read")

            async def collect(message: Message) -> None:
                sent.append(message)

            async def answer(scope: Scope, receive: Receive, send: Send) -> None:
                await Response("in")(scope, receive, send)

            scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"content-length", b"%d" % length)]}
            await Bodies(answer)(scope, never if length > largest else _empty, collect)
            return sent

        assert asyncio.run(send_length(largest))[0]["status"] == 200
        refused = asyncio.run(send_length(largest + 1))
        assert refused[0]["status"] == 413
        assert json.loads(refused[1]["body"])["detail"]

    @pytest.mark.parametrize("path", ["/v1/commands/x", "/graphql", "/v1/other"])
    def test_too_much_without_an_announced_length_is_refused_as_it_comes(self, path: str) -> None:
        largest = limits.LARGEST_BODY_BYTES[limits.route_class("POST", path)]
        read = 0

        def chunks() -> Iterable[bytes]:
            nonlocal read
            for _ in range(10_000):
                read += 10_000
                yield b" " * 10_000

        answer = call(Bodies(echo), "POST", path, content=in_chunks(chunks()))
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
        assert read <= largest + 20_000
        fits = call(Bodies(echo), "POST", path, content=in_chunks([b" " * (largest - 1), b" "]))
        assert (fits.status_code, fits.text) == (200, str(largest))

    def test_an_upload_is_refused_within_its_stream_too(
        self, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(limits.LARGEST_BODY_BYTES, "uploads", 100_000)
        app = create_app(platform)
        content = in_chunks([b"x" * 60_000, b"x" * 60_000])
        answer = call(app, "POST", "/v1/objects", token=platform.token, content=content)
        assert (answer.status_code, "correlation_id" in answer.json()) == (413, True)

    @pytest.mark.parametrize("every_s", [0.05, 10.0])
    def test_a_body_that_trickles_is_given_up(self, every_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bodies, "BODY_PATIENCE_S", 0.3)

        async def trickle() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(every_s)

        answer = call(Bodies(echo), "POST", "/v1/commands/x", content=trickle())
        assert (answer.status_code, answer.json()["title"]) == (408, "the body came slower than 16 KiB a second")

    def test_a_long_body_at_a_fair_speed_is_let_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bodies, "BODY_PATIENCE_S", 0.2)

        async def steady() -> AsyncIterator[bytes]:
            for _ in range(8):
                yield b" " * 16_384
                await asyncio.sleep(0.1)

        assert call(Bodies(echo), "POST", "/v1/objects", content=steady()).text == str(8 * 16_384)

    @pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"a":[', b'[{"\\"]":'])
    def test_json_nested_without_end_is_refused_before_it_is_parsed(self, opening: bytes, platform: Platform) -> None:
        app = create_app(platform)
        for times in (40, 1_000, 100_000):
            answer = call(
                app, "POST", "/v1/commands/define-scenario", token=platform.token, content=opening * times,
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
            assert (answer.status_code, "deeper than 32" in answer.json()["title"]) == (400, True)

    def test_brackets_in_texts_are_no_depth(self) -> None:
        assert not deeper_than(b'{"a": "' + b"[" * 1000 + rb'\"[[["' + b"}", 32)
        assert not deeper_than(b"[1]," * 1000, 32)
        assert not deeper_than(b"[" * 32 + b"]" * 32, 32)
        assert deeper_than(b"[" * 33, 32)
        assert not deeper_than(b'"' + b'\\"' * 500_000, 32)  # in linear time


async def _empty() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


class TestRates:
    def test_the_next_one_too_many_is_told_when_to_come_again(self) -> None:
        app = As(Rates(echo, commands_per_minute=2, reads_per_minute=3))
        answers = [call(app, "GET", "/v1/curves") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"reads";q=3;w=60'
        assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
        refused = answers[-1]
        assert 55 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["status"] == 429
        assert "3 reads a minute" in refused.json()["title"]

    def test_kinds_and_callers_have_windows_of_their_own(self) -> None:
        limited = Rates(echo, commands_per_minute=1, reads_per_minute=1)
        alice, bob = As(limited), As(limited, BOB)
        assert [call(alice, method, "/v1/x").status_code for method in ("GET", "GET", "POST", "POST")] == [
            200, 429, 200, 429,
        ]  # fmt: skip
        assert call(bob, "GET", "/v1/x").status_code == 200

    def test_an_upload_counts_as_a_command_and_a_query_as_a_read(self) -> None:
        app = As(Rates(echo, commands_per_minute=1, reads_per_minute=1))
        asked = [("POST", "/v1/objects"), ("POST", "/v1/commands/x"), ("POST", "/graphql"), ("GET", "/v1/curves")]
        assert [call(app, *each).status_code for each in asked] == [200, 429, 200, 429]

    def test_the_window_moves(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import time

        app = As(Rates(echo, commands_per_minute=1, reads_per_minute=1))
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now)
        assert [call(app, "GET", "/").status_code for _ in range(2)] == [200, 429]
        monkeypatch.setattr(time, "time", lambda: now + 61)
        assert call(app, "GET", "/").status_code == 200

    def test_settings_hold_in_the_whole_app(self, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(platform.settings, "reads_per_minute", 2)
        app = create_app(platform)
        path = "/v1/curves"
        answers = [call(app, "GET", path, token=platform.token) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert call(app, "GET", "/livez").status_code == 200
        assert call(app, "GET", path).status_code == 401, "without a credential nothing is told of anybody's window"

    def test_failed_attempts_are_counted_by_address_and_never_shut_out_the_rightful(self, platform: Platform) -> None:
        app = create_app(platform)
        statuses = [call(app, "GET", "/v1/curves", token="wrong").status_code for _ in range(62)]
        assert statuses == [401] * limits.FAILED_ATTEMPTS_PER_MINUTE + [429, 429]
        refused = call(app, "GET", "/v1/curves", token="wrong")
        assert int(refused.headers["retry-after"]) > 0
        assert "www-authenticate" not in refused.headers
        assert call(app, "GET", "/v1/curves", token=platform.token).status_code == 200

    def test_each_address_has_attempts_of_its_own(self) -> None:
        async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
            await Response("no", 401)(scope, receive, send)

        limited = FailedAttempts(refuse, per_minute=1)

        def at(address: str) -> ASGIApp:
            async def app(scope: Scope, receive: Receive, send: Send) -> None:
                await limited({**scope, "client": (address, 1)}, receive, send)

            return app

        asked = ("10.0.0.1", "10.0.0.1", "10.0.0.2")
        assert [call(at(address), "GET", "/").status_code for address in asked] == [401, 429, 401]


class TestHeavyReads:
    def test_so_many_at_once_of_each_and_of_all_and_others_are_let_by(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rates, "MOST_HEAVY_READS", 3)
        monkeypatch.setattr(rates, "MOST_HEAVY_READS_EACH", 2)
        monkeypatch.setattr(rates, "HEAVY_READ_PATIENCE_S", 0.2)
        running, most, release = 0, 0, asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal running, most
            if scope["path"] == "/v1/prices":
                running += 1
                most = max(most, running)
                await release.wait()
                running -= 1
            await Response("done")(scope, receive, send)

        app = HeavyReads(slow)

        async def ask(principal: Principal, path: str = "/v1/prices") -> int:
            status = 0

            async def note(message: Message) -> None:
                nonlocal status
                status = message.get("status", status)

            scope = {"type": "http", "method": "GET", "path": path, "headers": [], "principal": principal}
            await app(scope, _empty, note)
            return status

        async def scene() -> tuple[list[int], list[int], list[int]]:
            asked = [asyncio.create_task(ask(who)) for who in (ALICE, ALICE, ALICE, BOB, LOCAL_PRINCIPAL)]
            await asyncio.sleep(0.05)
            light = [await ask(ALICE, "/v1/curves") for _ in range(5)]
            await asyncio.sleep(0.5)
            late = asyncio.create_task(ask(ALICE))
            await asyncio.sleep(0.05)
            release.set()
            return [await task for task in asked], light, [await late]

        heavy, light, late = asyncio.run(scene())
        assert heavy == [200, 200, 503, 200, 503]
        assert light == [200] * 5
        assert late == [200], "who waits gets the place of whoever ends"
        assert most == 3


def test_the_program_waits_as_long_as_it_is_told_and_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [httpx2.Response(429, headers={"Retry-After": "7"}), httpx2.Response(200, json={"items": []})]
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: answers.pop(0)), base_url="http://127.0.0.1")
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("api.cli.connection.asyncio.sleep", sleep)
    with Connection(client) as connection:
        assert connection.get("/v1/curves") == {"items": []}
    assert slept == [7.0]
