"""Errors as RFC 9457 problems: status, what is wrong, where, and what to do about it."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Mapping
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from commands.message import Refused
from infra import logs
from infra.errors import ColumnarStoreError, EventStoreError, PlatformError
from infra.event_store import ConcurrentAppend
from infra.objects import MissingObject, ObjectStoreError
from infra.subscriptions import ReadTooEarly

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPES_PAGE = "/docs/problems"
RETRY_AFTER_S = 1

TYPES: Mapping[int, tuple[str, str]] = {
    400: ("bad-request", "The request can't be understood: a parameter, cursor, time or host is wrong."),
    401: ("no-token", "No token was sent, or one that is not valid (any more)."),
    403: ("not-allowed", "The caller is known, but may not do or see this."),
    404: ("not-found", "There is nothing of that name or id that the caller may see."),
    405: ("wrong-method", "The route exists, but not for this method."),
    406: ("not-acceptable", "None of the formats that the request accepts is served."),
    409: ("conflict", "It contradicts the state of things, or the same command is under way."),
    412: ("changed-meanwhile", "It is no longer what the caller looked at: `If-Match` or `revision` names another."),
    413: ("too-large", "The body is larger than is taken."),
    422: ("not-valid", "The request was understood, but a field's value is not allowed; `errors` names the fields."),
    429: ("too-many-requests", "The caller sends more than its rate allows."),
    500: ("unexpected", "Something is wrong with the platform, not with the request."),
    503: ("not-ready", "The read models have not come to the position asked for, or a part is down; try again."),
}
"""The type of problem behind each status: its name, which is its anchor on TYPES_PAGE, and what it means."""


class Problem(Exception):
    """An answer that is an error; `errors` name the fields at fault."""

    def __init__(
        self,
        status: int,
        title: str,
        *,
        remedy: str = "",
        errors: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.remedy = remedy
        self.errors = errors or []
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        kind = f"{TYPES_PAGE}#{TYPES[self.status][0]}" if self.status in TYPES else "about:blank"
        body: dict[str, Any] = {"type": kind, "status": self.status, "title": self.title}
        if self.remedy:
            body["detail"] = self.remedy
        if self.errors:
            body["errors"] = self.errors
        if correlation_id := logs.correlation_id():
            body["correlation_id"] = correlation_id
        return body


def response(problem: Problem) -> JSONResponse:
    return JSONResponse(problem.body(), problem.status, problem.headers, MEDIA_TYPE)


def validation_problem(errors: list[Any]) -> Problem:
    """Pydantic's findings, each with the place of the field in the message."""
    found = [_field_error(tuple(error["loc"]), _plain(error["msg"])) for error in errors if not _follows(error, errors)]
    named = "; ".join(f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in found)
    return Problem(422, f"the message is not valid: {named}", remedy="Correct the named fields.", errors=found)


def _follows(error: Mapping[str, Any], errors: list[Any]) -> bool:
    """Whether a list is too short only because what is in it is wrong."""
    place = tuple(error["loc"])
    return error["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and tuple(other["loc"][: len(place)]) == place for other in errors
    )


def _field_error(place: tuple[str | int, ...], message: str) -> dict[str, Any]:
    """`field` is for people; `pointer` (RFC 6901, as a fragment), `parameter` or `header` is for programs."""
    source, path = (place[0], place[1:]) if place and place[0] in _SOURCES else ("body", place)
    error = {"field": ".".join(map(str, path if source == "body" else place)), "message": message}
    if source == "body":
        pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
        return error | {"pointer": f"#{pointer}"}
    return error | {_SOURCES[source]: ".".join(map(str, path))}


_SOURCES: Mapping[Any, str] = {"body": "pointer", "query": "parameter", "path": "parameter", "header": "header"}


# What to do where the framework finds no route.
_NO_ROUTE = {404: "The index at /v1 lists what there is.", 405: "The header Allow names the methods that there are."}


def install(app: FastAPI) -> None:
    """Registers a handler for every kind of error that may leave a route."""

    def problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return response(error)

    def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return response(Problem(error.status, error.reason, remedy=error.remedy))

    def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return response(validation_problem(list(error.errors())))

    def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        remedy = _NO_ROUTE.get(error.status_code, "")
        return response(Problem(error.status_code, str(error.detail), remedy=remedy, headers=error.headers))

    def mendable(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, PlatformError)
        passes = isinstance(error, ReadTooEarly | EventStoreError | ObjectStoreError | ColumnarStoreError)
        status = 503 if passes else 404 if isinstance(error, MissingObject) else 500
        if isinstance(error, ObjectStoreError | ColumnarStoreError):
            logger.warning("a store fails: %s", error.message)
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
        return response(Problem(status, error.message, remedy=error.remedy, headers=headers))

    def unanswered(_: Request, error: Exception) -> JSONResponse:
        # Nothing of the error itself: it may name hosts and users.
        logger.warning("the database does not answer", exc_info=error)
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        title = "the database does not answer"
        return response(Problem(503, title, remedy="Send it again: it is waited for.", headers=headers))

    def gone(_: Request, __: Exception) -> JSONResponse:
        # Nobody is there to read it; without it, the log would show a fault of the platform.
        return response(Problem(499, "the request broke off", remedy="Send it again, whole."))

    def contended(_: Request, __: Exception) -> JSONResponse:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        title = "many commands change the same thing at once"
        return response(Problem(409, title, remedy="Send the command again.", headers=headers))

    def unexpected(request: Request, error: Exception) -> JSONResponse:
        route = getattr(request.scope.get("route"), "path", "a route")
        logger.error("%s %s failed", request.method, route, exc_info=error)
        return response(Problem(500, "something went wrong here", remedy="The server's log has the details."))

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(PlatformError, mendable)
    app.add_exception_handler(ConcurrentAppend, contended)
    app.add_exception_handler(ClientDisconnect, gone)
    for lost in (psycopg.OperationalError, psycopg.InterfaceError):
        app.add_exception_handler(lost, unanswered)
    app.add_exception_handler(Exception, unexpected)


def types_page() -> str:
    """What each type of problem means, as the page that the `type` of every problem leads to."""
    described = "".join(
        f'<dt id="{name}"><b>{name}</b> ({status})</dt><dd>{_marked_up(meaning)}</dd>'
        for status, (name, meaning) in TYPES.items()
    )
    return f"<!doctype html><title>254Carbon: problems</title><h1>Problems</h1><dl>{described}</dl>"


def _marked_up(text: str) -> str:
    return re.sub("`([^`]*)`", r"<code>\1</code>", html.escape(text))


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
