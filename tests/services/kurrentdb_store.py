"""What the stand-in for EventStoreDB keeps: records in commit order, and by stream, in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

NO_STREAM = -1
_SYSTEM_EVENTS = 3
_RECORD_BYTES = 120  # what a record takes in the store's log besides its contents, roughly


@dataclass(frozen=True)
class Record:
    """One event as the store keeps it."""

    id: str
    stream: str
    revision: int
    position: int
    type: str
    content_type: str
    metadata: bytes
    data: bytes


class WrongRevision(Exception):
    """The stream stands at another revision than was expected; -1 where there is no stream."""

    def __init__(self, current: int) -> None:
        super().__init__(current)
        self.current = current


class Store:
    """All records in commit order, and by stream. It begins as a real one does, with events of its own."""

    def __init__(self) -> None:
        self.all: list[Record] = []
        self.grown = threading.Condition()
        self.read_of_all = 0  # how many events were given to reads of `$all`
        self._streams: dict[str, list[Record]] = {}
        self._end = 0
        for _ in range(_SYSTEM_EVENTS):
            self.append("$stats", None, [Record(str(uuid4()), "", 0, 0, "$statistics", "", b"", b"{}")])

    def stream(self, name: str) -> Sequence[Record]:
        return tuple(self._streams.get(name, ()))

    def append(self, stream: str, expected: int | None, proposed: Sequence[Record]) -> Record:
        """Appends all or none and returns the last. `expected` is the stream's revision; any is right where it is None.

        Raises WrongRevision, unless the very same events (by id) stand behind the expected revision already.
        """
        with self.grown:
            known = self._streams.get(stream, [])
            current = len(known) - 1
            if expected is not None and expected != current:
                again = known[expected + 1 : expected + 1 + len(proposed)]
                if expected < current and [r.id for r in again] == [r.id for r in proposed]:
                    return again[-1]
                raise WrongRevision(current)
            for revision, new in enumerate(proposed, start=current + 1):
                record = Record(
                    new.id, stream, revision, self._end, new.type, new.content_type, new.metadata, new.data
                )  # fmt: skip
                self._end += _RECORD_BYTES + len(stream) + len(new.type) + len(new.metadata) + len(new.data)
                self._streams.setdefault(stream, []).append(record)
                self.all.append(record)
            self.grown.notify_all()
            return record


def position_of(record: Record) -> int:
    return record.position
