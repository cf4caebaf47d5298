"""`/v1/quality`: whether the rows of an ISO's market days are complete, fresh and plausible, and how that went."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.quality import QualityQuestion, fetched_feeds, freshness, judge
from api.rest.dependencies import (
    AccessOf,
    IsoParameter,
    MarketIso,
    NameParameter,
    PlatformOf,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.documented import listed
from api.rest.knowledge import AsOfParameter, judged_at
from api.rest.listing import ListingOf
from commands.permissions import Permission
from queries.quality_days import DAY_SCHEMA, DayFilter, quality_days

router = APIRouter(
    prefix="/v1/quality",
    tags=["quality"],
    dependencies=[needs(Permission.READ_MARKET_DATA), Depends(only_known_parameters), Depends(wait_for_position)],
)

DailyDataset = Annotated[
    Literal["prices", "ancillary", "ordc", "fundamentals", "constraints"] | None,
    Query(description="one of the datasets that have market days"),
]


@router.get("", operation_id="report_quality")
def report_quality(
    platform: PlatformOf,
    view: ViewOf,
    access: AccessOf,
    as_of: AsOfParameter,
    iso: MarketIso,
    start: Annotated[date, Query(description="first market day", examples=["2026-01-30"])],
    end: Annotated[date, Query(description="the market day after the last", examples=["2026-01-31"])],
    dataset: DailyDataset = None,
    feed: NameParameter = None,
) -> dict[str, Any]:
    """Of each feed and market day: intervals expected and received, completeness, rows that came again.

    `findings` lists every `gap`, `repeat`, `spike` (robust score), `range` and `component` fault, at most 1,000 of a
    kind, feed and day and 10,000 in all; `findings_left_out` says how many more there are. `freshness` compares each
    feed's newest interval with its target, at the time of `as_of`. At most 31 market days.
    """
    access.demand_iso(iso)
    found = judge(platform, view, QualityQuestion(iso, start, end, dataset, feed), as_of)
    return {
        "items": found.days,
        "findings": found.findings,
        "findings_left_out": found.findings_left_out,
        "freshness": freshness(platform, view, iso, as_of),
    }


@router.get("/days", operation_id="list_quality_days", **listed(DAY_SCHEMA))
def list_quality_days(
    listing: ListingOf,
    platform: PlatformOf,
    view: ViewOf,
    access: AccessOf,
    iso: IsoParameter = None,
    dataset: DailyDataset = None,
    feed: NameParameter = None,
    first_day: Annotated[date | None, Query(description="first market day", examples=["2026-01-30"])] = None,
    end_day: Annotated[date | None, Query(description="market days before this", examples=["2026-02-28"])] = None,
) -> Response:
    """Market days of feeds, newest first: which intervals publications span, and what was quarantined.

    It is made of the log's events, so that years are listed at once; what is in the rows is `GET /v1/quality`'s.
    """
    if iso:
        access.demand_iso(iso, listing.format)
    entitled = access.entitled(listing.format)
    isos = [iso] if iso else entitled
    wanted = DayFilter(isos, dataset, feed, first_day, end_day)
    now_utc = judged_at(platform, listing.as_of)
    return listing.answer(
        DAY_SCHEMA,
        ["quality"],
        lambda page: quality_days(view.pool, wanted, fetched_feeds(platform), now_utc=now_utc, request=page),
        narrowed=entitled is not None,
    )
