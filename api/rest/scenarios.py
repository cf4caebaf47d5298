"""Defined scenarios."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.problems import Problem
from api.rest.cached import by_tenant, cached
from api.rest.dependencies import NameParameter, PrincipalOf, ViewOf, needs, only_known_parameters, wait_for_position
from api.rest.documented import array_of, listed, one
from api.rest.listing import ListingOf
from api.rest.resources import ReadingOf
from commands.permissions import Permission
from queries import scenarios as queries
from queries.relational import NamedSort

router = APIRouter(
    prefix="/v1/scenarios",
    tags=["scenarios"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_scenarios", **listed(queries.SCENARIO_SCHEMA))
@cached(by_tenant("scenarios"))
def list_scenarios(
    listing: ListingOf,
    view: ViewOf,
    caller: PrincipalOf,
    name: NameParameter = None,
    sort: Annotated[NamedSort, Query()] = "name",
) -> Response:
    """Scenarios as last revised, by name."""
    return listing.answer(
        queries.SCENARIO_SCHEMA,
        ["scenarios"],
        lambda page: queries.list_scenarios(view.pool, caller.tenant, page, name=name, sort=sort),
    )


@router.get(
    "/{scenario_id}",
    operation_id="read_scenario",
    **one(queries.SCENARIO_SCHEMA, revisions=array_of(queries.SCENARIO_SCHEMA)),
)
@cached(by_tenant("scenarios"))
def read_scenario(scenario_id: UUID, reading: ReadingOf, view: ViewOf, caller: PrincipalOf) -> Response:
    """One scenario with all its revisions. Its `ETag` is what `If-Match` of `revise-scenario` names."""
    return reading.answer(
        ["scenarios"],
        lambda as_of: queries.scenario(view.pool, caller.tenant, scenario_id, as_of),
        Problem(404, f"there is no scenario {scenario_id}", remedy="`carbon254 scenarios list` shows them."),
        revised=True,
    )
