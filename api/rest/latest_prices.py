"""`GET /v1/prices/latest`: the last price of each place, of one ISO, several, or all that the caller may have."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Query, Request, Response

from api.rest.cached import by_iso, cached
from api.rest.caching import answer
from api.rest.dependencies import (
    AccessOf,
    MarketParameter,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.documented import NOT_MODIFIED, array_of, tables
from api.rest.formats import chosen_format
from api.rest.knowledge import AsOfParameter, known_at
from api.rest.listing import FormatParameter
from api.rest.prices import FILLED_BY
from commands.instruments import Iso
from commands.permissions import Permission
from infra.tabular import MEDIA_TYPES, render
from queries.latest_prices import latest_prices, listed
from queries.prices import PRICE_SCHEMA
from queries.publications import superseded_readings

router = APIRouter(
    tags=["prices"],
    dependencies=[needs(Permission.READ_MARKET_DATA), Depends(only_known_parameters), Depends(wait_for_position)],
)

_ISOS: tuple[str, ...] = get_args(Iso)
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "All rows, as JSON an array.", "content": tables({"schema": array_of(PRICE_SCHEMA)})},
    **NOT_MODIFIED,
}


@router.get("/v1/prices/latest", operation_id="latest_prices", response_class=Response, responses=_ANSWERS)
@cached(by_iso(*FILLED_BY))
def list_latest_prices(
    request: Request,
    view: ViewOf,
    access: AccessOf,
    as_of: AsOfParameter,
    iso: Annotated[list[Iso], Query(description="operators; all that you may have where none is given")] = [],  # noqa: B006
    node: Annotated[list[str], Query(description="nodes by name; all where none is given")] = [],  # noqa: B006
    market: MarketParameter = None,
    feed: Annotated[str | None, Query()] = None,
    format: FormatParameter = None,
) -> Response:
    """The winning price of the last interval of each place, market and feed, sorted by them.

    Where no nodes are named, places without a price in the week before their operator's newest interval are left out.
    """
    chosen = chosen_format(request, format)
    for named in iso:
        access.demand_iso(named, chosen)
    entitled = None if iso else access.entitled(chosen)
    known = known_at(view, FILLED_BY, as_of)
    found = latest_prices(
        view.clickhouse,
        isos=iso or (_ISOS if entitled is None else entitled),
        nodes=node,
        market=market,
        feed=feed,
        through_position=known.position,
        superseded=superseded_readings(view.pool, known.position),
    )
    content = b"".join(render(chosen, PRICE_SCHEMA, listed(found).to_batches()))
    return answer(request, content, MEDIA_TYPES[chosen], immutable=known.final and entitled is None)
