"""`GET /v1/series/{dataset}`: what ISOs publish besides energy prices, as it is known now or was known then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from api.problems import Problem
from api.rest.dependencies import PlatformOf, ViewOf, moment, only_known_parameters, time_zone, wait_for_position
from api.rest.prices import MARKET_ZONES, Format, Iso, accepted_format, as_of_position
from infra.tabular import MEDIA_TYPES, render
from queries.checkpoints import readable_position
from queries.publications import superseded_readings
from queries.series import SeriesQuery, answer_schema, series, series_datasets
from queries.view import ReadView

router = APIRouter(
    prefix="/v1/series",
    tags=["series"],
    dependencies=[Depends(only_known_parameters), Depends(wait_for_position)],
)

DatasetName = Literal["fundamentals", "ancillary", "capacity", "ordc", "constraints", "disclosures", "places"]


@router.get("", operation_id="list_datasets")
def list_datasets() -> dict[str, Any]:
    """The datasets with their columns: labels tell rows apart, values are what was published."""
    return {"items": series_datasets()}


@router.get("/{dataset}", operation_id="list_series", response_class=StreamingResponse)
def list_series(
    dataset: DatasetName,
    request: Request,
    platform: PlatformOf,
    view: ViewOf,
    iso: Annotated[Iso, Query()],
    start: Annotated[str, Query(description="first interval start, inclusive")],
    end: Annotated[str, Query(description="interval starts before this")],
    label: Annotated[list[str], Query(description="`column=value` of a label column; may be repeated")] = [],  # noqa: B006
    feed: Annotated[str | None, Query()] = None,
    market: Annotated[Literal["DA", "RTH", "RT15", "RT5"] | None, Query()] = None,
    tz: Annotated[str | None, Query(description="IANA name or `market`: reads naive times, adds local columns")] = None,
    as_of: Annotated[str | None, Query(description="a time or a log position: what was known then")] = None,
    format: Annotated[Format | None, Query(description="else by Accept; JSON by default")] = None,
) -> StreamingResponse:
    """Winning rows of a dataset, sorted by their labels and interval. Times are UTC; `[start, end)`."""
    zone = time_zone(MARKET_ZONES[iso] if tz == "market" else tz) if tz else None
    try:
        query = SeriesQuery(
            dataset=dataset,
            iso=iso,
            start_utc=moment(start, "start", zone),
            end_utc=moment(end, "end", zone),
            feed=feed,
            market=market,
            labels=_labels(label),
            as_of_position=as_of_position(platform, as_of, zone),
        )
    except ValueError as error:
        raise Problem(400, str(error), remedy="`GET /v1/series` lists each dataset's labels.") from error
    chosen = format or accepted_format(request)
    return StreamingResponse(_chunks(view, query, chosen, zone.key if zone else None), media_type=MEDIA_TYPES[chosen])


def _labels(given: list[str]) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for text in given:
        column, equals, value = text.partition("=")
        if not equals:
            raise Problem(400, f"label: {text!r} is no `column=value`", remedy="Write label=series=load.")
        labels.setdefault(column, []).append(value)
    return labels


def _chunks(view: ReadView, query: SeriesQuery, chosen: str, tz: str | None) -> Iterator[bytes]:
    through = readable_position(view, query.dataset)
    known = through if query.as_of_position is None else min(through, query.as_of_position)
    rows = series(view.clickhouse, query, through_position=through, superseded=superseded_readings(view.pool, known))
    return render(chosen, answer_schema(query.dataset), rows.to_batches(), tz=tz)
