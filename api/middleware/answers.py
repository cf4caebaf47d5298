"""Answers from the cache: bytes that were made for the same question while nothing that they show has changed since.

The key of an answer holds the question, the tenant, what it is entitled to at this moment, and the versions of what the
answer depends on. All of that is found out anew for every request, so a hit is as current and as guarded as an answer
that is made: what was revoked or has changed leads to another key. What is only known while making the answer (a wrong
parameter, a thing that is not there) is never kept, and goes on to the route.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs

import msgspec
import psycopg
from psycopg_pool import PoolTimeout
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import DOWNLOADED_FORMATS
from api.middleware.standing import Standing
from api.platform import Platform
from api.rest.cached import Asked, CachedRoute, Dependence
from api.rest.caching import VARIES
from api.rest.formats import format_of
from commands.entitlements import Entitled
from commands.permissions import holds
from infra.errors import EventStoreError
from infra.memory_cache import LARGEST_VALUE_BYTES
from infra.metrics import CACHED_READS
from infra.principal import Channel, Principal
from queries.changes import Changes

logger = logging.getLogger(__name__)

CHECK_AGAIN = "private, no-cache"
"""A caller may keep the answer, and has to ask each time whether it is still the one."""

# Of a replay, and of what has to be waited for, the route knows more.
_NOT_CACHED = frozenset({"replay", "wait_for"})
_LARGEST_ANSWER_BYTES = LARGEST_VALUE_BYTES - (16 << 10)  # its headers are kept with it
# Who asks for what is being made for somebody else waits for that; each time that so long has passed, one of those who
# wait makes it, too. All of them together would keep everybody else from their turn.
_SHARED_PATIENCE_S = 2.0
# Questions in the words that they were put in, and keys.
_REMEMBERED = 2_048
_UNKNOWN = (psycopg.Error, PoolTimeout, EventStoreError)

Headers = list[tuple[bytes, bytes]]


class Answer(msgspec.Struct, array_like=True):
    """What is kept: the headers that the route gave it, and the body."""

    headers: Headers
    body: bytes

    def header(self, name: bytes) -> bytes:
        return next((value for given, value in self.headers if given == name), b"")


@dataclass(frozen=True, eq=False)
class Question:
    """A request for something that is cached. There is one for all who ask the same in the same words."""

    route: CachedRoute
    asked: Asked
    dependence: Dependence
    format: str

    def channel(self, principal: Principal) -> Channel:
        return "downloads" if self.format in DOWNLOADED_FORMATS else principal.channel

    def key(self, place: str, entitled: Entitled, changes: Changes) -> str:
        """The same for equal answers alone; `place` says whose data it is and which code made it."""
        # Values stay in their order: a cursor in the answer is for the question as it was put.
        query = sorted(self.asked.query.items())
        state = changes.state(self.dependence.projections, self.dependence.find)
        question = (self.route.route.path, sorted(self.asked.path.items()), query, self.format)
        told = repr((place, question, self.asked.tenant, sorted(entitled.isos), entitled.position, state))
        return hashlib.sha256(told.encode()).hexdigest()


class CachedReads:
    """ASGI middleware behind the door and the limits: it answers what is kept, and keeps what may be."""

    def __init__(self, app: ASGIApp, platform: Platform, routes: Sequence[CachedRoute]) -> None:
        self._app = app
        self._cache = platform.cache
        self._platform_tenant = platform.settings.platform_tenant
        self._place = f"{platform.log.recorder.log_id()} {platform.clickhouse.store_id} {platform.code_version}"
        self._plain = {route.route.path: route for route in routes if "{" not in route.route.path}
        self._templates = [route for route in routes if "{" in route.route.path]
        self._making: dict[str, _Shared] = {}
        self.standing = Standing(platform)
        # Neither changes for the same arguments, and dashboards ask the same again and again.
        self._understood = lru_cache(_REMEMBERED)(self._understand)
        self._key_of = lru_cache(_REMEMBERED)(self._make_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        question = self._question(scope)
        entitled = await self._entitled(question, scope["principal"]) if question else None
        if question is None or entitled is None:
            await self._app(scope, receive, send)
            return
        key = self._key_of(question, entitled, self.standing.changes.generation)
        tag = f'W/"{key[:32]}"'.encode()
        known = _known_tags(scope)
        scope["route"] = question.route.route
        if tag in known or tag[2:] in known:
            _count(question, "not_modified")
            await _send(send, 304, [(b"etag", tag), *_CHANGING])
        elif (answer := await self._kept(key)) is not None:
            await _answer(scope, send, question, answer, known)
        else:
            _count(question, "miss")
            making = _Making(question, entitled, key, tag)
            await self._make(scope, receive, send, making)

    def _question(self, scope: Scope) -> Question | None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return None
        principal: Principal | None = scope.get("principal")
        if principal is None:
            return None
        accept = _header(scope, b"accept", "*/*")
        question = self._understood(principal.tenant, scope["path"], scope["query_string"], accept)
        if question is not None:
            for permissions in question.route.permissions:
                if not any(holds(principal, permission, self._platform_tenant) for permission in permissions):
                    return None
        return question

    def _understand(self, tenant: str, path: str, query_string: bytes, accept: str) -> Question | None:
        """None for what is not cached, and for what the route is to refuse."""
        found = self._route(path)
        if found is None:
            return None
        route, parameters = found
        query = parse_qs(query_string.decode("latin-1"), keep_blank_values=True)
        if not _NOT_CACHED.isdisjoint(query):
            return None
        asked = Asked(tenant, parameters, query)
        format = asked.one("format") or format_of(accept)
        dependence = route.depends(asked)
        return Question(route, asked, dependence, format) if format and dependence else None

    def _route(self, path: str) -> tuple[CachedRoute, dict[str, str]] | None:
        if plain := self._plain.get(path):
            return plain, {}
        for route in self._templates:
            if found := route.route.path_regex.match(path):
                return route, found.groupdict()
        return None

    async def _entitled(self, question: Question, principal: Principal) -> Entitled | None:
        """None where nobody can tell what counts now; the route then says so too."""
        try:
            return await self.standing.entitled(principal, question.channel(principal))
        except _UNKNOWN as error:
            logger.warning("what is cached cannot be used: %s", error)
            return None

    def _make_key(self, question: Question, entitled: Entitled, _: int) -> str:
        return question.key(self._place, entitled, self.standing.changes)

    async def _kept(self, key: str) -> Answer | None:
        """The answer that is kept, or that somebody is just making."""
        found = await self._cache.get(key)
        if found is None and (shared := self._making.get(key)) and await shared.is_made():
            found = await self._cache.get(key)
        return msgspec.msgpack.decode(found, type=Answer) if found is not None else None

    async def _make(self, scope: Scope, receive: Receive, send: Send, making: _Making) -> None:
        shared = self._making.setdefault(making.key, _Shared())
        answer = _Answering(making.tag, is_whole=scope["method"] == "GET")

        async def keeping_send(message: Message) -> None:
            answer.note(message)
            # The route asked for itself what the caller may have: it must have been told the same as the key tells.
            if answer.is_complete and await self._entitled(making.question, scope["principal"]) == making.entitled:
                kept = Answer(answer.headers, b"".join(answer.parts))
                await self._cache.put(making.key, msgspec.msgpack.encode(kept))
            if answer.is_decided:
                self._over(making.key, shared)
            await send(message)

        try:
            await self._app(scope, receive, keeping_send)
        finally:
            self._over(making.key, shared)

    def _over(self, key: str, shared: _Shared) -> None:
        shared.end()
        if self._making.get(key) is shared:
            del self._making[key]


class _Shared:
    """An answer that is being made, by one caller or, where that takes long, by several, for all who ask for it."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._until_s = time.monotonic() + _SHARED_PATIENCE_S

    async def is_made(self) -> bool:
        """True once somebody has made it, or has found that it is not to be kept; False for who is to make it, too."""
        while not self._over.is_set():
            left_s = self._until_s - time.monotonic()
            if left_s <= 0:
                self._until_s = time.monotonic() + _SHARED_PATIENCE_S
                return False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), left_s)
        return True

    def end(self) -> None:
        self._over.set()


