"""`GET /v1/prices`: prices of an ISO, as they are known now or were known then."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.platform import Platform
from api.problems import Problem
from api.rest.cached import by_iso, by_market_days, cached
from api.rest.caching import changing_headers, etag_of, immutable_headers, is_known
from api.rest.dependencies import (
    AccessOf,
    EndParameter,
    IsoParameter,
    MarketIso,
    MarketParameter,
    PlatformOf,
    StartParameter,
    ViewOf,
    ZoneParameter,
    moment,
    needs,
    only_known_parameters,
    wait_for_position,
    zone_of,
)
from api.rest.documented import NOT_MODIFIED, array_of, listed, tables
from api.rest.formats import Format, chosen_format
from api.rest.knowledge import AsOf, AsOfText, Known, known_at, read_as_of
from api.rest.listing import (
    DEFAULT_LIMIT,
    CursorParameter,
    FormatParameter,
    LimitParameter,
    Listing,
    ListingOf,
)
from commands.permissions import Permission
from infra.tabular import MEDIA_TYPES, render, with_local_times
from queries.prices import PRICE_SCHEMA, PriceQuery, price_batches, price_page
from queries.publications import COVERAGE_SCHEMA, coverage, superseded_readings
from queries.relational import Page, PageRequest
from queries.view import ReadView

router = APIRouter(
    tags=["prices"],
    dependencies=[needs(Permission.READ_MARKET_DATA), Depends(only_known_parameters), Depends(wait_for_position)],
)

# Prices may be read up to where their rows are loaded and replaced readings are known.
FILLED_BY = ("prices", "publications")

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "With `limit` or `cursor` a page; without them all rows, streamed (as JSON: an array).",
        "content": tables({
            "schema": {
                "oneOf": [
                    array_of(PRICE_SCHEMA),
                    {"type": "object", "required": ["items", "next_cursor"], "properties": {
                        "items": array_of(PRICE_SCHEMA), "next_cursor": {"type": ["string", "null"]},
                    }},
                ],
            },
        }),
    },
    **NOT_MODIFIED,
}  # fmt: skip


@router.get("/v1/prices", operation_id="list_prices", response_class=Response, responses=_ANSWERS)
@cached(by_market_days("prices", *FILLED_BY))
def list_prices(
    request: Request,
    platform: PlatformOf,
    view: ViewOf,
    access: AccessOf,
    iso: MarketIso,
    start: StartParameter,
    end: EndParameter,
    node: Annotated[list[str], Query(description="nodes by name; all where none is given")] = [],  # noqa: B006
    node_type: Annotated[str | None, Query()] = None,
    market: MarketParameter = None,
    feed: Annotated[str | None, Query()] = None,
    tz: ZoneParameter = None,
    as_of: AsOfText = None,
    limit: LimitParameter = None,
    cursor: CursorParameter = None,
    format: FormatParameter = None,
) -> Response:
    """Every winning price, sorted by market, node and start; without `limit` there is no row limit.

    Times are UTC; `[start, end)`.
    """
    chosen = chosen_format(request, format)
    access.demand_iso(iso, chosen)
    zone = zone_of(iso, tz)
    try:
        query = PriceQuery(
            iso=iso,
            start_utc=moment(start, "start", zone),
            end_utc=moment(end, "end", zone),
            nodes=tuple(node),
            market=market,
            feed=feed,
            node_type=node_type,
        )
    except ValueError as error:
        raise Problem(400, str(error), remedy="Give a start before the end.") from error
    known_as_of = read_as_of(platform, as_of, zone)
    local = zone.key if zone else None
    if limit is None and cursor is None:
        return _everything(request, platform, view, query, chosen, local, known_as_of)
    listing = Listing(request, platform, view, access.principal.tenant, limit, cursor, known_as_of, chosen)
    schema = with_local_times(PRICE_SCHEMA.empty_table(), local).schema
    return listing.answer(schema, FILLED_BY, lambda page: _page(view, query, local, page))


@router.get("/v1/prices/coverage", operation_id="price_coverage", **listed(COVERAGE_SCHEMA))
@cached(by_iso("publications"))
def price_coverage(listing: ListingOf, view: ViewOf, access: AccessOf, iso: IsoParameter = None) -> Response:
    """Which feeds there are, with their number of rows and their span."""
    if iso:
        access.demand_iso(iso, listing.format)
    entitled = access.entitled(listing.format)
    return listing.answer(
        COVERAGE_SCHEMA,
        ["publications"],
        lambda page: coverage(view.pool, iso=iso, entitled=entitled, request=page),
        narrowed=entitled is not None,
    )


def _page(view: ReadView, query: PriceQuery, tz: str | None, page: PageRequest) -> Page:
    assert page.as_of is not None
    found, after = price_page(
        view.clickhouse,
        query,
        limit=page.limit or DEFAULT_LIMIT,
        after=page.after,
        through_position=page.as_of,
        superseded=superseded_readings(view.pool, page.as_of),
    )
    return Page(with_local_times(found, tz).to_pylist(), after)


def _everything(
    request: Request,
    platform: Platform,
    view: ReadView,
    query: PriceQuery,
    chosen: Format,
    tz: str | None,
    as_of: AsOf,
) -> Response:
    known = known_at(view, FILLED_BY, as_of)
    headers = changing_headers()
    if known.final:
        etag = _etag(platform, view, query, chosen, tz, known)
        headers = immutable_headers(etag)
        if is_known(request, etag):
            return Response(status_code=304, headers=headers)
    chunks = _chunks(view, query, chosen, tz, known.position)
    # The first chunk is made before the headers leave, so that an error can still be told as one.
    first = next(chunks, b"")
    return StreamingResponse(chain((first,), chunks), media_type=MEDIA_TYPES[chosen], headers=headers)


def _chunks(view: ReadView, query: PriceQuery, chosen: Format, tz: str | None, known: int) -> Iterator[bytes]:
    superseded = superseded_readings(view.pool, known)
    batches = price_batches(view.clickhouse, query, through_position=known, superseded=superseded)
    return render(chosen, PRICE_SCHEMA, batches, tz=tz)


def _etag(platform: Platform, view: ReadView, query: PriceQuery, chosen: Format, tz: str | None, known: Known) -> str:
    """A stream has no bytes to hash before it is sent: so the question, the store, and the code that writes it."""
    asked = (view.clickhouse.store_id, platform.code_version, query, chosen, tz, known.position)
    return etag_of(repr(asked).encode())
