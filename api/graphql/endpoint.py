"""`POST /graphql`: one operation a request, as JSON."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from api.graphql.context import Context
from api.graphql.errors import formatted
from api.graphql.schema import schema
from api.problems import Problem
from api.rest.dependencies import (
    AccessOf,
    CallerOf,
    PlatformOf,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from commands.permissions import Permission

# Anybody with a role may ask; each field says what it needs.
_READERS = needs(Permission.READ_MARKET_DATA, Permission.READ_RESULTS, Permission.READ_AUDIT, Permission.VERIFY)
router = APIRouter(
    tags=["graphql"], dependencies=[_READERS, Depends(only_known_parameters), Depends(wait_for_position)]
)

GRAPHQL_RESPONSE = "application/graphql-response+json"


class Operation(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body: a document, its variables, and which of its operations is meant."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


async def operation_of(request: Request) -> Operation:
    """The body, within its limits; raises Problem for anything but one operation in JSON."""
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != "application/json":
        raise Problem(415, f"the content type {content_type!r} is not taken", remedy="Send application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
    if body.lstrip()[:1] == b"[":
        raise Problem(400, "a list of operations is not taken", remedy="Send one operation a request.")
    try:
        operation = msgspec.json.decode(body, type=Operation)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        remedy = 'Send {"query": "…", "variables": {…}, "operationName": "…"}.'
        raise Problem(400, f"the body is no GraphQL request: {error}", remedy=remedy) from error
    if not operation.query.strip():
        raise Problem(400, "query: there is none", remedy="Write for example { projections { name position } }.")
    return operation


_BODY = {
    "required": True,
    "content": {"application/json": {"schema": msgspec.json.schema(Operation)["$defs"]["Operation"]}},
}


@router.post("/graphql", operation_id="graphql", response_model=dict[str, Any], openapi_extra={"requestBody": _BODY})
def graphql(
    request: Request,
    operation: Annotated[Operation, Depends(operation_of)],
    platform: PlatformOf,
    view: ViewOf,
    access: AccessOf,
    caller: CallerOf,
) -> Response:
    """Answers a query of the schema in docs/graphql/schema.graphql. It only reads.

    The whole request runs in a thread of its own with a loop of its own: what it waits for holds up nobody else.
    """
    context = Context(platform, view, access, caller.correlation_id)
    answer = asyncio.run(_execute(operation, context))
    wants_status = GRAPHQL_RESPONSE in request.headers.get("accept", "")
    status = 400 if wants_status and "data" not in answer else 200
    media_type = GRAPHQL_RESPONSE if wants_status else "application/json"
    return Response(msgspec.json.encode(answer), status_code=status, media_type=media_type)


async def _execute(operation: Operation, context: Context) -> dict[str, Any]:
    try:
        result = await schema.execute(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.operation_name,
            allowed_operation_types=[OperationType.QUERY],
        )
    except InvalidOperationTypeError:
        return {"errors": [_refusal("only queries are answered here: changes are commands of the REST API")]}
    except CannotGetOperationTypeError as error:
        return {"errors": [_refusal(error.as_http_error_reason())]}
    answer: dict[str, Any] = {}
    if result.errors:
        answer["errors"] = [formatted(error, context.correlation_id) for error in result.errors]
    if result.data is not None or any(error.path for error in result.errors or ()):
        answer["data"] = result.data
    if result.extensions:
        answer["extensions"] = result.extensions
    return answer


def _refusal(message: str) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": "BAD_REQUEST"}}
