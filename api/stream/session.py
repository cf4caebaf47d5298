"""One connection of a client: who it is, what it asks for, and when it is to end."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.access import Access
from api.limits import MOST_STREAMS_EACH, STREAM_AUTHENTICATION_PATIENCE_S
from api.platform import Platform
from api.stream.closing import (
    INTERNAL_ERROR,
    NOT_ALLOWED,
    NOT_AUTHENTICATED,
    TOO_MANY_STREAMS,
    TRY_AGAIN,
    Cut,
    CutOff,
)
from api.stream.hub import Hub
from api.stream.messages import (
    Authenticate,
    Authenticated,
    Error,
    Ping,
    Pong,
    Subscribe,
    ToServer,
    Unsubscribe,
    decode,
    encode,
)
from api.stream.subscriptions import Subscriptions
from commands.message import Refused
from commands.permissions import Permission
from infra.errors import PlatformError
from infra.principal import NotAuthenticated, Principal

logger = logging.getLogger(__name__)

# A credential that has expired or was revoked ends its connection within this time.
WATCH_INTERVAL_S = 1.0
# A slow reader gets to the close frame once it has read what is on its way; one that is dead answers no ping.
_CLOSE_PATIENCE_S = 60.0


class _Unreadable(Exception):
    """A message that is none of the protocol's."""


class Streams:
    """How many connections each caller has."""

    def __init__(self, most_each: int = MOST_STREAMS_EACH) -> None:
        self._most_each = most_each
        self._open: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def one_of(self, principal: Principal) -> Iterator[None]:
        """Raises CutOff where the caller has as many as it may."""
        who = (principal.tenant, principal.actor)
        if self._open[who] >= self._most_each:
            raise CutOff(TOO_MANY_STREAMS, f"a caller has {self._most_each} connections at most")
        self._open[who] += 1
        try:
            yield
        finally:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]


class Session:
    """`credential` is what came with the handshake, if anything did."""

    def __init__(
        self, websocket: WebSocket, platform: Platform, hub: Hub, streams: Streams, credential: str | None
    ) -> None:
        self._websocket = websocket
        self._platform = platform
        self._hub = hub
        self._streams = streams
        self._credential = credential
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: asyncio.Future[Cut | None] = asyncio.get_running_loop().create_future()
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Returns when the client has gone or was cut off."""
        self._spawn(self._serve())
        try:
            cut = await self._ended
        finally:
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
        if cut:
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(_CLOSE_PATIENCE_S):
                    await self._websocket.close(cut.code, cut.short_reason())

    async def _serve(self) -> None:
        principal = await self._authenticated()
        access = Access(self._platform.bus.tools, principal)
        try:
            access.demand("the stream", Permission.READ_MARKET_DATA)
        except Refused as refused:
            logger.warning("refused", extra={"status": refused.status, "reason": refused.reason})
            raise CutOff(NOT_ALLOWED, refused.reason) from refused
        with self._streams.one_of(principal):
            await asyncio.to_thread(self._hub.start)
            subscriptions = Subscriptions(self._platform, self._hub, access, self._send, self._end, self._spawn)
            self._spawn(self._watch())
            told = Authenticated(tenant=principal.tenant, actor=principal.actor, expires_at=principal.expires_at)
            try:
                await self._send(encode(told))
                while True:
                    await self._answer_next(subscriptions)
            finally:
                subscriptions.close()

    async def _answer_next(self, subscriptions: Subscriptions) -> None:
        try:
            message = await self._receive()
        except _Unreadable as error:
            detail = "docs/stream.md has every message with its fields."
            await self._send(encode(Error(code="malformed", title=str(error), detail=detail)))
            return
        match message:
            case Subscribe():
                await subscriptions.subscribe(message)
            case Unsubscribe():
                await subscriptions.unsubscribe(message)
            case Ping():
                await self._send(encode(Pong()))
            case Authenticate():
                title = "this connection has its token"
                detail = "Open another connection for another one."
                await self._send(encode(Error(code="already_authenticated", title=title, detail=detail)))

    async def _authenticated(self) -> Principal:
        if self._credential is None:
            try:
                async with asyncio.timeout(STREAM_AUTHENTICATION_PATIENCE_S):
                    message = await self._receive()
            except TimeoutError:
                raise CutOff(NOT_AUTHENTICATED, "no token came in time") from None
            except _Unreadable as error:
                raise CutOff(NOT_AUTHENTICATED, "the first message is not a readable `authenticate`") from error
            if not isinstance(message, Authenticate):
                raise CutOff(NOT_AUTHENTICATED, "the first message has to be `authenticate`")
            self._credential = message.token
        return await self._check(self._credential)

    async def _check(self, credential: str) -> Principal:
        try:
            return await self._platform.authenticator.authenticate(credential)
        except NotAuthenticated as refused:
            raise CutOff(NOT_AUTHENTICATED, refused.reason) from refused
        except PlatformError as error:
            raise CutOff(TRY_AGAIN, error.message) from error

    async def _watch(self) -> None:
        assert self._credential is not None
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            await self._check(self._credential)

    async def _receive(self) -> ToServer:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        if (text := message.get("text")) is None:
            raise _Unreadable("messages are JSON in text frames")
        try:
            return decode(text)
        except msgspec.MsgspecError as error:
            raise _Unreadable(str(error)) from error

    async def _send(self, text: str) -> None:
        async with self._sending:
            await self._websocket.send_text(text)

    def _end(self, cut: Cut | None) -> None:
        if not self._ended.done():
            self._ended.set_result(cut)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task whose end by an error is the connection's end."""
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except CutOff as error:
            self._end(error.cut)
        except WebSocketDisconnect:
            self._end(None)
        except Exception:
            logger.exception("a stream ends by an error")
            self._end(Cut(INTERNAL_ERROR, "something is wrong with the platform, not with what you sent"))
