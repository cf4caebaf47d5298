"""Built curves and their points."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.problems import Problem
from api.rest.cached import by_tenant, cached
from api.rest.dependencies import (
    NameParameter,
    PrincipalOf,
    SpanOf,
    StaleParameter,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.documented import array_of, listed, one, unlisted
from api.rest.listing import ListingOf
from api.rest.resources import ReadingOf
from commands.permissions import Permission
from queries import curves as queries
from queries.curve_points import POINTS_SCHEMA, curve_points
from queries.followed_curves import FOLLOWED, followed_by
from queries.relational import Page, PageRequest, RecordedSort, Row
from queries.stale_lists import STALE, mark_curves, marked, staleness
from queries.staleness import PROJECTIONS
from queries.view import ReadView

router = APIRouter(
    prefix="/v1/curves",
    tags=["curves"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


_LISTED_SCHEMA = queries.CURVE_SCHEMA.append(FOLLOWED).append(STALE)
_READ = (*PROJECTIONS, "followed_curves")
_STALENESS = unlisted("What has changed since, and who has such a curve kept fresh.", "stale", "followed_by")


@router.get("", operation_id="list_curves", **listed(_LISTED_SCHEMA))
@cached(by_tenant(*_READ))
def list_curves(
    listing: ListingOf,
    view: ViewOf,
    caller: PrincipalOf,
    span: SpanOf,
    hub: NameParameter = None,
    scenario: NameParameter = None,
    stale: StaleParameter = None,
    sort: Annotated[RecordedSort, Query()] = "-log_position",
) -> Response:
    """Curves, newest first; `since` and `until` are about `recorded_at`.

    `stale` says why building a curve again would read something else by now: restated prices, newer quotes, a revised
    scenario. `followed_by` is who has the curve of that hub and scenario built again when it is stale.
    """

    def list_page(page: PageRequest) -> Page:
        return queries.list_curves(
            view.pool, caller.tenant, hub, page, scenario=scenario, since=span.since, until=span.until, sort=sort
        )

    return listing.answer(_LISTED_SCHEMA, _READ, marked(list_page, partial(mark_curves, view, caller.tenant), stale))


@router.get("/{curve_id}", operation_id="read_curve", **one(queries.CURVE_SCHEMA, points=array_of(POINTS_SCHEMA)))
@cached(by_tenant("curves", "curve_points"))
def read_curve(curve_id: UUID, reading: ReadingOf, view: ViewOf, caller: PrincipalOf) -> Response:
    """One curve: its points, how well it meets the quotes, and the parameters behind it. It never changes."""
    return reading.answer(
        ["curves", "curve_points"],  # a curve whose points are still on their way is not known yet
        lambda as_of: _with_points(view, caller.tenant, curve_id, as_of),
        Problem(404, f"there is no curve {curve_id}", remedy="`carbon254 curves list` shows them."),
        immutable=True,
    )


@router.get("/{curve_id}/staleness", operation_id="read_curve_staleness", response_class=Response, responses=_STALENESS)
@cached(by_tenant(*_READ))
def read_staleness(curve_id: UUID, reading: ReadingOf, view: ViewOf, caller: PrincipalOf) -> Response:
    """Why the curve is stale, with all reasons; `stale` is null where it is not.

    `followed_by` is who has the curve of its hub and scenario built again when it is, null where nobody does.
    """
    return reading.answer(
        _READ,
        lambda as_of: (
            staleness(view, caller.tenant, curve_id, as_of)
            | {"followed_by": followed_by(view, caller.tenant, curve_id, as_of)}
            if queries.curve(view.pool, caller.tenant, curve_id, as_of)
            else None
        ),
        Problem(404, f"there is no curve {curve_id}", remedy="`carbon254 curves list` shows them."),
    )


def _with_points(view: ReadView, tenant: str, curve_id: UUID, as_of: int) -> Row | None:
    found = queries.curve(view.pool, tenant, curve_id, as_of)
    if found:
        found["points"] = curve_points(view.clickhouse, curve_id, through_position=as_of).to_pylist()
    return found
