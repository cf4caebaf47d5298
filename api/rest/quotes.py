"""Recorded forward quotes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.rest.dependencies import CallerOf, ViewOf, needs, only_known_parameters, wait_for_position
from commands.permissions import Permission
from queries.quotes import list_quotes as quotes_of

router = APIRouter(
    prefix="/v1/quotes",
    tags=["quotes"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_quotes")
def list_quotes(
    view: ViewOf, caller: CallerOf, hub: Annotated[str | None, Query(max_length=100)] = None
) -> dict[str, Any]:
    """All quotes, newest first."""
    return {"items": quotes_of(view.pool, caller.tenant, hub).items}
