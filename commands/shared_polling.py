"""Polling by several processes: each feed is due for all of them, and whoever has the turn of its source asks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from commands.feeds import Dispatch
from commands.message import Tools
from commands.polling import chosen_feeds, next_poll, run_recent
from commands.running_feeds import STOP_PATIENCE_S, FeedDefinition, Feeds
from infra.clock import Clock
from infra.turns import Task, Turns

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


class SharedPoller:
    """As `Poller`, where other processes poll the same feeds: a thread a source, which takes turns with theirs."""

    def __init__(
        self, feeds: Feeds, tools: Tools, dispatch: Dispatch, polled: Sequence[FeedDefinition], clock: Clock,
        turns: Turns,
    ) -> None:  # fmt: skip
        self._feeds = feeds
        self._tools = tools
        self._dispatch = dispatch
        self._by_id = {feed.id: feed for feed in polled}
        self._clock = clock
        self._turns = turns
        self._stop = threading.Event()
        self.feed_ids = tuple(self._by_id)
        by_source = groupby(sorted(polled, key=lambda feed: feed.source), key=lambda feed: feed.source)
        self._threads = [
            threading.Thread(
                target=self._poll, args=(source, [feed.id for feed in group]), name=f"poll-{source}", daemon=True
            )
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

    def _poll(self, source: str, feed_ids: Sequence[str]) -> None:
        while not self._stop.is_set():
            try:
                did_something = self._take_turn(source, feed_ids)
            except Exception:  # whatever it meets, the thread must live to try it again
                logger.exception("polling %s: no turn can be taken", source)
                did_something = False
            if not did_something:
                self._stop.wait(LOOK_EVERY_S)

    def _take_turn(self, source: str, feed_ids: Sequence[str]) -> bool:
        with self._turns.take(source, feed_ids, self._clock.now()) as turn:
            if turn is None:
                return False
            run = run_recent(self._feeds, turn.name, self._tools, self._dispatch, self._clock)
            if self._stop.is_set():
                return False  # broken off: another process does it, at once
            turn.due_at = next_poll(self._by_id[turn.name], run, self._clock.now())
            turn.state = asdict(self._feeds.state(turn.name))
        return True


def note_feeds(feeds: Feeds, turns: Turns) -> None:
    """Makes sure that there are turns of every feed."""
    turns.prepare(Task(feed.id, feed.source, feed.cadence.total_seconds()) for feed in feeds.definitions)


def start_shared_polling(
    feeds: Feeds, tools: Tools, dispatch: Dispatch, wanted: Sequence[str], clock: Clock, turns: Turns
) -> SharedPoller:
    """As `start_polling`. Raises FeedError naming an id that is none."""
    poller = SharedPoller(feeds, tools, dispatch, chosen_feeds(feeds, wanted), clock, turns)
    poller.start()
    return poller
