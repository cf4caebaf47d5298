"""Contracts and their valuations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends

from api.problems import Problem
from api.rest.dependencies import CallerOf, PlatformOf, ViewOf, needs, only_known_parameters, wait_for_position
from commands.permissions import Permission
from queries import ppas as queries

router = APIRouter(
    prefix="/v1/ppas",
    tags=["ppas"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_ppas")
def list_ppas(view: ViewOf, caller: CallerOf) -> dict[str, Any]:
    """Contracts by name."""
    return {"items": queries.list_ppas(view.pool, caller.tenant).items}


@router.get("/{ppa_id}", operation_id="read_ppa")
def read_ppa(ppa_id: UUID, view: ViewOf, caller: CallerOf) -> dict[str, Any]:
    """One contract with the figures of its valuations."""
    found = queries.ppa(view.pool, caller.tenant, ppa_id)
    if found is None:
        raise Problem(404, f"there is no contract {ppa_id}", remedy="`ppas list` shows them.")
    return found


@router.get("/valuations/{valuation_id}", operation_id="read_ppa_valuation")
def read_valuation(valuation_id: UUID, platform: PlatformOf, view: ViewOf, caller: CallerOf) -> dict[str, Any]:
    """One valuation with its yearly settlement table."""
    found = queries.valuation(view.pool, caller.tenant, valuation_id)
    if found is None:
        raise Problem(404, f"there is no valuation {valuation_id}", remedy="`ppas show ID` shows a contract's.")
    found["valuation"] = msgspec.json.decode(platform.objects.get("runs", found["artifact_sha256"]))
    return found
