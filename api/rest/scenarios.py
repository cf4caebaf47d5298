"""Defined scenarios."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from api.rest.dependencies import CallerOf, ViewOf, needs, only_known_parameters, wait_for_position
from commands.permissions import Permission
from queries.scenarios import list_scenarios as scenarios_of

router = APIRouter(
    prefix="/v1/scenarios",
    tags=["scenarios"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_scenarios")
def list_scenarios(view: ViewOf, caller: CallerOf) -> dict[str, Any]:
    """Scenarios as last revised, by name."""
    return {"items": scenarios_of(view.pool, caller.tenant).items}
