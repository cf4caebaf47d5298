"""Bodies within their limits: too large, too slow or too deep ones get an answer that says so, as early as may be."""

from __future__ import annotations

import asyncio
import re
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.limits import (
    BODY_PATIENCE_S,
    DEEPEST_JSON,
    LARGEST_BODY_BYTES,
    SLOWEST_BODY_BYTES_PER_S,
    route_class,
)
from api.problems import Problem, response

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


class Bodies:
    """ASGI middleware that counts what comes in, by length and by time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind = route_class(scope["method"], scope["path"])
        body = _Body(receive, LARGEST_BODY_BYTES[kind])
        try:
            body.check_announced(scope)
            incoming: Receive = body.receive
            # A text that is all in memory anyway is looked at before anybody parses it.
            if kind in ("commands", "graphql") and scope["method"] == "POST":
                incoming = await _whole(body)
            await self._app(scope, incoming, body.unless_refused(send))
        except Problem as problem:
            body.problem = body.problem or problem
        except HTTPException:
            if body.problem is None:
                raise
        if body.problem is not None and not body.answered:
            await response(body.problem)(scope, receive, send)


class _Body:
    """One request's body. Once it is refused, nothing that the application says of it is sent."""

    def __init__(self, receive: Receive, largest: int) -> None:
        self._receive = receive
        self._largest = largest
        self._bytes = 0
        self._complete = False
        self._started = time.monotonic()
        self.problem: Problem | None = None
        self.answered = False

    def check_announced(self, scope: Scope) -> None:
        """Raises Problem where the Content-Length alone says too much."""
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and (len(value) > 18 or int(value) > self._largest):
                raise self._too_large()

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()  # only whether the client is still there, for which there is no limit
        patience_s = BODY_PATIENCE_S + self._bytes / SLOWEST_BODY_BYTES_PER_S
        try:
            async with asyncio.timeout(self._started + patience_s - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise self._refuse(_too_slow()) from None
        self._bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._bytes > self._largest:
            raise self._refuse(self._too_large())
        return message

    def unless_refused(self, send: Send) -> Send:
        async def checked_send(message: Message) -> None:
            if self.problem is None or self.answered:
                self.answered = True
                await send(message)

        return checked_send

    def _refuse(self, problem: Problem) -> HTTPException:
        # The one kind of exception that the framework's own reading of bodies lets pass.
        self.problem = problem
        return HTTPException(problem.status, problem.title)

    def _too_large(self) -> Problem:
        return Problem(
            413,
            f"a body may have {_size(self._largest)} here",
            remedy="Split it; files are uploaded with POST /v1/objects, and commands name them by their hash.",
        )


async def _whole(body: _Body) -> Receive:
    """Reads the body to its end and checks how deep it is nested; answers a `receive` that gives it again."""
    parts: list[bytes] = []
    more = True
    while more:
        message = await body.receive()
        if message["type"] != "http.request":
            parts.clear()
            break
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    content = b"".join(parts)
    if deeper_than(content, DEEPEST_JSON):
        raise Problem(
            400, f"the JSON is nested deeper than {DEEPEST_JSON} levels", remedy="No message here is nested that deep."
        )
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await body.receive()
        given = True
        return {"type": "http.request", "body": content, "more_body": False}

    return again


def deeper_than(content: bytes, deepest: int) -> bool:
    """Whether brackets outside of strings are open more than `deepest` deep; a parser need not have seen it."""
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", content)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > deepest:
            return True
    return False


def _too_slow() -> Problem:
    return Problem(
        408,
        f"the body came slower than {_size(SLOWEST_BODY_BYTES_PER_S)} a second",
        remedy="Send it again; over a slow line, in smaller parts.",
    )


def _size(count: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count >> 10} KiB"
