"""The feeds of a platform: what they are, how they fare, and running them side by side without asking twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commands.feeds import Dispatch, FeedRun, Progress, run_feed
from commands.message import Caller, Tools
from infra.clock import Clock
from infra.errors import PlatformError
from infra.urls import is_loopback
from integrations.isos.feed_registry import ROWS_UNDER
from integrations.isos.feeds import AgedOut, Feed, Request
from integrations.isos.http import Fetched, Fetcher, Validators

# A request that is being sent may take as long as its timeout, which nobody waits for at the end of a program.
STOP_PATIENCE_S = 10.0


class FeedError(PlatformError):
    """A feed cannot be run as asked."""


@dataclass(frozen=True)
class FeedDefinition:
    """What a feed is, for those who only look. `id` is `iso/name` in small letters; `source` names who is asked.

    `asked_at` is where: the operator's own address, or what was set instead, such as a simulator. `rows_feed` is the
    feed that its rows bear.
    """

    id: str
    iso: str
    name: str
    title: str
    dataset: str
    market: str
    rows_feed: str
    source: str
    asked_at: str
    licence: str
    cadence: timedelta
    freshness_target: timedelta
    settled_after: timedelta


@dataclass(frozen=True)
class FeedState:
    """How a feed has fared since the platform was opened. `failing_since` is None once a run went well again."""

    last_run_at: datetime | None = None
    last_good_run_at: datetime | None = None
    failing_since: datetime | None = None
    last_failure: str | None = None
    is_polled: bool = False


# A poll asks for what may have changed, but for a feed of every five minutes not for all of a week each time.
POLLED_CADENCES = 12
# An outage that lasted longer is for somebody to make up who knows what to ask of the source.
MOST_MADE_UP = timedelta(days=7)
_DAY = timedelta(days=1)


NewestInterval = Callable[[str], datetime | None]
"""Where the newest interval that is on record of a feed ends; None where nothing is. May lag behind the log."""


class Feeds:
    """Runs feeds over one `Fetcher`, whose pacing they share. Safe to use from any thread; close it.

    `base_urls` are the addresses, by source, that are asked instead of the sources' own. `is_simulated` says that the
    platform keeps simulated markets: then no operator is asked, only what is set instead and is on this machine.
    """

    def __init__(
        self,
        feeds: Mapping[str, Feed],
        fetcher: Fetcher,
        stopping: Stopping,
        newest_interval_end: NewestInterval,
        base_urls: Mapping[str, str] | None = None,
        *,
        is_simulated: bool = False,
    ) -> None:
        self._feeds = feeds
        self._fetcher = fetcher
        self._stopping = stopping
        self._newest_interval_end = newest_interval_end
        self._base_urls = base_urls or {}
        self._is_simulated = is_simulated
        self._states = {feed_id: FeedState() for feed_id in feeds}
        self._running: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    @property
    def definitions(self) -> tuple[FeedDefinition, ...]:
        """All feeds, by id."""
        return tuple(self._definition(self._feeds[feed_id]) for feed_id in sorted(self._feeds))

    def _definition(self, feed: Feed) -> FeedDefinition:
        asked_at = self._base_urls.get(feed.source.name, feed.source.base_url)
        return FeedDefinition(
            id=feed.id, iso=feed.iso, name=feed.name, title=feed.title, dataset=feed.dataset, market=feed.market,
            rows_feed=ROWS_UNDER.get(feed.id, feed.name), source=feed.source.name, asked_at=asked_at,
            licence=feed.licence, cadence=feed.cadence, freshness_target=feed.freshness_target,
            settled_after=feed.settled_after,
        )  # fmt: skip

    def state(self, feed_id: str) -> FeedState:
        with self._lock:
            return self._states[feed_id]

    def recent(self, feed_id: str, now_utc: datetime) -> tuple[datetime, datetime]:
        """The stretch that may hold something new: until it is settled, and at most twelve cadences; and before that
        what was missed since the last good run, or before the platform was opened since the newest interval on record.

        What is made up is a week at most, and only what the source still serves. The stretch of a day-ahead market
        reaches to tomorrow.
        """
        feed = self._feeds[feed_id]
        may_change_from = now_utc - min(POLLED_CADENCES * feed.cadence, max(feed.settled_after, feed.cadence))
        last = self.state(feed_id).last_good_run_at or self._newest_interval_end(feed_id)
        missed = min(now_utc - last, MOST_MADE_UP) if last else timedelta(0)
        start_utc = may_change_from - max(missed, timedelta(0))
        while start_utc < may_change_from and not _serves(feed, start_utc, now_utc):
            start_utc = min(start_utc + _DAY, may_change_from)
        return start_utc, now_utc + (_DAY if feed.market == "DA" else timedelta(0))

    def stop(self) -> None:
        """Ends what runs, soon, and lets nothing begin."""
        self._stopping.stop()

    def mark_polled(self, feed_id: str) -> None:
        with self._lock:
            self._states[feed_id] = replace(self._states[feed_id], is_polled=True)

    def run(
        self,
        feed_id: str,
        start_utc: datetime,
        end_utc: datetime,
        *,
        tools: Tools,
        dispatch: Dispatch,
        caller: Caller,
        progress: Progress,
    ) -> FeedRun:
        """As `run_feed`. Raises FeedError: for a feed that runs already, and where the source has too little."""
        feed = self._feeds[feed_id]
        self._refuse_mixing(feed)
        with self._alone(feed_id):
            started = tools.now()
            try:
                run = run_feed(
                    feed, start_utc, end_utc, tools=tools, dispatch=dispatch, fetch=self._fetch, caller=caller,
                    progress=progress, asked_at=self._base_urls.get(feed.source.name),
                )  # fmt: skip
            except AgedOut as error:
                raise FeedError(str(error), "Ask for a later start.") from error
            except Stopped:
                raise
            except Exception as error:
                self._note(feed_id, started, f"{type(error).__name__}: {error}")
                raise
            self._note(feed_id, started, run.failed[-1]["reason"] if run.failed else None)
            return run

    def _refuse_mixing(self, feed: Feed) -> None:
        asked_at = self._base_urls.get(feed.source.name, feed.source.base_url)
        if self._is_simulated and not is_loopback(asked_at):
            raise FeedError(
                f"The data folder holds simulated markets, with which nothing from {asked_at} is mixed.",
                "Start the server with --simulated, or name another folder in CARBON254_HOME.",
            )

    def close(self) -> None:
        """Ends what runs after the request at hand, and lets go of the connections."""
        self.stop()
        with self._lock:
            running = list(self._running.values())
        for done in running:
            done.wait(STOP_PATIENCE_S)
        self._fetcher.close()

    def _fetch(self, feed: Feed, request: Request, known: Validators) -> Fetched:
        self._stopping.check()
        return self._fetcher.fetch(feed.source, request, known)

    @contextmanager
    def _alone(self, feed_id: str) -> Iterator[None]:
        """Two runs of a feed at once would ask for the same twice."""
        with self._lock:
            self._stopping.check()
            if feed_id in self._running:
                raise FeedError(f"The feed {feed_id} is being run already.", "Wait until that run is over.")
            done = self._running[feed_id] = threading.Event()
        try:
            yield
        finally:
            with self._lock:
                del self._running[feed_id]
            done.set()

    def _note(self, feed_id: str, started: datetime, failure: str | None) -> None:
        with self._lock:
            state = self._states[feed_id]
            if failure is None:
                noted = replace(state, last_run_at=started, last_good_run_at=started, failing_since=None)
            else:
                since = state.failing_since or started
                noted = replace(state, last_run_at=started, failing_since=since, last_failure=failure)
            self._states[feed_id] = noted


class Stopped(PlatformError):
    """The platform closes in the midst of a run."""


class Stopping:
    """Says that the platform closes. Its `sleep`, by `clock`, is the Fetcher's, so that no wait outlasts that."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._stop = threading.Event()
        self._clock = clock or Clock()

    def stop(self) -> None:
        self._stop.set()

    def sleep(self, seconds: float) -> None:
        """Raises Stopped."""
        self._stop.wait(self._clock.wall_seconds(seconds))
        self.check()

    def check(self) -> None:
        if self._stop.is_set():
            raise Stopped("The platform is being closed.", "Run the feed again: it goes on where it was.")


def _serves(feed: Feed, start_utc: datetime, now_utc: datetime) -> bool:
    try:
        feed.plan(start_utc, now_utc, now_utc)
    except AgedOut:
        return False
    return True
