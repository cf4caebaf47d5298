"""The gateway's own part: requests that other services answer are passed on to them, bodies as they come, both ways.

By then the caller is known, and its limits are kept. The service checks its token all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress

import httpx2
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.limits import KEEP_ALIVE_S
from api.problems import Problem, response

RETRY_AFTER_S = 2
# Connections that a service closes after its own patience must not be used at that very moment.
_LIMITS = httpx2.Limits(max_connections=512, max_keepalive_connections=64, keepalive_expiry=KEEP_ALIVE_S / 3)
_TIMEOUT = httpx2.Timeout(600.0, connect=3.0)

# What concerns one connection alone (RFC 9110, 7.6.1), and what the client works out anew.
_OF_THE_CONNECTION = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"host", b"expect",
})  # fmt: skip
# What the gateway says itself of every answer.
_OWN = frozenset({b"x-correlation-id", b"date", b"server", b"ratelimit", b"ratelimit-policy"})
_CORRELATION = b"x-correlation-id"

Headers = Sequence[tuple[bytes, bytes]]


class PassingOn:
    """ASGI middleware. `bases` are the services' base URLs, `routes` what each of them answers, both by name."""

    def __init__(self, app: ASGIApp, bases: Mapping[str, str], routes: Mapping[str, Sequence[BaseRoute]]) -> None:
        self._app = app
        self._bases = bases
        self._routes = routes
        self._client: httpx2.AsyncClient | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = self._whose(scope) if scope["type"] == "http" else None
        if name:
            await self._pass_on(name, scope, receive, send)
            return
        await self._app(scope, receive, send)
        if scope["type"] == "lifespan" and self._client:
            client, self._client = self._client, None
            await client.aclose()

    def _whose(self, scope: Scope) -> str | None:
        """The service that answers a request; None for the gateway itself. The route names it in the metrics."""
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        for name, routes in self._routes.items():
            for route in routes:
                if route.matches(asked)[0] is Match.FULL:
                    scope["route"] = route
                    return name
        return None

    async def _pass_on(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        correlation_id = str(scope["correlation_id"]).encode()
        asked = self._opened().build_request(
            scope["method"],
            self._bases[name] + _target(scope),
            headers=[*_passed(scope["headers"], frozenset({_CORRELATION})), (_CORRELATION, correlation_id)],
            content=_body(receive) if _has_body(scope) else None,
        )
        try:
            answer = await self._opened().send(asked, stream=True)
        except httpx2.TransportError as error:
            await response(_away(name, error))(scope, receive, send)
            return
        try:
            await _send_on(answer, receive, send, is_read=not _has_body(scope))
        finally:
            await answer.aclose()

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            # The environment's proxies must never see a token.
            self._client = httpx2.AsyncClient(limits=_LIMITS, timeout=_TIMEOUT, trust_env=False)
            for told in ("accept", "accept-encoding", "user-agent"):  # the caller's own, or none
                del self._client.headers[told]
        return self._client


async def _send_on(answer: httpx2.Response, receive: Receive, send: Send, *, is_read: bool) -> None:
    """Sends the answer on as it comes, until the caller leaves. Its length and encoding stay as they are."""
    headers = _passed(answer.headers.raw, _OWN)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    leaving = asyncio.create_task(_left(receive)) if is_read else None
    try:
        async for chunk in answer.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if leaving and leaving.done():
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        if leaving:
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx2.ReadError("the caller left before its body was whole")
        more = message.get("more_body", False)
        if chunk := message.get("body", b""):
            yield chunk


def _has_body(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names or b"transfer-encoding" in names


def _passed(headers: Headers, left_out: frozenset[bytes]) -> Headers:
    """Headers without those of the connection, also those that `Connection` itself names."""
    lists = [value for name, value in headers if name.lower() == b"connection"]
    named = {name.strip().lower() for value in lists for name in value.split(b",")}
    gone = _OF_THE_CONNECTION | left_out | named
    return [(name, value) for name, value in headers if name.lower() not in gone]


def _target(scope: Scope) -> str:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")


def _away(name: str, error: httpx2.TransportError) -> Problem:
    """A command whose answer was lost may have been handled; the same id again gets that answer."""
    remedy = "Send it again in a moment; a command with the same Idempotency-Key is handled once."
    return Problem(
        503,
        f"the service {name} does not answer: {type(error).__name__}",
        remedy=remedy,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
