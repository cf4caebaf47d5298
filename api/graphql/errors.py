"""Errors as a caller may see them: what they can mend with its remedy, everything else masked and logged."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from graphql import GraphQLError

from api.problems import Problem
from commands.message import Refused
from infra.errors import PlatformError

logger = logging.getLogger(__name__)


def formatted(error: GraphQLError, correlation_id: UUID) -> dict[str, Any]:
    """`message`, `locations`, `path` and `extensions`: a code, and of problems their status and remedy."""
    cause = _cause(error)
    shown: dict[str, Any] = dict(error.formatted)
    if isinstance(cause, Problem):
        shown["message"] = cause.title
        shown["extensions"] = _extensions(cause.status, cause.remedy)
    elif isinstance(cause, Refused):
        shown["message"] = cause.reason
        shown["extensions"] = _extensions(cause.status, cause.remedy)
    elif isinstance(cause, PlatformError):
        shown["message"] = cause.message
        shown["extensions"] = _extensions(HTTPStatus.INTERNAL_SERVER_ERROR, cause.remedy)
    elif cause is None:
        shown["extensions"] = {"code": "BAD_REQUEST"} | dict(error.extensions or {})
    else:
        logger.error("GraphQL request %s failed at %s", correlation_id, error.path, exc_info=cause)
        shown["message"] = "something went wrong here; the server's log has the details"
        shown["extensions"] = {"code": "INTERNAL_SERVER_ERROR", "correlationId": str(correlation_id)}
    return shown


def log_refusals(errors: Sequence[GraphQLError]) -> None:
    """A line for each reason for which fields were refused: the request's own line says 200, for the other fields."""
    refused = {cause.reason: cause.status for error in errors if isinstance(cause := _cause(error), Refused)}
    for reason, status in refused.items():
        logger.warning("refused", extra={"status": status, "reason": reason})


def _cause(error: GraphQLError) -> Exception | None:
    """The exception behind an error, None where the document or its values are at fault."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause if isinstance(cause, Exception) else None


def _extensions(status: int, remedy: str) -> dict[str, Any]:
    return {"code": HTTPStatus(status).name, "status": int(status)} | ({"remedy": remedy} if remedy else {})
