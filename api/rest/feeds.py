"""`/v1/feeds`: what is published where, how it fares, and fetching it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from api.access import Access
from api.platform import Platform
from api.problems import Problem
from api.rest.dependencies import (
    AccessOf,
    CallerOf,
    EndParameter,
    PlatformOf,
    StartParameter,
    ViewOf,
    moment,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.progress import Report, reporting
from commands.feeds import FeedRun
from commands.permissions import Permission
from commands.running_feeds import FeedDefinition, FeedError
from queries.feeds import fetched_feeds, newest_fetches
from queries.relational import Row

router = APIRouter(prefix="/v1/feeds", tags=["feeds"], dependencies=[Depends(only_known_parameters)])

SHOWN_FETCHES = 50
_NOTHING_FETCHED: Row = {
    "last_fetched_at": None, "newest_interval_end_utc": None, "requests": 0, "bytes_fetched": 0,
}  # fmt: skip


@router.get(
    "", operation_id="list_feeds", dependencies=[needs(Permission.READ_MARKET_DATA), Depends(wait_for_position)]
)
def list_feeds(platform: PlatformOf, view: ViewOf, access: AccessOf) -> dict[str, Any]:
    """Every feed with its cadence, licence, freshness target (seconds), and what was fetched of it.

    `is_fresh` says whether the newest interval is as young as the target asks, null where nothing was fetched;
    `failing_since` since when runs have failed, since the server was started; `asked_at` is the address that is asked,
    the operator's own or another one, such as a simulator's. Failures and addresses are told the platform's own.
    """
    fetched = fetched_feeds(view.pool)
    of_workers = _of_workers(platform)
    return {
        "items": [
            _feed(platform, access, feed, fetched.get(feed.id), of_workers.get(feed.id, {}))
            for feed in platform.feeds.definitions
        ]
    }


@router.get(
    "/{iso}/{name}",
    operation_id="get_feed",
    dependencies=[needs(Permission.READ_MARKET_DATA), Depends(wait_for_position)],
)
def get_feed(iso: str, name: str, platform: PlatformOf, view: ViewOf, access: AccessOf) -> dict[str, Any]:
    """One feed, the `recent` stretch that may hold something new, and its newest requests (`fetches`)."""
    feed = _known(platform, iso, name)
    start_utc, end_utc = platform.feeds.recent(feed.id, platform.clock.now())
    of_workers = _of_workers(platform).get(feed.id, {})
    return _feed(platform, access, feed, fetched_feeds(view.pool).get(feed.id), of_workers) | {
        "recent": {"start_utc": start_utc, "end_utc": end_utc},
        "fetches": newest_fetches(view.pool, feed.id, SHOWN_FETCHES),
    }


@router.post("/{iso}/{name}/run", operation_id="run_feed", dependencies=[needs(Permission.OPERATE)])
def run_feed(
    iso: str,
    name: str,
    platform: PlatformOf,
    caller: CallerOf,
    start: StartParameter,
    end: EndParameter,
) -> StreamingResponse:
    """Fetches what the feed has of [start, end) and is not known yet.

    Answers lines of JSON: `{name, position, of}`, in requests, while it goes on, and last the run's counts with what
    `failed`, or `{problem, remedy}`. Broken off and asked for again, it goes on where it was.
    """
    feed = _known(platform, iso, name)
    start_utc, end_utc = moment(start, "start"), moment(end, "end")
    if start_utc >= end_utc:
        raise Problem(400, f"start: {start} is not before the end, {end}", remedy="Give a start before the end.")

    def run(report: Report) -> dict[str, Any]:
        shown = report(feed.id)

        def progress(run: FeedRun, left: int) -> None:
            shown(run.requests, run.requests + left)

        with _turn(platform, feed):
            done = platform.feeds.run(
                feed.id,
                start_utc,
                end_utc,
                tools=platform.bus.tools,
                dispatch=platform.bus.dispatch,
                caller=caller,
                progress=progress,
            )
        newest = done.newest_interval_end_utc
        return asdict(done) | {"newest_interval_end_utc": newest.isoformat() if newest else None}

    return reporting(run)


@contextmanager
def _turn(platform: Platform, feed: FeedDefinition) -> Iterator[None]:
    """Where workers fetch as well, the feed's source is asked by one process at a time. Raises FeedError."""
    if platform.own_folder:
        yield
        return
    with platform.turns.alone(feed.source) as is_mine:
        if not is_mine:
            raise FeedError(f"The source {feed.source} is being asked by a worker.", "Try again in a moment.")
        yield


def _of_workers(platform: Platform) -> dict[str, dict[str, Any]]:
    """How feeds fare with the workers, where there are any."""
    return {} if platform.own_folder else platform.turns.states()


def _feed(
    platform: Platform, access: Access, feed: FeedDefinition, fetched: Row | None, of_workers: dict[str, Any]
) -> dict[str, Any]:
    state = asdict(platform.feeds.state(feed.id)) | of_workers
    if not access.is_platform:
        state["last_failure"] = None
    is_told = {"asked_at": feed.asked_at if access.is_platform else None}
    found = fetched or _NOTHING_FETCHED
    newest = found["newest_interval_end_utc"]
    spans = {f"{name}_s": getattr(feed, name).total_seconds() for name in _SPANS}
    return {name: value for name, value in asdict(feed).items() if name not in _SPANS} | {
        **is_told,
        **spans,
        **found,
        "is_fresh": is_fresh(newest, feed.freshness_target, platform.clock.now()) if newest else None,
        **state,
    }


_SPANS = ("cadence", "freshness_target", "settled_after")


def is_fresh(newest_interval_end_utc: datetime, target: timedelta, now_utc: datetime) -> bool:
    return now_utc - newest_interval_end_utc <= target


def _known(platform: Platform, iso: str, name: str) -> FeedDefinition:
    wanted = f"{iso}/{name}".lower()
    for feed in platform.feeds.definitions:
        if feed.id == wanted:
            return feed
    raise Problem(404, f"there is no feed {wanted}", remedy="`carbon254 feeds list` names them.")
