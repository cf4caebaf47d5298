"""Every feed of the registry runs against the simulator, unchanged but for the base URL, and ends in ingested rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from api.platform import Platform
from commands.feeds import FeedRun
from commands.running_feeds import FeedError
from integrations.isos.feed_registry import FEEDS, ROWS_UNDER
from integrations.isos.feeds import Feed
from read_models.series import DATASETS
from tests.integrations_simulator.markets import BASE, Fetching, SteppedClock, client_of, world

NOW = datetime(2026, 1, 13, 16, 2, tzinfo=UTC)
"""In January histories of a year are short, and the adders of the year before still in force seven weeks ago."""

AGES = [timedelta(hours=hours) for hours in (1, 30, 5 * 24, 9 * 24, 23 * 24, 41 * 24, 62 * 24, 400 * 24)]
"""How old the newest hour may be that a feed has something of."""


@pytest.fixture(scope="module")
def fetching(platform: Platform) -> Iterator[Fetching]:
    clock = SteppedClock(NOW)
    exchange = world(clock)
    base_urls = {source: f"{BASE}/{source}" for source in exchange.sources}
    with client_of(exchange) as client:
        opened = Fetching.of(platform, clock, base_urls=base_urls, client=client)
        yield opened
        opened.feeds.close()


def newest(fetching: Fetching, feed: Feed) -> FeedRun | None:
    """The run for the newest hour that the feed has something of; of lists, for the newest week."""
    length = feed.cadence if feed.dataset == "places" else timedelta(hours=1)
    for age in AGES:
        start = fetching.clock.now() - max(age, length)
        try:
            run = fetching.run(feed.id, start, start + length)
        except FeedError:  # the source has nothing that old
            continue
        if run.publications or run.quarantined:
            return run
    return None


def rows_of(platform: Platform, feed: Feed) -> int:
    table = DATASETS[feed.dataset].table if feed.dataset in DATASETS else "market_price_ticks"
    (row,) = platform.clickhouse.query_arrow(
        f"SELECT count() AS rows FROM ch.{table} WHERE iso = {{iso:String}} AND feed = {{feed:String}}",
        {"iso": feed.iso, "feed": ROWS_UNDER.get(feed.id, feed.name)},
    ).to_pylist()
    return int(row["rows"])


def test_every_feed_ends_in_ingested_rows(fetching: Fetching) -> None:
    runs = {feed.id: newest(fetching, feed) for feed in FEEDS.values()}
    assert [feed_id for feed_id, run in runs.items() if run is None] == [], "nothing came of these"
    spoilt = {feed_id: run for feed_id, run in runs.items() if run and (run.quarantined or run.troubles or run.failed)}
    assert spoilt == {}
    fetching.platform.settled_position()
    assert [feed.id for feed in FEEDS.values() if not rows_of(fetching.platform, feed)] == [], "these have no row"
