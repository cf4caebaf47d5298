"""`POST /graphql`: one operation a request, as JSON."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from api.graphql.operation import Operation
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
    # The schema is made when it is first asked: a verb of the CLI without a server would wait for it in vain.
    from api.graphql.execution import execute

    answer = execute(operation, platform, view, access, caller.correlation_id)
    wants_status = GRAPHQL_RESPONSE in request.headers.get("accept", "")
    status = 400 if wants_status and "data" not in answer else 200
    media_type = GRAPHQL_RESPONSE if wants_status else "application/json"
    return Response(msgspec.json.encode(answer), status_code=status, media_type=media_type)
