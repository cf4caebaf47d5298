"""Registered hubs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.problems import Problem
from api.rest.cached import by_tenant, cached
from api.rest.dependencies import (
    IsoParameter,
    MarketParameter,
    NameParameter,
    PrincipalOf,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.documented import listed, one
from api.rest.listing import ListingOf
from api.rest.resources import ReadingOf
from commands.permissions import Permission
from queries import instruments as queries
from queries.relational import NamedSort

router = APIRouter(
    prefix="/v1/instruments",
    tags=["instruments"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_instruments", **listed(queries.INSTRUMENT_SCHEMA))
@cached(by_tenant("instruments"))
def list_instruments(
    listing: ListingOf,
    view: ViewOf,
    caller: PrincipalOf,
    name: NameParameter = None,
    iso: IsoParameter = None,
    market: MarketParameter = None,
    sort: Annotated[NamedSort, Query()] = "name",
) -> Response:
    """Hubs by name."""
    return listing.answer(
        queries.INSTRUMENT_SCHEMA,
        ["instruments"],
        lambda page: queries.list_instruments(
            view.pool, caller.tenant, page, name=name, iso=iso, market=market, sort=sort
        ),
    )


@router.get("/{instrument_id}", operation_id="read_instrument", **one(queries.INSTRUMENT_SCHEMA))
@cached(by_tenant("instruments"))
def read_instrument(instrument_id: UUID, reading: ReadingOf, view: ViewOf, caller: PrincipalOf) -> Response:
    """One hub."""
    return reading.answer(
        ["instruments"],
        lambda as_of: queries.instrument(view.pool, caller.tenant, instrument_id, as_of),
        Problem(404, f"there is no hub {instrument_id}", remedy="`carbon254 instruments list` shows them."),
    )
