"""Built curves and their points."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from api.problems import Problem
from api.rest.dependencies import CallerOf, PlatformOf, only_known_parameters, wait_for_position
from queries import curves as queries
from queries.checkpoints import checkpoints
from queries.curve_points import curve_points

router = APIRouter(
    prefix="/v1/curves",
    tags=["curves"],
    dependencies=[Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_curves")
def list_curves(
    platform: PlatformOf, caller: CallerOf, hub: Annotated[str | None, Query(max_length=100)] = None
) -> dict[str, Any]:
    """Curves, newest first."""
    return {"items": queries.list_curves(platform.pool, caller.tenant, hub)}


@router.get("/{curve_id}", operation_id="read_curve")
def read_curve(curve_id: UUID, platform: PlatformOf, caller: CallerOf) -> dict[str, Any]:
    """One curve: its points, how well it meets the quotes, and the parameters behind it."""
    found = queries.curve(platform.pool, caller.tenant, curve_id)
    if found is None:
        raise Problem(404, f"there is no curve {curve_id}", remedy="`curves list` shows them.")
    through = checkpoints(platform.pool, platform.clickhouse.store_id).get("curve_points", 0)
    found["points"] = curve_points(platform.clickhouse, curve_id, through_position=through).to_pylist()
    return found
