"""How often, and how many at once: a moving window a caller and kind of request, and a cap on heavy reads.

The windows are this process's own: several processes allow several times as much.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.limits import (
    FAILED_ATTEMPTS_PER_MINUTE,
    HEAVY_READ_PATIENCE_S,
    MOST_HEAVY_READS,
    MOST_HEAVY_READS_EACH,
    is_heavy,
    route_class,
)
from api.problems import Problem, response
from infra.metrics import RATE_LIMITED

Headers = dict[str, str]


class Rates:
    """ASGI middleware behind the door: each caller has so many commands and so many reads a minute."""

    def __init__(self, app: ASGIApp, *, commands_per_minute: int, reads_per_minute: int) -> None:
        self._app = app
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._commands = RateLimitItemPerMinute(commands_per_minute)
        self._reads = RateLimitItemPerMinute(reads_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = scope.get("principal")
        if scope["type"] != "http" or principal is None:
            await self._app(scope, receive, send)
            return
        kind = route_class(scope["method"], scope["path"])
        # An upload is part of a command, and a GraphQL query is a read.
        name = "commands" if kind in ("commands", "uploads") else "reads"
        item: RateLimitItem = self._commands if name == "commands" else self._reads
        key = (name, principal.tenant, principal.actor)
        allowed = await self._limiter.hit(item, *key)
        window = await self._limiter.get_window_stats(item, *key)
        wait_s = max(1, math.ceil(window.reset_time - time.time()))
        headers = _rate_headers(name, item, window.remaining, wait_s)
        if allowed:
            await self._app(scope, receive, _adding(send, headers))
        else:
            problem = _too_often(f"{item.amount} {name} a minute are allowed", wait_s)
            RATE_LIMITED.labels(name).inc()
            await response(problem)(scope, receive, _adding(send, headers))


class FailedAttempts:
    """ASGI middleware in front of the door: what it turns away is counted by the client's address.

    A caller with a good credential is let in whatever others at the same address have tried.
    """

    def __init__(self, app: ASGIApp, *, per_minute: int = FAILED_ATTEMPTS_PER_MINUTE) -> None:
        self._app = app
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._item = RateLimitItemPerMinute(per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = False

        async def counted_send(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 401:
                refused = not await self._limiter.hit(self._item, address)
            if not refused:
                await send(message)

        address = scope["client"][0] if scope.get("client") else ""
        await self._app(scope, receive, counted_send)
        if refused:
            window = await self._limiter.get_window_stats(self._item, address)
            wait_s = max(1, math.ceil(window.reset_time - time.time()))
            problem = _too_often("too many calls without a credential that is accepted came from this address", wait_s)
            RATE_LIMITED.labels("failed attempts").inc()
            await response(problem)(scope, receive, send)


class HeavyReads:
    """ASGI middleware: so many heavy reads at once, of all and of each caller; others wait a while for their turn."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: Counter[tuple[str, str]] = Counter()
        self._moved: asyncio.Condition | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = scope.get("principal")
        if scope["type"] != "http" or principal is None or not is_heavy(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        caller = (principal.tenant, principal.actor)
        try:
            async with asyncio.timeout(HEAVY_READ_PATIENCE_S):
                await self._enter(caller)
        except TimeoutError:
            await response(_too_many_at_once())(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            await self._leave(caller)

    async def _enter(self, caller: tuple[str, str]) -> None:
        self._moved = self._moved or asyncio.Condition()
        async with self._moved:
            await self._moved.wait_for(lambda: self._has_room(caller))
            self._running[caller] += 1

    async def _leave(self, caller: tuple[str, str]) -> None:
        self._running[caller] -= 1
        if not self._running[caller]:
            del self._running[caller]
        assert self._moved is not None
        async with self._moved:
            self._moved.notify_all()

    def _has_room(self, caller: tuple[str, str]) -> bool:
        return self._running.total() < MOST_HEAVY_READS and self._running[caller] < MOST_HEAVY_READS_EACH


def _too_often(title: str, wait_s: int) -> Problem:
    remedy = f"Ask again in {wait_s} s, as Retry-After says."
    return Problem(429, title, remedy=remedy, headers={"Retry-After": str(wait_s)})


def _too_many_at_once() -> Problem:
    return Problem(
        503,
        f"{MOST_HEAVY_READS_EACH} large reads of one caller and {MOST_HEAVY_READS} of all may run at once",
        remedy="Ask again when some of them have ended.",
        headers={"Retry-After": "5"},
    )


def _rate_headers(name: str, item: RateLimitItem, remaining: int, reset_s: int) -> Headers:
    """As draft-ietf-httpapi-ratelimit-headers has them, which is no standard yet; the one place that knows."""
    return {
        "ratelimit-policy": f'"{name}";q={item.amount};w={item.get_expiry()}',
        "ratelimit": f'"{name}";r={max(0, remaining)};t={reset_s}',
    }


def _adding(send: Send, headers: Headers) -> Send:
    added = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def adding_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return adding_send
