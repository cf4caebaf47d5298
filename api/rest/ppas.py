"""Contracts and their valuations."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Response

from api.platform import Platform
from api.problems import Problem
from api.rest.cached import by_tenant, cached
from api.rest.dependencies import (
    NameParameter,
    PlatformOf,
    PrincipalOf,
    SpanOf,
    StaleParameter,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.documented import STALENESS, listed, one
from api.rest.listing import ListingOf
from api.rest.resources import ReadingOf
from commands.permissions import Permission
from queries import ppas as queries
from queries.relational import NamedSort, Page, PageRequest, RecordedSort, Row
from queries.stale_lists import STALE, mark_curves, mark_ppas, marked, staleness
from queries.staleness import PROJECTIONS
from queries.view import ReadView

router = APIRouter(
    prefix="/v1/ppas",
    tags=["ppas"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


_LISTED_SCHEMA = queries.PPA_SCHEMA.append(STALE)
_LISTED_VALUATION_SCHEMA = queries.VALUATION_SCHEMA.append(STALE)
# What a list knows: contracts and valuations, and what makes them stale.
_PROJECTIONS = ("ppas", *PROJECTIONS)


@router.get("", operation_id="list_ppas", **listed(_LISTED_SCHEMA))
@cached(by_tenant(*_PROJECTIONS))
def list_ppas(
    listing: ListingOf,
    view: ViewOf,
    caller: PrincipalOf,
    name: NameParameter = None,
    hub: NameParameter = None,
    side: Annotated[Literal["buy", "sell"] | None, Query()] = None,
    stale: StaleParameter = None,
    sort: Annotated[NamedSort, Query()] = "name",
) -> Response:
    """Contracts by name. `stale` says why the newest valuation under some scenario would be another by now."""

    def list_page(page: PageRequest) -> Page:
        return queries.list_ppas(view.pool, caller.tenant, page, name=name, hub=hub, side=side, sort=sort)

    return listing.answer(
        _LISTED_SCHEMA, _PROJECTIONS, marked(list_page, partial(mark_ppas, view, caller.tenant), stale)
    )


@router.get("/valuations", operation_id="list_ppa_valuations", **listed(_LISTED_VALUATION_SCHEMA))
@cached(by_tenant(*_PROJECTIONS))
def list_valuations(
    listing: ListingOf,
    view: ViewOf,
    caller: PrincipalOf,
    span: SpanOf,
    ppa_id: Annotated[UUID | None, Query()] = None,
    curve_id: Annotated[UUID | None, Query()] = None,
    stale: StaleParameter = None,
    sort: Annotated[RecordedSort, Query()] = "-log_position",
) -> Response:
    """Valuations of all contracts, newest first; `since` and `until` are about `recorded_at`.

    `stale` says why the curve that a valuation stands on would be another by now.
    """

    def list_page(page: PageRequest) -> Page:
        return queries.list_valuations(
            view.pool, caller.tenant, page, ppa_id=ppa_id, curve_id=curve_id, since=span.since, until=span.until,
            sort=sort,
        )  # fmt: skip

    return listing.answer(
        _LISTED_VALUATION_SCHEMA,
        _PROJECTIONS,
        marked(list_page, partial(mark_curves, view, caller.tenant, by="curve_id"), stale),
    )


@router.get(
    "/{ppa_id}",
    operation_id="read_ppa",
    **one(_LISTED_SCHEMA, valuations={"type": "array", "items": {"type": "object"}}),
)
@cached(by_tenant(*_PROJECTIONS))
def read_ppa(ppa_id: UUID, reading: ReadingOf, view: ViewOf, caller: PrincipalOf) -> Response:
    """One contract with the figures of its valuations, and which of them are stale."""
    return reading.answer(
        _PROJECTIONS,
        lambda as_of: _with_staleness(view, caller.tenant, ppa_id, as_of),
        Problem(404, f"there is no contract {ppa_id}", remedy="`carbon254 ppas list` shows them."),
    )


@router.get(
    "/valuations/{valuation_id}",
    operation_id="read_ppa_valuation",
    **one(queries.VALUATION_SCHEMA, valuation={"type": "object"}),
)
@cached(by_tenant("ppas"))
def read_valuation(
    valuation_id: UUID, reading: ReadingOf, platform: PlatformOf, view: ViewOf, caller: PrincipalOf
) -> Response:
    """One valuation with its yearly settlement table. It never changes."""
    return reading.answer(
        ["ppas"],
        lambda as_of: _with_table(platform, view, caller.tenant, valuation_id, as_of),
        Problem(404, f"there is no valuation {valuation_id}", remedy="`carbon254 ppas show ID` shows a contract's."),
        immutable=True,
    )


def _with_table(platform: Platform, view: ReadView, tenant: str, valuation_id: UUID, as_of: int) -> Row | None:
    found = queries.valuation(view.pool, tenant, valuation_id, as_of)
    if found:
        found["valuation"] = msgspec.json.decode(platform.objects.get("runs", found["artifact_sha256"]))
    return found


@router.get(
    "/valuations/{valuation_id}/staleness",
    operation_id="read_ppa_valuation_staleness",
    response_class=Response,
    responses=STALENESS,
)
@cached(by_tenant(*_PROJECTIONS))
def read_staleness(valuation_id: UUID, reading: ReadingOf, view: ViewOf, caller: PrincipalOf) -> Response:
    """Why the curve that the valuation stands on is stale, with all reasons; `stale` is null where it is not."""

    def read(as_of: int) -> Row | None:
        found = queries.valuation(view.pool, caller.tenant, valuation_id, as_of)
        return found and staleness(view, caller.tenant, found["curve_id"], as_of)

    missing = Problem(
        404, f"there is no valuation {valuation_id}", remedy="`carbon254 ppas show ID` shows a contract's."
    )
    return reading.answer(_PROJECTIONS, read, missing)


def _with_staleness(view: ReadView, tenant: str, ppa_id: UUID, as_of: int) -> Row | None:
    found = queries.ppa(view.pool, tenant, ppa_id, as_of)
    if found:
        mark_ppas(view, tenant, [found], as_of)
        mark_curves(view, tenant, found["valuations"], as_of, by="curve_id")
    return found
