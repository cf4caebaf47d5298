"""Fetching feeds by their cadence, in the background: a thread a source, so that a slow one holds up no other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from uuid import uuid4

from commands.feeds import Dispatch
from commands.message import Caller, Tools
from commands.running_feeds import STOP_PATIENCE_S, FeedDefinition, FeedError, Feeds, Stopped

logger = logging.getLogger(__name__)

ALL = "all"
ACTOR = "feed-poller"


class Poller:
    """Runs feeds over their recent stretch, each once a cadence; the first time at once."""

    def __init__(self, feeds: Feeds, tools: Tools, dispatch: Dispatch, polled: Sequence[FeedDefinition]) -> None:
        self._feeds = feeds
        self._tools = tools
        self._dispatch = dispatch
        self._stop = threading.Event()
        self.feed_ids = tuple(feed.id for feed in polled)
        by_source = groupby(sorted(polled, key=lambda feed: feed.source), key=lambda feed: feed.source)
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
        due: dict[str, datetime] = {feed.id: self._tools.now() for feed in feeds}
        cadences = {feed.id: feed.cadence for feed in feeds}
        while not self._stop.is_set():
            feed_id = min(due, key=lambda each: due[each])
            if self._stop.wait(max(0.0, (due[feed_id] - self._tools.now()).total_seconds())):
                return
            due[feed_id] = self._tools.now() + cadences[feed_id]
            self._run(feed_id)

    def _run(self, feed_id: str) -> None:
        """A run that fails is logged and shown in the feed's state; the next one comes a cadence later."""
        ids = uuid4()
        try:
            start_utc, end_utc = self._feeds.recent(feed_id, self._tools.now())
            run = self._feeds.run(
                feed_id,
                start_utc,
                end_utc,
                tools=self._tools,
                dispatch=self._dispatch,
                caller=Caller(self._tools.platform_tenant, ACTOR, ids, ids, ids),
                progress=lambda _, __: None,
            )
        except Stopped:
            return
        except FeedError as error:
            logger.warning("polling %s: %s", feed_id, error.message)
        except Exception:
            logger.exception("polling %s failed", feed_id)
        else:
            for failed in run.failed:
                logger.warning("polling %s: %s", feed_id, failed["reason"])


def start_polling(feeds: Feeds, tools: Tools, dispatch: Dispatch, wanted: Sequence[str]) -> Poller:
    """Polls the feeds of these ids, or all of them. Raises FeedError naming an id that is none."""
    known = {feed.id: feed for feed in feeds.definitions}
    for feed_id in wanted:
        if feed_id != ALL and feed_id not in known:
            raise FeedError(f"There is no feed {feed_id}.", "`carbon254 feeds list` names them.")
    chosen = known.values() if ALL in wanted else [known[feed_id] for feed_id in dict.fromkeys(wanted)]
    poller = Poller(feeds, tools, dispatch, list(chosen))
    poller.start()
    return poller
