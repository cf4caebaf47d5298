"""Polling by several processes: each feed is due for all of them, and whoever has the turn of its source asks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict

from commands.feeds import Dispatch
from commands.message import Tools
from commands.polling import SourceThreads, chosen_feeds, next_poll, run_recent
from commands.running_feeds import FeedDefinition, Feeds
from infra.clock import Clock
from infra.turns import Task, Turns

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


class SharedPoller(SourceThreads):
    """As `Poller`, where other processes poll the same feeds: the threads take turns with theirs."""

    def __init__(
        self, feeds: Feeds, tools: Tools, dispatch: Dispatch, polled: Sequence[FeedDefinition], clock: Clock,
        turns: Turns,
    ) -> None:  # fmt: skip
        super().__init__(feeds, tools, dispatch, polled, clock)
        self._by_id = {feed.id: feed for feed in polled}
        self._turns = turns

    def _poll(self, feeds: Sequence[FeedDefinition]) -> None:
        source, feed_ids = feeds[0].source, [feed.id for feed in feeds]
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
