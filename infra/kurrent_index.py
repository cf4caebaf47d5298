"""What EventStoreDB cannot say of a log without reading it: how many events, where the n-th stands, what was when.

The log is read once for it, and then only what is new. It keeps where every 500th event stands, and looks up the few
around a place when it is asked for one: some 100 bytes for 500 events. Those marks outlast the process where they can
be kept (`KeptMarks`); before they are believed, the last two are compared with the log between them.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from infra.errors import EventStoreError
from infra.kurrent_marks import KeptMarks, Mark
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

    def __init__(self, read: Read, kept: KeptMarks | None = None) -> None:
        self._read = read
        self._kept = kept
        self._is_resumed = kept is None
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
        if not self._is_resumed:
            self._resume()
        try:
            self._read_on()
        finally:
            if self._kept:
                self._kept.write()

    def _read_on(self) -> None:
        while page := self._read(self._end().position, EVERY):
            marked = page[EVERY - len(self._newest) - 1 :][:1]  # the event that completes the block, if one does
            self._newest += _places(self._end(), page)
            if marked:
                self._marks.append(self._newest[EVERY - 1])
                del self._newest[:EVERY]
                if self._kept:
                    self._kept.add(Mark((len(self._marks) - 1) * EVERY, *self._marks[-1], marked[0].hash))

    def _resume(self) -> None:
        """Takes up where the last process left off, if what it kept is true of the log."""
        assert self._kept
        found = self._kept.load()
        places = [_START, *(_Place(mark.position, mark.latest) for mark in found)]
        if found and self._is_true(found, places):
            self._marks = places
        elif found:
            self._kept.forget()
        self._is_resumed = True

    def _is_true(self, found: Sequence[Mark], places: Sequence[_Place]) -> bool:
        """Whether none is missing and the last stands a block after the one before it, at the event that it names."""
        ordinals = [mark.ordinal for mark in found]
        in_order = all(one.position < next_.position and one.latest <= next_.latest for one, next_ in pairwise(places))
        if ordinals != [EVERY * n for n in range(1, len(places))] or not in_order:
            return False
        try:
            page = self._read(places[-2].position, EVERY)
        except EventStoreError:
            self._read(0, 1)  # raises again where the store does not answer; else no event stands where one should
            return False
        return len(page) == EVERY and page[-1].hash == found[-1].hash and _places(places[-2], page)[-1] == places[-1]


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
