"""What was published: the list, and one with its gaps."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.access import Access
from api.platform import Platform
from api.problems import Problem
from api.rest.cached import by_iso, cached
from api.rest.dependencies import (
    AccessOf,
    IsoParameter,
    MarketParameter,
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
from infra.canonical import from_parquet
from queries import publications as queries
from queries.relational import RecordedSort, Row
from queries.view import ReadView

router = APIRouter(
    prefix="/v1/publications",
    tags=["publications"],
    dependencies=[needs(Permission.READ_MARKET_DATA), Depends(only_known_parameters), Depends(wait_for_position)],
)

_ROWS = {"type": "array", "items": {"type": "object"}}


@router.get("", operation_id="list_publications", **listed(queries.PUBLICATION_SCHEMA))
@cached(by_iso("publications"))
def list_publications(
    listing: ListingOf,
    view: ViewOf,
    access: AccessOf,
    span: SpanOf,
    iso: IsoParameter = None,
    status: Annotated[Literal["ingested", "quarantined"] | None, Query()] = None,
    market: MarketParameter = None,
    feed: NameParameter = None,
    sort: Annotated[RecordedSort, Query()] = "-log_position",
) -> Response:
    """Publications, newest first; `since` and `until` are about `recorded_at`."""
    if iso:
        access.demand_iso(iso, listing.format)
    entitled = access.entitled(listing.format)
    return listing.answer(
        queries.PUBLICATION_SCHEMA,
        ["publications"],
        lambda page: queries.list_publications(
            view.pool, iso=iso, status=status, market=market, feed=feed, since=span.since, until=span.until, sort=sort,
            entitled=entitled, request=page,
        ),
        narrowed=entitled is not None,
    )  # fmt: skip


@router.get(
    "/{publication_id}",
    operation_id="read_publication",
    **one(queries.PUBLICATION_SCHEMA, readings=_ROWS, gaps=_ROWS),
)
def read_publication(
    publication_id: UUID, reading: ReadingOf, platform: PlatformOf, view: ViewOf, access: AccessOf
) -> Response:
    """One publication: source, reading or defect, the readings it had before, and every gap it has."""
    return reading.answer(
        ["publications"],
        lambda as_of: _with_gaps(platform, view, access, publication_id, as_of),
        Problem(404, f"there is no publication {publication_id}", remedy="`carbon254 publications list` shows them."),
    )


def _with_gaps(platform: Platform, view: ReadView, access: Access, publication_id: UUID, as_of: int) -> Row | None:
    found = queries.publication(view.pool, publication_id, as_of)
    # What could not be read is of no ISO, and a matter of those who operate the platform.
    if found is None or (found["iso"] is None and not access.is_platform):
        return None
    if found["iso"]:
        access.demand_iso(found["iso"])
    gaps = found["gaps_sha256"]
    found["gaps"] = from_parquet(platform.objects.get("rows", gaps)).to_pylist() if gaps else []
    return found
