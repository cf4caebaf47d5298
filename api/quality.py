"""What REST and GraphQL ask about quality alike: which feeds are judged, from when, and by which targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from api.platform import Platform
from api.problems import Problem
from api.rest.knowledge import AsOf, judged_at, known_at
from commands.running_feeds import FeedDefinition
from queries.freshness import newest_answers, newest_publications
from queries.publications import superseded_readings
from queries.quality import NO_TARGET, FeedToJudge, Quality, quality
from queries.quality_checks import CHECKS
from queries.quality_days import FeedKey, Fetched
from queries.relational import Row
from queries.view import ReadView

MOST_DAYS = 31


@dataclass(frozen=True)
class QualityQuestion:
    """The market days [start, end) of an ISO, of one dataset or feed where these are given.

    Raises Problem for more than a month.
    """

    iso: str
    start: date
    end: date
    dataset: str | None = None
    feed: str | None = None

    def __post_init__(self) -> None:
        if not self.start < self.end <= self.start + timedelta(days=MOST_DAYS):
            raise Problem(
                400,
                f"end: {self.end} is not 1 to {MOST_DAYS} days after the start, {self.start}",
                remedy="Ask for fewer days.",
            )
        if self.dataset is not None and self.dataset not in CHECKS:
            judged = ", ".join(CHECKS)
            raise Problem(400, f"dataset: {self.dataset} has no market days", remedy=f"Ask for one of {judged}.")

    @property
    def days(self) -> list[date]:
        return [self.start + timedelta(days=number) for number in range((self.end - self.start).days)]


def judge(platform: Platform, view: ReadView, asked: QualityQuestion, as_of: AsOf) -> Quality:
    """The quality of the days asked for, as it was known and due then."""
    datasets = [asked.dataset] if asked.dataset else list(CHECKS)
    known = known_at(view, (*datasets, "publications"), as_of).position
    targets = {fetched.key: fetched.target for fetched in fetched_feeds(platform).values()}
    feeds = [
        FeedToJudge(
            row["dataset"], row["feed"], row["market"], row["first_interval_start_utc"],
            targets.get(FeedKey(asked.iso, row["dataset"], row["market"], row["feed"]), NO_TARGET),
        )
        for row in newest_publications(view.pool, asked.iso, known)
        if row["dataset"] in datasets and asked.feed in (None, row["feed"])
    ]  # fmt: skip
    return quality(
        view.clickhouse, asked.iso, asked.days, feeds,
        now_utc=judged_at(platform, as_of), through_position=known, superseded=superseded_readings(view.pool, known),
    )  # fmt: skip


def fetched_feeds(platform: Platform) -> Mapping[str, Fetched]:
    """Every feed by its id. Of those whose rows bear one name each has the shortest target of them all."""
    shortest: dict[FeedKey, timedelta] = {}
    for feed in platform.feeds.definitions:
        shortest[_key(feed)] = min(feed.freshness_target, shortest.get(_key(feed), feed.freshness_target))
    return {feed.id: Fetched(_key(feed), shortest[_key(feed)]) for feed in platform.feeds.definitions}


def _key(feed: FeedDefinition) -> FeedKey:
    return FeedKey(feed.iso, feed.dataset, feed.market, feed.rows_feed)


def freshness(platform: Platform, view: ReadView, iso: str, as_of: AsOf) -> list[Row]:
    """Of each feed of an ISO that came: its newest interval beside its target, at the moment asked for.

    Feeds that are fetched are told by their id, and judged by their own target; what only came in files is told by the
    feed that its rows bear, and judged by the shortest target of the feeds that bring such rows, if there are any.
    """
    now_utc = judged_at(platform, as_of)
    position = known_at(view, ("quality", "publications"), as_of).position
    definitions = {feed.id: feed for feed in platform.feeds.definitions if feed.iso == iso}
    answers = newest_answers(view.pool, list(definitions), position)
    found = [
        _fresh(feed_id, "fetch", answers[feed_id], definition, now_utc)
        for feed_id, definition in definitions.items()
        if feed_id in answers and answers[feed_id]["newest_interval_end_utc"] is not None
    ]
    fetched = {_key(definitions[feed_id]) for feed_id in answers}
    found += _from_files(iso, newest_publications(view.pool, iso, position), fetched, definitions.values(), now_utc)
    return found


def _from_files(
    iso: str, publications: Sequence[Row], fetched: set[FeedKey], definitions: Any, now_utc: datetime
) -> Iterator[Row]:
    for row in publications:
        key = FeedKey(iso, row["dataset"], row["market"], row["feed"])
        if key not in fetched and key.dataset != "places":
            bringing = [feed for feed in definitions if _key(feed) == key]
            definition = min(bringing, key=lambda feed: feed.freshness_target, default=None)
            yield _fresh(f"{iso.lower()}/{key.feed}", "files", row, definition, now_utc)


def _fresh(feed: str, arrives_by: str, newest: Row, definition: FeedDefinition | None, now_utc: datetime) -> Row:
    newest_end = newest["newest_interval_end_utc"]
    row = {
        "feed": feed, "arrives_by": arrives_by, "newest_interval_end_utc": newest_end,
        "last_arrival_at": newest["last_arrival_at"], "cadence_s": None, "freshness_target_s": None, "is_fresh": None,
        "late_by_s": None, "missed_cadences": None,
    }  # fmt: skip
    if definition is None:
        return row
    late = max(now_utc - newest_end - definition.freshness_target, timedelta(0))
    # A feed that is late by less than its cadence has missed one file or answer.
    return row | {
        "cadence_s": definition.cadence.total_seconds(),
        "freshness_target_s": definition.freshness_target.total_seconds(),
        "is_fresh": not late,
        "late_by_s": late.total_seconds(),
        "missed_cadences": -(-late // definition.cadence),
    }
