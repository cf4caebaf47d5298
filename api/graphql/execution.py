"""Answering one operation of GraphQL against the schema."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from api.access import Access
from api.graphql.context import Context
from api.graphql.errors import formatted, log_refusals
from api.graphql.operation import Operation
from api.graphql.schema import schema
from api.platform import Platform
from queries.view import ReadView


def execute(
    operation: Operation, platform: Platform, view: ReadView, access: Access, correlation_id: UUID
) -> dict[str, Any]:
    """The answer: `data`, `errors` (masked unless the caller can mend them) and `extensions`, as far as there are any.

    Runs in a loop of its own, so call it in a thread that has none.
    """
    return asyncio.run(_execute(operation, Context(platform, view, access, correlation_id)))


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
        log_refusals(result.errors)
        answer["errors"] = [formatted(error, context.correlation_id) for error in result.errors]
    if result.data is not None or any(error.path for error in result.errors or ()):
        answer["data"] = result.data
    if result.extensions:
        answer["extensions"] = result.extensions
    return answer


def _refusal(message: str) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": "BAD_REQUEST"}}
