"""`GET /v1/series/{dataset}`: what ISOs publish besides energy prices, as it is known now or was known then."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.problems import Problem
from api.rest.cached import by_market_days, cached
from api.rest.caching import changing_headers
from api.rest.dependencies import (
    AccessOf,
    EndParameter,
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
from api.rest.formats import chosen_format
from api.rest.knowledge import AsOfText, known_at, read_as_of
from api.rest.listing import FormatParameter
from commands.permissions import Permission
from infra.tabular import MEDIA_TYPES, render
from queries.publications import superseded_readings
from queries.series import SeriesQuery, answer_schema, series, series_datasets

router = APIRouter(
    prefix="/v1/series",
    tags=["series"],
    dependencies=[needs(Permission.READ_MARKET_DATA), Depends(only_known_parameters), Depends(wait_for_position)],
)

DatasetName = Literal["fundamentals", "ancillary", "capacity", "ordc", "constraints", "disclosures", "places"]


@router.get("", operation_id="list_datasets")
def list_datasets() -> dict[str, Any]:
    """The datasets with their columns: labels tell rows apart, values are what was published."""
    return {"items": series_datasets()}


@router.get("/{dataset}", operation_id="list_series", response_class=Response)
@cached(by_market_days(None, "publications"))
def list_series(
    dataset: DatasetName,
    request: Request,
    platform: PlatformOf,
    view: ViewOf,
    access: AccessOf,
    iso: MarketIso,
    start: StartParameter,
    end: EndParameter,
    label: Annotated[list[str], Query(description="`column=value` of a label column; may be repeated")] = [],  # noqa: B006
    feed: Annotated[str | None, Query()] = None,
    market: MarketParameter = None,
    tz: ZoneParameter = None,
    as_of: AsOfText = None,
    format: FormatParameter = None,
) -> Response:
    """Winning rows of a dataset, sorted by their labels and interval. Times are UTC; `[start, end)`."""
    chosen = chosen_format(request, format)
    access.demand_iso(iso, chosen)
    zone = zone_of(iso, tz)
    try:
        query = SeriesQuery(
            dataset=dataset,
            iso=iso,
            start_utc=moment(start, "start", zone),
            end_utc=moment(end, "end", zone),
            feed=feed,
            market=market,
            labels=_labels(label),
        )
    except ValueError as error:
        raise Problem(
            400, str(error), remedy="`carbon254 series datasets` and GET /v1/series list each dataset's labels."
        ) from error
    known = known_at(view, (dataset, "publications"), read_as_of(platform, as_of, zone)).position
    rows = series(view.clickhouse, query, through_position=known, superseded=superseded_readings(view.pool, known))
    chunks = render(chosen, answer_schema(dataset), rows.to_batches(), tz=zone.key if zone else None)
    return StreamingResponse(chunks, media_type=MEDIA_TYPES[chosen], headers=changing_headers())


def _labels(given: list[str]) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for text in given:
        column, equals, value = text.partition("=")
        if not equals:
            raise Problem(400, f"label: {text!r} is no `column=value`", remedy="Write for example series=load.")
        labels.setdefault(column, []).append(value)
    return labels
