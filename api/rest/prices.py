"""`GET /v1/prices`: prices of an ISO, as they are known now or were known then."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from api.platform import Platform
from api.problems import Problem
from api.rest.dependencies import (
    PlatformOf,
    ViewOf,
    is_number,
    known_position,
    moment,
    only_known_parameters,
    time_zone,
    wait_for_position,
)
from infra.tabular import MEDIA_TYPES, render
from queries.checkpoints import readable_position
from queries.prices import PRICE_SCHEMA, PriceQuery, price_batches
from queries.publications import coverage, superseded_readings
from queries.view import ReadView

router = APIRouter(tags=["prices"], dependencies=[Depends(only_known_parameters), Depends(wait_for_position)])

# What `tz=market` means: the clock by which the ISO runs its markets. MISO keeps Eastern Standard Time all year.
MARKET_ZONES = {
    "MISO": "Etc/GMT+5",
    "CAISO": "America/Los_Angeles",
    "PJM": "America/New_York",
    "ERCOT": "America/Chicago",
}

Iso = Literal["MISO", "CAISO", "PJM", "ERCOT"]
Format = Literal["json", "ndjson", "csv", "parquet", "arrow"]


@router.get("/v1/prices", operation_id="list_prices", response_class=StreamingResponse)
def list_prices(
    request: Request,
    platform: PlatformOf,
    view: ViewOf,
    iso: Annotated[Iso, Query()],
    start: Annotated[str, Query(description="first interval start, inclusive")],
    end: Annotated[str, Query(description="interval starts before this")],
    node: Annotated[list[str], Query(description="nodes by name; all where none is given")] = [],  # noqa: B006
    node_type: Annotated[str | None, Query()] = None,
    market: Annotated[Literal["DA", "RTH", "RT15", "RT5"] | None, Query()] = None,
    feed: Annotated[str | None, Query()] = None,
    tz: Annotated[str | None, Query(description="IANA name or `market`: reads naive times, adds local columns")] = None,
    as_of: Annotated[str | None, Query(description="a time or a log position: what was known then")] = None,
    format: Annotated[Format | None, Query(description="else by Accept; JSON by default")] = None,
) -> StreamingResponse:
    """Every winning price, without a row limit, sorted by market, node and start. Times are UTC; `[start, end)`."""
    zone = time_zone(MARKET_ZONES[iso] if tz == "market" else tz) if tz else None
    try:
        query = PriceQuery(
            iso=iso,
            start_utc=moment(start, "start", zone),
            end_utc=moment(end, "end", zone),
            nodes=tuple(node),
            market=market,
            feed=feed,
            node_type=node_type,
            as_of_position=as_of_position(platform, as_of, zone),
        )
    except ValueError as error:
        raise Problem(400, str(error), remedy="Give a start before the end.") from error
    chosen = format or accepted_format(request)
    chunks = _chunks(view, query, chosen, zone.key if zone else None)
    # The first chunk is made before the headers leave, so that an error can still be told as one.
    first = next(chunks, b"")
    return StreamingResponse(chain((first,), chunks), media_type=MEDIA_TYPES[chosen])


@router.get("/v1/prices/coverage", operation_id="price_coverage")
def price_coverage(view: ViewOf, iso: Annotated[Iso | None, Query()] = None) -> dict[str, Any]:
    """Which feeds there are, with their number of rows and their span."""
    return {"items": coverage(view.pool, iso=iso)}


def _chunks(view: ReadView, query: PriceQuery, chosen: str, tz: str | None) -> Iterator[bytes]:
    through = readable_position(view)
    known = min(through, query.as_of_position) if query.as_of_position is not None else through
    superseded = superseded_readings(view.pool, known)
    batches = price_batches(view.clickhouse, query, through_position=through, superseded=superseded)
    return render(chosen, PRICE_SCHEMA, batches, tz=tz)


def as_of_position(platform: Platform, as_of: str | None, zone: ZoneInfo | None) -> int | None:
    """The position that `as_of`, a time or a position, stands for."""
    if as_of is None:
        return None
    # Digits alone are a position, even where they could be a year or a date (20260131).
    if is_number(as_of):
        return known_position(platform, as_of, "as_of", remedy="Write a date as 2026-01-31, with its dashes.")
    return platform.log.position_at(moment(as_of, "as_of", zone))


def accepted_format(request: Request) -> str:
    """The format that the Accept header asks for."""
    wanted = request.headers.get("accept", "*/*")
    by_type = {media_type.split(";")[0]: name for name, media_type in MEDIA_TYPES.items()}
    for part in wanted.split(","):
        name = part.split(";")[0].strip()
        if name in by_type:
            return by_type[name]
        if name in ("*/*", "application/*", ""):
            return "json"
    raise Problem(406, f"no format of {wanted!r} is served", remedy=f"Accept one of {', '.join(by_type)}.")
