"""Workers that share the events of the log as a group, by what the log's own engine has for that.

At least once: an event is acknowledged when it has been handled, so that what a worker had begun when it was killed is
given to another one. What must be in order is in one lane: on PostgreSQL one worker at a time has a lane; EventStoreDB
gives the events of a stream to the same worker as long as the group stays as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from infra.event_mapper import RecordedEvent
from infra.workers import Worker

Handle = Callable[[Sequence[RecordedEvent]], None]
IsEnding = Callable[[], bool]
LaneOf = Callable[[RecordedEvent], str | None]
"""What an event must be in order with; None for an event that the group does not want."""

# An event that another process appends is found within this time, where the engine does not push it.
POLL_S = 0.25


class Group(Protocol):
    """One worker's place in a group of that name."""

    name: str

    def join(self) -> None:
        """Takes part; again, too, where it did before. Of a group that is not there yet the first event is the next."""

    def take(self, handle: Handle) -> int:
        """Has the next events of one lane handled, and acknowledges them; returns how many, 0 where none waits.

        What `handle` raises is raised, and the events are given again, to this worker once it has joined anew or to
        another one.
        """

    def leave(self) -> None:
        """Returns when the events at hand are done, and no more are taken. From any thread."""

    def lag(self) -> int:
        """How many events the group has not acknowledged yet, as far as the engine tells."""


class GroupWorker(Worker):
    """Takes what a group hands out, and counts the events. `begin` is called each time it has joined, with what tells
    whether the worker is to end, so that it need not be waited for.
    """

    def __init__(self, group: Group, begin: Callable[[IsEnding], None], handle: Handle) -> None:
        super().__init__(group.name)
        self._group = group
        self._begin = begin
        self._handle = handle
        self._has_joined = False
        self._at_work = threading.Lock()

    def stop(self) -> None:
        """Ends the events at hand, acknowledges them, and leaves the group, so that others have the rest at once.

        Does not wait for an engine that is long in letting it join: its thread is left behind then, and does nothing.
        """
        self._stop.set()
        self._group.leave()
        with self._at_work:
            pass

    @property
    def lag(self) -> int:
        return self._group.lag() if self._has_joined else 0

    def _work(self) -> None:
        self._group.join()
        self._has_joined = True
        self.failure = None
        with self._at_work:
            if not self._stop.is_set():
                self._begin(self._stop.is_set)
            while not self._stop.is_set():
                if taken := self._group.take(self._handle):
                    self.handled += taken
                else:
                    self._stop.wait(POLL_S)
