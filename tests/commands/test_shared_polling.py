"""Two workers poll the same feeds: each is asked for by one of them, and no source by both at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from commands.feeds import FeedRun
from commands.message import Tools
from commands.running_feeds import FeedDefinition, Feeds, FeedState
from commands.shared_polling import SharedPoller, note_feeds
from infra.clock import Clock
from infra.event_recorder import Pool
from infra.postgres import open_pool
from infra.turns import Turns
from tests.e2e.program import wait_until

HOUR = timedelta(hours=1)
SOURCES = ("one", "two")


class Asked:
    """What the sources are asked, by whichever worker."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()
        self.at_once: Counter[str] = Counter()
        self.most_at_once = 0
        self._lock = threading.Lock()

    @contextmanager
    def ask(self, feed: FeedDefinition) -> Iterator[None]:
        with self._lock:
            self.times[feed.id] += 1
            self.at_once[feed.source] += 1
            self.most_at_once = max(self.most_at_once, self.at_once[feed.source])
        yield
        with self._lock:
            self.at_once[feed.source] -= 1


class FeedsOfWorker:
    """Stands for the feeds of one process."""

    def __init__(self, asked: Asked) -> None:
        self.definitions = tuple(
            FeedDefinition(
                f"{source}/{n}", "ISO", str(n), "", "prices", "DA", "feed", source, "https://source.test", "",
                24 * HOUR, HOUR, HOUR,
            )
            for source in SOURCES for n in range(5)
        )  # fmt: skip
        self._asked = asked
        self.ran = 0

    def recent(self, feed_id: str, now_utc: datetime) -> tuple[datetime, datetime]:
        return now_utc - HOUR, now_utc

    def run(self, feed_id: str, *_: object, **__: object) -> FeedRun:
        with self._asked.ask(next(feed for feed in self.definitions if feed.id == feed_id)):
            time.sleep(0.05)
        self.ran += 1
        return FeedRun()

    def state(self, feed_id: str) -> FeedState:
        return FeedState(last_run_at=datetime(2026, 3, 2, tzinfo=UTC))

    def mark_polled(self, feed_id: str) -> None:
        pass

    def stop(self) -> None:
        pass


class NoTools:
    platform_tenant = "local"


def worker(pool: Pool, asked: Asked) -> tuple[SharedPoller, FeedsOfWorker]:
    feeds = FeedsOfWorker(asked)
    turns = Turns(pool)
    note_feeds(cast(Feeds, feeds), turns)
    tools, dispatch = cast(Tools, NoTools()), cast(Any, None)
    return SharedPoller(cast(Feeds, feeds), tools, dispatch, feeds.definitions, Clock(), turns), feeds


def test_two_workers_ask_for_each_feed_once_and_share_the_work(pool: Pool, dsn: str) -> None:
    other_pool, asked = open_pool(dsn), Asked()
    workers = [worker(each, asked) for each in (pool, other_pool)]
    try:
        for poller, _ in workers:
            poller.start()
        wait_until(lambda: len(asked.times) == 10)
        time.sleep(0.5)  # for one that would ask again
    finally:
        for poller, _ in workers:
            poller.stop()
        other_pool.close()
    assert set(asked.times.values()) == {1}
    assert len(asked.times) == 10
    assert asked.most_at_once == 1
    assert Turns(pool).states()["one/0"]["last_run_at"] == "2026-03-02 00:00:00+00:00"