@dataclass(frozen=True)
class _Making:
    """What an answer is made for."""

    question: Question
    entitled: Entitled
    key: str
    tag: bytes


class _Answering:
    """An answer on its way to the caller, as far as it may be kept."""

    def __init__(self, tag: bytes, *, is_whole: bool) -> None:
        self._tag = tag
        self._may_be_kept = self._is_whole = is_whole
        self._bytes = 0
        self.headers: Headers = []
        self.parts: list[bytes] = []
        self.is_complete = False

    @property
    def is_decided(self) -> bool:
        return self.is_complete or not self._may_be_kept

    def note(self, message: Message) -> None:
        """Takes a message in; the start of a good answer gets its tag."""
        if message["type"] == "http.response.start":
            is_good = message["status"] == 200
            self._may_be_kept = self._is_whole and is_good
            if is_good:
                headers = MutableHeaders(raw=message["headers"])
                if "etag" not in headers:
                    headers["etag"] = self._tag.decode()
                    headers["cache-control"] = CHECK_AGAIN
                self.headers = [(name, value) for name, value in message["headers"] if name != b"content-length"]
        elif message["type"] == "http.response.body" and self._may_be_kept:
            self._bytes += len(message.get("body", b""))
            self._may_be_kept = self._bytes <= _LARGEST_ANSWER_BYTES
            if not self._may_be_kept:
                self.parts = []
                return
            self.parts.append(message.get("body", b""))
            self.is_complete = not message.get("more_body", False)


_CHANGING: Headers = [(b"cache-control", CHECK_AGAIN.encode()), (b"vary", VARIES.encode())]


async def _answer(scope: Scope, send: Send, question: Question, answer: Answer, known: frozenset[bytes]) -> None:
    """What is kept, or 304 where it never changes and the caller has it."""
    etag, cache_control = answer.header(b"etag"), answer.header(b"cache-control")
    if b"immutable" in cache_control and (etag in known or b"*" in known):
        _count(question, "not_modified")
        await _send(send, 304, [header for header in answer.headers if header[0] != b"content-type"])
        return
    _count(question, "hit")
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    await _send(send, 200, headers, b"" if scope["method"] == "HEAD" else answer.body)


async def _send(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _known_tags(scope: Scope) -> frozenset[bytes]:
    """What `If-None-Match` names: each as it is, and also without its `W/`."""
    given = _header(scope, b"if-none-match", "").encode("latin-1")
    if not given:
        return frozenset()
    tags = [tag.strip() for tag in given.split(b",")]
    return frozenset([*tags, *(tag.removeprefix(b"W/") for tag in tags)])


def _header(scope: Scope, name: bytes, default: str) -> str:
    found = [value for given, value in scope["headers"] if given == name]
    return b",".join(found).decode("latin-1") if found else default


def _count(question: Question, outcome: str) -> None:
    CACHED_READS.labels(question.route.route.path, outcome).inc()
