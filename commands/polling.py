"""Fetching feeds by their cadence, in the background: a thread a source, so that a slow one holds up no other.

What comes out every hour or more often is asked for soon after the mark of its cadence on the clock, and some more
times where it is not there yet and ought to be fresh, or where something went wrong. Feeds that come out seldom are
asked once a cadence, and some more times where something went wrong.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import uuid4

from commands.feeds import Dispatch, FeedRun
from commands.message import Caller, Tools
from commands.running_feeds import STOP_PATIENCE_S, FeedDefinition, FeedError, Feeds, Stopped
from infra.clock import Clock

logger = logging.getLogger(__name__)

ALL = "all"
ACTOR = "feed-poller"

LONGEST_MARKED = timedelta(hours=1)
AFTER_THE_MARK = timedelta(seconds=65)
# A feed is asked again for what is late where its freshness target leaves no time to wait for the next mark.
_CADENCES_OF_PROMPT = 2
_ASKED_AGAIN_AFTER = timedelta(seconds=20)
_AGAIN_PER_CADENCE = 10


def next_poll(feed: FeedDefinition, run: FeedRun | None, now_utc: datetime) -> datetime:
    """When a feed is due again after `run` (None: it broke off), which is over by now."""
    again = now_utc + max(_ASKED_AGAIN_AFTER, feed.cadence / _AGAIN_PER_CADENCE)
    went_wrong = run is not None and bool(run.passing or run.damaged)
    if feed.cadence > LONGEST_MARKED:  # a day that a source will never have must not be asked for all day long
        return again if went_wrong else now_utc + feed.cadence
    since_mark = timedelta(seconds=now_utc.timestamp() % feed.cadence.total_seconds())
    mark = now_utc - since_mark
    if since_mark < AFTER_THE_MARK:
        return mark + AFTER_THE_MARK
    was_absent = run is not None and run.absent > 0
    if since_mark < feed.cadence / 2 and (went_wrong or was_absent or _is_missed(feed, run, mark)):
        return again
    return mark + feed.cadence + AFTER_THE_MARK


def _is_missed(feed: FeedDefinition, run: FeedRun | None, mark: datetime) -> bool:
    """Whether what ended at the mark was not there and cannot wait, or its file was not there at all."""
    if run is None or (run.newest_interval_end_utc is not None and run.newest_interval_end_utc >= mark):
        return False
    return run.awaited > 0 or feed.freshness_target <= _CADENCES_OF_PROMPT * feed.cadence


class SourceThreads:
    """Polls feeds in a thread a source, until it is stopped; how, `_poll` says."""

    def __init__(
        self, feeds: Feeds, tools: Tools, dispatch: Dispatch, polled: Sequence[FeedDefinition], clock: Clock
    ) -> None:
        self._feeds = feeds
        self._clock = clock
        self._tools = tools
        self._dispatch = dispatch
        self._stop = threading.Event()
        self.feed_ids = tuple(feed.id for feed in polled)
        ordered = sorted(polled, key=lambda feed: (feed.source, feed.cadence))
        by_source = groupby(ordered, key=lambda feed: feed.source)
        self._threads = [
            threading.Thread(target=self._poll, args=(list(group),), name=f"poll-{source}", daemon=True)
            for source, group in by_source
        ]

    def start(self) -> None:
        for feed_id in self.feed_ids:
            self._feeds.mark_polled(feed_id)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns once the requests at hand are over; what they brought is on record."""
        self._stop.set()
        self._feeds.stop()
        for thread in self._threads:
            thread.join(STOP_PATIENCE_S)

    def _poll(self, feeds: Sequence[FeedDefinition]) -> None:
        """The feeds of one source, the most frequent first, until `_stop` is set."""
        raise NotImplementedError


class Poller(SourceThreads):
    """Runs feeds over their recent stretch, each by its cadence; the first time at once, the most frequent first."""

    def _poll(self, feeds: Sequence[FeedDefinition]) -> None:
        due: dict[str, datetime] = {feed.id: self._clock.now() for feed in feeds}
        by_id = {feed.id: feed for feed in feeds}
        while not self._stop.is_set():
            feed_id = min(due, key=lambda each: due[each])
            wait_s = self._clock.wall_seconds((due[feed_id] - self._clock.now()).total_seconds())
            if self._stop.wait(max(0.0, wait_s)):
                return
            run = run_recent(self._feeds, feed_id, self._tools, self._dispatch, self._clock)
            due[feed_id] = next_poll(by_id[feed_id], run, self._clock.now())


def run_recent(feeds: Feeds, feed_id: str, tools: Tools, dispatch: Dispatch, clock: Clock) -> FeedRun | None:
    """Runs a feed over its recent stretch. A run that fails is logged and shown in the feed's state; None where it
    broke off.
    """
    ids = uuid4()
    try:
        start_utc, end_utc = feeds.recent(feed_id, clock.now())
        run = feeds.run(
            feed_id,
            start_utc,
            end_utc,
            tools=tools,
            dispatch=dispatch,
            caller=Caller(tools.platform_tenant, ACTOR, ids, ids, ids),
            progress=lambda _, __: None,
        )
    except Stopped:
        return None
    except FeedError as error:
        logger.warning("polling %s: %s", feed_id, error.message)
        return None
    except Exception:
        logger.exception("polling %s failed", feed_id)
        return None
    for failed in run.failed:
        logger.warning("polling %s: %s", feed_id, failed["reason"])
    return run


def chosen_feeds(feeds: Feeds, wanted: Sequence[str]) -> list[FeedDefinition]:
    """The feeds of these ids, or all of them. Raises FeedError naming an id that is none."""
    known = {feed.id: feed for feed in feeds.definitions}
    for feed_id in wanted:
        if feed_id != ALL and feed_id not in known:
            raise FeedError(f"There is no feed {feed_id}.", "`carbon254 feeds list` names them.")
    return list(known.values()) if ALL in wanted else [known[feed_id] for feed_id in dict.fromkeys(wanted)]


def start_polling(feeds: Feeds, tools: Tools, dispatch: Dispatch, wanted: Sequence[str], clock: Clock) -> Poller:
    """Polls the feeds of these ids, or all of them, by `clock`. Raises FeedError naming an id that is none."""
    poller = Poller(feeds, tools, dispatch, chosen_feeds(feeds, wanted), clock)
    poller.start()
    return poller
