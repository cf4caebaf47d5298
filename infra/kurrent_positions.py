"""Positions of a log on EventStoreDB: the store's own, but those that a log brought along where it was taken over.

The store alone says where an event is put. So an event that was taken over carries the position that it had before in
its id (a UUID of version 8, RFC 9562), and a stream beside the log says which stretch of the store's log is of that
kind. What is appended afterwards has the store's own position, moved up where that would be lower than the last one
taken over.
"""

from __future__ import annotations

import sys
from bisect import insort
from collections.abc import Sequence
from uuid import UUID

import msgspec

_HIGH_BITS, _LOW_BITS = 48, 12  # of a position, on both sides of the version
_DIGEST_BITS = 62
_UNFINISHED = sys.maxsize


class TakenOver(msgspec.Struct, frozen=True):
    """A stretch (after, through] of the store's log whose events carry their positions, the last of them `position`."""

    after: int
    through: int = _UNFINISHED
    position: int = _UNFINISHED

    @property
    def shift(self) -> int:
        """What is added to the store's positions behind the stretch."""
        return max(0, self.position - self.through)


class Positions:
    """From the store's positions to the log's and back."""

    def __init__(self, taken_over: Sequence[TakenOver]) -> None:
        self._taken_over = taken_over
        # Where events of the log stand in the store, of some: the first to look behind for others.
        self._marks = [(0, 0), *((t.position, t.through) for t in taken_over if t.through != _UNFINISHED)]

    def of(self, commit: int, event_id: UUID) -> int:
        """The position of an event that stands at `commit` in the store."""
        shift = 0
        for stretch in self._taken_over:
            if commit <= stretch.after:
                break
            if commit <= stretch.through:
                return carried_position(event_id)
            shift = stretch.shift
        return commit + shift

    def start(self, position: int) -> tuple[int, bool]:
        """Where in the store to read on from for what stands behind `position`, at which an event stands.

        And whether that event itself stands there; else it is one before it.
        """
        shift = 0
        for stretch in self._taken_over:
            if position - shift <= stretch.after:
                break
            if position <= stretch.position:
                at, commit = max(mark for mark in self._marks if mark[0] <= position)
                return commit, at == position
            shift = stretch.shift
        return position - shift, True

    def note(self, position: int, commit: int) -> None:
        """Remembers where the last event of a page stands, for whoever reads on from there."""
        if self._taken_over and position <= self._taken_over[-1].position and (position, commit) not in self._marks:
            insort(self._marks, (position, commit))


def carrying_id(position: int, digest: bytes) -> UUID:
    """The id of an event that is taken over: its position, and as much of its digest as there is room for."""
    high, low = position >> _LOW_BITS, position & (1 << _LOW_BITS) - 1
    if high >> _HIGH_BITS:
        raise ValueError(f"the position {position} is too large to be taken over")
    rest = int.from_bytes(digest[:8], "big") >> (64 - _DIGEST_BITS)
    return UUID(int=high << 80 | 8 << 76 | low << 64 | 2 << 62 | rest)


def carried_position(event_id: UUID) -> int:
    number = event_id.int
    return (number >> 80) << _LOW_BITS | number >> 64 & (1 << _LOW_BITS) - 1
