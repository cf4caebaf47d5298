"""Registered hubs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from api.rest.dependencies import CallerOf, ViewOf, needs, only_known_parameters, wait_for_position
from commands.permissions import Permission
from queries.instruments import list_instruments as instruments_of

router = APIRouter(
    prefix="/v1/instruments",
    tags=["instruments"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_instruments")
def list_instruments(view: ViewOf, caller: CallerOf) -> dict[str, Any]:
    """Hubs by name."""
    return {"items": instruments_of(view.pool, caller.tenant).items}
