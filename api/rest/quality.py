"""`GET /v1/quality`: whether the prices of an ISO's market days are complete, fresh and plausible."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from api.platform import Platform
from api.problems import Problem
from api.rest.dependencies import (
    MARKET_ZONES,
    AccessOf,
    MarketIso,
    PlatformOf,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.feeds import is_fresh
from api.rest.knowledge import AsOf, known_at
from commands.permissions import Permission
from queries.feeds import fetched_feeds
from queries.publications import coverage, superseded_readings
from queries.quality import PriceFeed, price_quality
from queries.relational import Row
from queries.view import ReadView

router = APIRouter(prefix="/v1/quality", tags=["quality"], dependencies=[Depends(only_known_parameters)])

MOST_DAYS = 31


@router.get(
    "",
    operation_id="report_quality",
    dependencies=[needs(Permission.READ_MARKET_DATA), Depends(wait_for_position)],
)
def report_quality(
    platform: PlatformOf,
    view: ViewOf,
    access: AccessOf,
    iso: MarketIso,
    start: Annotated[date, Query(description="first market day", examples=["2026-01-30"])],
    end: Annotated[date, Query(description="the market day after the last", examples=["2026-01-31"])],
) -> dict[str, Any]:
    """Of each price feed and market day: intervals expected and received, completeness, rows that came twice.

    `findings` lists every `gap`, `repeat`, `spike` (robust score), `range` and `component` fault. `freshness` compares
    each fetched feed's newest interval with its target. At most 31 market days.
    """
    access.demand_iso(iso)
    if not start < end <= start + timedelta(days=MOST_DAYS):
        raise Problem(
            400, f"end: {end} is not 1 to {MOST_DAYS} days after the start, {start}", remedy="Ask for fewer days."
        )
    known = known_at(view, ("prices", "publications"), AsOf()).position
    found = price_quality(
        view.clickhouse,
        iso,
        [start + timedelta(days=number) for number in range((end - start).days)],
        ZoneInfo(MARKET_ZONES[iso]),
        _price_feeds(view, iso),
        now_utc=platform.clock.now(),
        through_position=known,
        superseded=superseded_readings(view.pool, known),
    )
    return {"items": found.days, "findings": found.findings, "freshness": _freshness(platform, view, iso)}


def _price_feeds(view: ReadView, iso: str) -> list[PriceFeed]:
    return [
        PriceFeed(row["feed"], row["market"], row["first_interval_start_utc"])
        for row in coverage(view.pool, iso=iso).items
        if row["dataset"] == "prices"
    ]


def _freshness(platform: Platform, view: ReadView, iso: str) -> list[Row]:
    fetched = fetched_feeds(view.pool)
    return [
        {
            "feed": feed.id,
            "newest_interval_end_utc": newest,
            "freshness_target_s": feed.freshness_target.total_seconds(),
            "is_fresh": is_fresh(newest, feed.freshness_target, platform.clock.now()),
        }
        for feed in platform.feeds.definitions
        if feed.iso == iso and (newest := fetched.get(feed.id, {}).get("newest_interval_end_utc"))
    ]
