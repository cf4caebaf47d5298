"""Contracts and their valuations."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from api.platform import Platform
from api.problems import Problem
from api.rest.dependencies import (
    CallerOf,
    NameParameter,
    PlatformOf,
    SpanOf,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.documented import listed, one
from api.rest.listing import ListingOf
from api.rest.resources import ReadingOf
from commands.permissions import Permission
from queries import ppas as queries
from queries.relational import Row
from queries.view import ReadView

router = APIRouter(
    prefix="/v1/ppas",
    tags=["ppas"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_ppas", **listed(queries.PPA_SCHEMA))
def list_ppas(
    listing: ListingOf,
    view: ViewOf,
    caller: CallerOf,
    name: NameParameter = None,
    hub: NameParameter = None,
    side: Annotated[Literal["buy", "sell"] | None, Query()] = None,
    sort: Annotated[queries.Sort, Query()] = "name",
) -> Response:
    """Contracts by name."""
    return listing.answer(
        queries.PPA_SCHEMA,
        ["ppas"],
        lambda page: queries.list_ppas(view.pool, caller.tenant, page, name=name, hub=hub, side=side, sort=sort),
    )


@router.get("/valuations", operation_id="list_ppa_valuations", **listed(queries.VALUATION_SCHEMA))
def list_valuations(
    listing: ListingOf,
    view: ViewOf,
    caller: CallerOf,
    span: SpanOf,
    ppa_id: Annotated[UUID | None, Query()] = None,
    curve_id: Annotated[UUID | None, Query()] = None,
    sort: Annotated[queries.ValuationSort, Query()] = "-log_position",
) -> Response:
    """Valuations of all contracts, newest first; `since` and `until` are about `recorded_at`."""
    return listing.answer(
        queries.VALUATION_SCHEMA,
        ["ppas"],
        lambda page: queries.list_valuations(
            view.pool, caller.tenant, page, ppa_id=ppa_id, curve_id=curve_id, since=span.since, until=span.until,
            sort=sort,
        ),
    )  # fmt: skip


@router.get(
    "/{ppa_id}",
    operation_id="read_ppa",
    **one(queries.PPA_SCHEMA, valuations={"type": "array", "items": {"type": "object"}}),
)
def read_ppa(ppa_id: UUID, reading: ReadingOf, view: ViewOf, caller: CallerOf) -> Response:
    """One contract with the figures of its valuations."""
    return reading.answer(
        ["ppas"],
        lambda as_of: queries.ppa(view.pool, caller.tenant, ppa_id, as_of),
        Problem(404, f"there is no contract {ppa_id}", remedy="`ppas list` shows them."),
    )


@router.get(
    "/valuations/{valuation_id}",
    operation_id="read_ppa_valuation",
    **one(queries.VALUATION_SCHEMA, valuation={"type": "object"}),
)
def read_valuation(
    valuation_id: UUID, reading: ReadingOf, platform: PlatformOf, view: ViewOf, caller: CallerOf
) -> Response:
    """One valuation with its yearly settlement table. It never changes."""
    return reading.answer(
        ["ppas"],
        lambda as_of: _with_table(platform, view, caller.tenant, valuation_id, as_of),
        Problem(404, f"there is no valuation {valuation_id}", remedy="`ppas show ID` shows a contract's."),
        immutable=True,
    )


def _with_table(platform: Platform, view: ReadView, tenant: str, valuation_id: UUID, as_of: int) -> Row | None:
    found = queries.valuation(view.pool, tenant, valuation_id, as_of)
    if found:
        found["valuation"] = msgspec.json.decode(platform.objects.get("runs", found["artifact_sha256"]))
    return found
