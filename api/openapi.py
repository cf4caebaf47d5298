"""The OpenAPI document: what FastAPI finds in the routes, with examples and the problems that any of them may answer.

`python -m api.openapi` prints it; it is checked in as docs/openapi.json, and a test compares the two.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import problems
from api.rest.examples import ANSWERS

Document = dict[str, Any]

DESCRIPTION = """
Reads are `GET`, changes are `POST /v1/commands/<name>`. Lists come page by page; errors are problems (RFC 9457).
Authorize with what `carbon254 token` prints. Conventions with examples are in docs/rest.md.
"""

_PROBLEM_SCHEMA: Document = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457.",
    "required": ["type", "status", "title", "correlation_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": [f"{problems.TYPES_PAGE}#not-found"]},
        "status": {"type": "integer"},
        "title": {"type": "string", "description": "what is wrong"},
        "detail": {"type": "string", "description": "what to do about it"},
        "correlation_id": {"type": "string", "format": "uuid", "description": "ties it to the server's log"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                    "pointer": {"type": "string", "description": "into the body: RFC 6901, as a fragment"},
                    "parameter": {"type": "string"},
                    "header": {"type": "string"},
                },
            },
        },
    },
}

# What any route may answer, and what only some may.
_ALWAYS = (400, 401, 403, 422, 429, 500, 503)
_OF_READS = (404, 406)
_OF_CHANGES = (404, 409, 413)


def install(app: FastAPI) -> None:
    """Makes `app` answer this document at /openapi.json."""

    def document() -> Document:
        if not app.openapi_schema:
            app.openapi_schema = document_of(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way of changing it


def document_of(app: FastAPI) -> Document:
    """The whole document, with problems described once and referred to by every operation."""
    document: Document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=DESCRIPTION, routes=app.routes
    )
    components = document["components"]
    components.setdefault("schemas", {})  # a service may have none
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["schemas"]["Problem"] = _PROBLEM_SCHEMA
    components["responses"] = {}
    for _, method, operation in operations(document):
        answers = operation["responses"]
        if example := ANSWERS.get(operation["operationId"]):
            answers["200"]["content"]["application/json"]["example"] = example
        for status in sorted(_possible(method, operation)):
            components["responses"].setdefault(_name(status), _problem(status))
            answers[str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
    return document


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Path, method and operation of everything the document describes."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _possible(method: str, operation: Document) -> set[int]:
    conditional = any(parameter["name"] == "if-match" for parameter in operation.get("parameters", ()))
    return set(_ALWAYS) | set(_OF_READS if method == "get" else _OF_CHANGES) | ({412} if conditional else set())


def _name(status: int) -> str:
    """`not-found` is the component NotFound."""
    return problems.TYPES[status][0].title().replace("-", "")


def _problem(status: int) -> Document:
    name, meaning = problems.TYPES[status]
    example = {
        "type": f"{problems.TYPES_PAGE}#{name}",
        "status": status,
        "title": meaning,
        "correlation_id": "7d0f1c52-1111-4222-8333-444455556666",
    }
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    described: Document = {"description": meaning, "content": content}
    if status in (429, 503):
        described["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    return described


def text_of(document: Document) -> str:
    """As it is checked in: the same document is the same text."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    from api.app import create_routes

    sys.stdout.write(text_of(create_routes().openapi()))
