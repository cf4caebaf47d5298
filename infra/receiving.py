"""Taking a log over, from another store or from a backup: the same events in the same order at the same positions.

A log keeps its positions wherever it goes, for they stand in its own events (what a result was made from), in read
models and in the notes of people. So a store that receives a log answers with the positions that the events had; only
what is appended afterwards gets positions of its own, which are higher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol
from uuid import UUID

from infra.errors import PlatformError
from infra.recorder import EventRecorder, StoredRow

PAGE = 5_000

Progress = Callable[[int, int], None]
"""Told how many events are there, and how many there will be."""


class NotEmpty(PlatformError):
    """A log cannot be received where other events, or the read models of another log, are."""


class LogReceiver(Protocol):
    """A store that a log is copied into; until `end` nobody can open it as a log."""

    def begin(self, log_id: UUID) -> int:
        """Makes ready for that log, or goes on with it; returns the position that was come to, 0 at the start.

        Raises NotEmpty where anything else is there.
        """

    def receive(self, rows: Sequence[StoredRow]) -> None:
        """Appends events that follow those received so far; none is there twice where it is called again."""

    def end(self) -> None:
        """Makes it a log like any other."""


class LeavableLog(EventRecorder, Protocol):
    """A store that a log can be moved away from."""

    def known_id(self) -> UUID | None:
        """The log's id, whatever state it is in; None where there is no log."""

    def left_for(self) -> str | None:
        """Where the log was moved to, or None while it is here."""

    def leave(self, target: str) -> None:
        """Closes the log: from now on opening it says that it is at `target`."""


def receive_all(receiver: LogReceiver, pages: Iterable[Sequence[StoredRow]], done: int, of: int, told: Progress) -> int:
    """Copies what `pages` bring behind the `done` events that are there; returns how many are there then."""
    for page in pages:
        receiver.receive(page)
        done += len(page)
        told(done, of)
    return done


def pages_after(recorder: EventRecorder, position: int) -> Iterator[Sequence[StoredRow]]:
    """The log behind a position, page by page."""
    while page := recorder.select_rows(position, PAGE):
        yield page
        position = page[-1][0]


def first_difference(source: EventRecorder, target: EventRecorder, told: Progress, of: int) -> str | None:
    """The first event of `source` that does not stand in `target` as it is, to the byte; None where all do."""
    seen, position = 0, 0
    for ours in pages_after(source, 0):
        theirs = target.select_rows(position, len(ours))
        if list(ours) != list(theirs):
            return _difference(ours, theirs)
        seen, position = seen + len(ours), ours[-1][0]
        told(seen, of)
    return None


def _difference(ours: Sequence[StoredRow], theirs: Sequence[StoredRow]) -> str:
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            return f"instead of the event at position {one[0]}, {other[3]} of stream {other[1]} stands at {other[0]}"
    return f"the event at position {ours[len(theirs)][0]} is missing"
