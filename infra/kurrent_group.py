"""A group of workers over a log on EventStoreDB: a persistent subscription, which the store keeps and shares out.

Nothing is refused or parked there: an event that a worker could not handle goes back when it joins anew, and one that
nobody can handle is for `handle` to set aside, where whoever looks after the platform finds it.
"""

from __future__ import annotations

import threading

from infra.event_store import EventLog
from infra.groups import Handle, LaneOf
from infra.kurrent_client import AbstractPersistentSubscription, answered
from infra.kurrent_recorder import KurrentRecorder


class KurrentGroup:
    """One worker's place in the group."""

    def __init__(self, name: str, recorder: KurrentRecorder, log: EventLog, lane_of: LaneOf) -> None:
        self.name = name
        self._recorder = recorder
        self._log = log
        self._lane_of = lane_of
        self._has_left = False
        self._given: AbstractPersistentSubscription | None = None
        self._at_hand = threading.Lock()

    def join(self) -> None:
        with self._at_hand:
            self._go()
        given = self._recorder.join_group(self.name)  # may be long in coming: whoever is to leave does not wait for it
        with self._at_hand:
            self._given = given
            if self._has_left:
                self._go()

    def take(self, handle: Handle) -> int:
        """Waits until there is an event that the group wants, or it is to leave."""
        while given := self._given:
            with answered("hand out the events of a group"):
                event = next(given, None)
            with self._at_hand:
                if self._has_left:
                    break
                if event is None:
                    raise ConnectionError("EventStoreDB has ended the persistent subscription")
                recorded = self._log.read_stored(self._recorder.notification(event))
                if is_wanted := self._lane_of(recorded) is not None:
                    handle([recorded])
                given.ack(event)
                if is_wanted:
                    return 1
        return 0

    def leave(self) -> None:
        with self._at_hand:
            self._has_left = True
            self._go()

    def lag(self) -> int:
        return self._recorder.group_lag(self.name)

    def _go(self) -> None:
        """What was given and not acknowledged is given to others."""
        if self._given:
            self._given.stop()
            self._given = None
