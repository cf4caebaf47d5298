"""What was published: the list, and one with its gaps."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from api.problems import Problem
from api.rest.dependencies import AccessOf, PlatformOf, ViewOf, needs, only_known_parameters, wait_for_position
from commands.permissions import Permission
from infra.canonical import from_parquet
from queries import publications as queries
from queries.relational import PageRequest

router = APIRouter(
    prefix="/v1/publications",
    tags=["publications"],
    dependencies=[needs(Permission.READ_MARKET_DATA), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_publications")
def list_publications(
    view: ViewOf,
    access: AccessOf,
    iso: Annotated[Literal["MISO", "CAISO", "PJM", "ERCOT"] | None, Query()] = None,
    status: Annotated[Literal["ingested", "quarantined"] | None, Query()] = None,
    limit: Annotated[int | None, Query(ge=1, le=10_000_000)] = None,
) -> dict[str, Any]:
    """Publications, newest first."""
    if iso:
        access.demand_iso(iso)
    found = queries.list_publications(
        view.pool, iso=iso, status=status, entitled=access.entitled(), request=PageRequest(limit)
    )
    return {"items": found.items}


@router.get("/{publication_id}", operation_id="read_publication")
def read_publication(publication_id: UUID, platform: PlatformOf, view: ViewOf, access: AccessOf) -> dict[str, Any]:
    """One publication: source, reading or defect, the readings it had before, and every gap it has."""
    found = queries.publication(view.pool, publication_id)
    # What could not be read is of no ISO, and a matter of those who operate the platform.
    if found is None or (found["iso"] is None and not access.is_platform):
        raise Problem(404, f"there is no publication {publication_id}", remedy="`publications list` shows them.")
    if found["iso"]:
        access.demand_iso(found["iso"])
    gaps = found["gaps_sha256"]
    found["gaps"] = from_parquet(platform.objects.get("rows", gaps)).to_pylist() if gaps else []
    return found
