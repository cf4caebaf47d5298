"""Built curves and their points."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from api.problems import Problem
from api.rest.dependencies import CallerOf, ViewOf, needs, only_known_parameters, wait_for_position
from commands.permissions import Permission
from queries import curves as queries
from queries.checkpoints import checkpoints
from queries.curve_points import curve_points

router = APIRouter(
    prefix="/v1/curves",
    tags=["curves"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_curves")
def list_curves(
    view: ViewOf, caller: CallerOf, hub: Annotated[str | None, Query(max_length=100)] = None
) -> dict[str, Any]:
    """Curves, newest first."""
    return {"items": queries.list_curves(view.pool, caller.tenant, hub).items}


@router.get("/{curve_id}", operation_id="read_curve")
def read_curve(curve_id: UUID, view: ViewOf, caller: CallerOf) -> dict[str, Any]:
    """One curve: its points, how well it meets the quotes, and the parameters behind it."""
    found = queries.curve(view.pool, caller.tenant, curve_id)
    if found is None:
        raise Problem(404, f"there is no curve {curve_id}", remedy="`curves list` shows them.")
    through = view.capped(checkpoints(view).get("curve_points", 0))
    found["points"] = curve_points(view.clickhouse, curve_id, through_position=through).to_pylist()
    return found
