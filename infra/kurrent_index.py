"""What EventStoreDB cannot say of a log without reading it: how many events, where the n-th stands, what was when.

A process reads the log once for it and then only what is new. It keeps where every 500th event stands, and looks up
the few around a place when it is asked for one: some 100 bytes for 500 events.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from infra.recorder import LoggedNotification

EVERY = 500

Read = Callable[[int, int], Sequence[LoggedNotification]]
"""Up to so many events after a position."""


class _Place(NamedTuple):
    """Where an event stands, and the latest time recorded in any event up to it."""

    position: int
    latest: datetime


_START = _Place(0, datetime.min.replace(tzinfo=UTC))


class LogIndex:
    """Ordinals and times of a log that only grows."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._marks = [_START]  # the n-th is the (n * EVERY)-th event
        self._newest: list[_Place] = []  # the events after the last mark
        self._looked_up: tuple[int, list[_Place]] = (-1, [])  # a mark, and the events from it to the next
        self._lock = threading.RLock()

    def count(self) -> int:
        """How many events the log has."""
        with self._lock:
            self._catch_up()
            return (len(self._marks) - 1) * EVERY + len(self._newest)

    def ordinal(self, position: int) -> int:
        """How many events stand at or before a position."""
        with self._lock:
            if position > self._end().position:
                self._catch_up()
            i = bisect_right(self._marks, position, key=_position) - 1
            return i * EVERY + bisect_right(self._after_mark(i), position, key=_position)

    def position_of(self, ordinal: int) -> int:
        """Where the n-th event stands: 0 for the 0th, and the newest position where there are fewer."""
        mark, rest = divmod(ordinal, EVERY)
        with self._lock:
            if ordinal > (len(self._marks) - 1) * EVERY + len(self._newest) and ordinal > self.count():
                return self._end().position
            return self._after_mark(mark)[rest - 1].position if rest else self._marks[mark].position

    def position_at(self, moment: datetime) -> int:
        """The last position up to which no event was recorded later than at `moment`; 0 where there is none."""
        with self._lock:
            self._catch_up()
            i = bisect_right(self._marks, moment, key=_latest) - 1
            if i < 0:
                return 0
            places = self._after_mark(i)
            known = bisect_right(places, moment, key=_latest)
            return places[known - 1].position if known else self._marks[i].position

    def _end(self) -> _Place:
        return self._newest[-1] if self._newest else self._marks[-1]

    def _after_mark(self, i: int) -> list[_Place]:
        """The events from one mark to the next, or to the newest event."""
        if i == len(self._marks) - 1:
            return self._newest
        if i != self._looked_up[0]:
            self._looked_up = i, _places(self._marks[i], self._read(self._marks[i].position, EVERY))
        return self._looked_up[1]

    def _catch_up(self) -> None:
        while page := self._read(self._end().position, EVERY):
            self._newest += _places(self._end(), page)
            while len(self._newest) >= EVERY:
                self._marks.append(self._newest[EVERY - 1])
                del self._newest[:EVERY]


def _places(before: _Place, events: Iterable[LoggedNotification]) -> list[_Place]:
    places, latest = [], before.latest
    for event in events:
        if event.recorded_at is not None and event.recorded_at > latest:
            latest = event.recorded_at
        places.append(_Place(event.id, latest))
    return places


def _position(place: _Place) -> int:
    return place.position


def _latest(place: _Place) -> datetime:
    return place.latest
