"""One log line, its figures and its span for every request, and one correlation id that ties them together."""

from __future__ import annotations

import json
import logging
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.security import PAGE_ASSETS
from infra import logs, metrics, tracing

logger = logging.getLogger("carbon254.requests")
# Where logging is not configured (a verb that runs the platform in its own process) there are no request lines.
logger.addHandler(logging.NullHandler())

CORRELATION_HEADER = "x-correlation-id"
UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REFUSED = frozenset({401, 403, 429})
CLIENT_GONE = 499  # what proxies log where the client hung up before there was an answer

# Routes outside FastAPI's own, which it doesn't name in the scope.
_PAGES = frozenset({"/docs", "/docs/oauth2-redirect", "/openapi.json"})
_PLAIN_SEGMENT = re.compile(r"[a-z][a-z_-]{0,29}|v[0-9]")


@dataclass
class _Answer:
    """What has been sent so far."""

    status: int = 0
    body_bytes: int = 0
    complete: bool = False
    reason: str | None = None
    is_problem: bool = False

    def note(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            kinds = [value for name, value in message["headers"] if name.lower() == b"content-type"]
            self.is_problem = kinds == [b"application/problem+json"]
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")
            self.body_bytes += len(body)
            self.complete = not message.get("more_body", False)
            if self.is_problem and self.status in REFUSED:
                with suppress(ValueError, KeyError, TypeError):
                    self.reason = str(json.loads(body)["title"])


class Observed:
    """The outermost ASGI middleware: it sees every answer, also those of the door and of the limits."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        correlation_id = _correlation_id(scope)
        scope["correlation_id"] = correlation_id
        with logs.bound(correlation_id=str(correlation_id)):
            if scope["type"] == "http":
                await self._observe(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        answer = _Answer()
        header = (CORRELATION_HEADER.encode(), str(scope["correlation_id"]).encode())

        async def observed_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), header]}
            answer.note(message)
            await send(message)

        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with metrics.IN_FLIGHT.track_inprogress(), tracing.request_span(method, given) as span:
            try:
                await self._app(scope, receive, observed_send)
            except Exception:
                answer.status = answer.status or 500
                raise
            finally:
                route = route_of(scope)
                status = answer.status or CLIENT_GONE
                duration_s = time.perf_counter() - started
                tracing.end_request(span, method, route, status)
                _count(route, method, status, duration_s)
                _log(scope, answer, method, status, duration_s)


class Attributed:
    """Behind the door: every line of the request says for whom it was written."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if principal := scope.get("principal"):
            logs.bind(actor=principal.actor, tenant=principal.tenant)
        await self._app(scope, receive, send)


def route_of(scope: Scope) -> str:
    """The template of the route that answered; a bounded set, fit for a label."""
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return path
    if scope["path"] in _PAGES:
        return str(scope["path"])
    return f"{PAGE_ASSETS}{{file}}" if scope["path"].startswith(PAGE_ASSETS) else UNMATCHED


def _correlation_id(scope: Scope) -> UUID:
    for name, value in scope["headers"]:
        if name == CORRELATION_HEADER.encode():
            with suppress(ValueError):
                return UUID(value.decode("latin-1"))
    return uuid4()


def _count(route: str, method: str, status: int, duration_s: float) -> None:
    labels = (route, method, str(status))
    metrics.REQUESTS.labels(*labels).inc()
    metrics.REQUEST_SECONDS.labels(*labels).observe(duration_s)


def _log(scope: Scope, answer: _Answer, method: str, status: int, duration_s: float) -> None:
    route = route_of(scope)
    principal = scope.get("principal")
    fields: dict[str, Any] = {
        "method": method,
        # Turned away before any route was found: what was asked for, without what may be an id or a secret.
        "route": route if route != UNMATCHED else masked_path(scope["path"]),
        "status": status,
        "duration_ms": round(duration_s * 1000, 1),
        "bytes": answer.body_bytes,
        "actor": principal.actor if principal else None,
        "tenant": principal.tenant if principal else None,
    }
    if status in REFUSED:
        fields["client"] = scope["client"][0] if scope.get("client") else None
        fields["reason"] = answer.reason
    if not answer.complete:
        fields["broken_off"] = True
    level = logging.ERROR if status >= 500 else logging.WARNING if status in REFUSED else logging.INFO
    logger.log(level, "request", extra=fields)


def masked_path(path: str) -> str:
    """The path with each segment that is no plain word as `{}`, eight segments at most."""
    segments = path.split("/")[1:9]
    return "/" + "/".join(s if not s or _PLAIN_SEGMENT.fullmatch(s) else "{}" for s in segments)
