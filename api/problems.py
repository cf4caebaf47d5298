"""Errors as RFC 9457 problems: status, what is wrong, where, and what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from commands.message import Refused
from infra import logs
from infra.errors import PlatformError
from infra.event_store import ConcurrentAppend
from infra.objects import MissingObject
from infra.subscriptions import ReadTooEarly

logger = logging.getLogger(__name__)


class Problem(Exception):
    """An answer that is an error; `errors` name the fields at fault, `headers` go with the answer."""

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
        self.headers = headers

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"type": "about:blank", "status": self.status, "title": self.title}
        if self.remedy:
            body["detail"] = self.remedy
        if self.errors:
            body["errors"] = self.errors
        if correlation_id := logs.correlation_id():
            body["correlation_id"] = correlation_id
        return body


def response(problem: Problem) -> JSONResponse:
    return JSONResponse(
        problem.body(), status_code=problem.status, media_type="application/problem+json", headers=problem.headers
    )


def validation_problem(errors: list[Any]) -> Problem:
    """Pydantic's findings, each with the place of the field in the message."""
    found = [
        {"field": ".".join(str(part) for part in error["loc"] if part != "body"), "message": _plain(error["msg"])}
        for error in errors
    ]
    named = "; ".join(f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in found)
    return Problem(422, f"the message is not valid: {named}", remedy="Correct the named fields.", errors=found)


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
        return response(Problem(error.status_code, str(error.detail)))

    def mendable(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, PlatformError)
        status = 503 if isinstance(error, ReadTooEarly) else 404 if isinstance(error, MissingObject) else 500
        return response(Problem(status, error.message, remedy=error.remedy))

    def contended(_: Request, __: Exception) -> JSONResponse:
        return response(Problem(409, "many commands change the same thing at once", remedy="Send the command again."))

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
    app.add_exception_handler(Exception, unexpected)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
