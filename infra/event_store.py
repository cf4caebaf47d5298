"""The event log: streams to decide on, one append per command, and the whole log in commit order.

What is atomic: an append (all events of one command) and the positions it takes. What is promised: positions in commit
order (on PostgreSQL without gaps); a stream whose events carry the hash of the one before; event bytes that never
change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from eventsourcing.domain import Aggregate, DomainEventProtocol
from eventsourcing.persistence import IntegrityError

from infra import tracing
from infra.event_mapper import (
    GENESIS_HASH,
    LoggedEvent,
    Metadata,
    RecordedEvent,
    Undecodable,
    decode,
    encode,
    kind_of,
    read_metadata,
)
from infra.metrics import EVENTS_APPENDED
from infra.recorder import EventRecorder, LoggedNotification, StoredRow

A = TypeVar("A", bound=Aggregate)
PAGE = 1000


class ConcurrentAppend(Exception):
    """Somebody else appended to the stream since it was read; read it again and decide again."""


@dataclass(frozen=True)
class Stream:
    """All events of one aggregate, as they stand in the log."""

    id: UUID
    events: tuple[RecordedEvent, ...]

    @property
    def last_hash(self) -> str:
        return self.events[-1].stored.hash if self.events else GENESIS_HASH

    @property
    def position(self) -> int:
        """Position of the newest event; 0 for a stream that does not exist."""
        return self.events[-1].position if self.events else 0

    def of_command(self, command_id: UUID) -> tuple[RecordedEvent, ...]:
        """The events that one command appended here; empty when it never succeeded on this stream."""
        return tuple(event for event in self.events if event.metadata.command_id == command_id)

    def aggregate(self, kind: type[A]) -> A | None:
        """The aggregate as its events leave it, or None for a stream without events.

        Raises TypeError when the stream belongs to another kind of aggregate.
        """
        state: Any = None
        for recorded in self.events:
            state = recorded.event.mutate(state)  # type: ignore[attr-defined]
        if state is not None and not isinstance(state, kind):
            raise TypeError(f"stream {self.id} holds a {type(state).__name__}, not a {kind.__name__}")
        return state


class EventLog:
    """Reads and appends events; listeners hear of each append made through this object."""

    def __init__(self, recorder: EventRecorder) -> None:
        self.recorder = recorder
        self._listeners: list[Callable[[Sequence[RecordedEvent]], None]] = []

    def on_append(self, listener: Callable[[Sequence[RecordedEvent]], None]) -> None:
        """Hands `listener` the events of each append by this process, before whoever appended goes on."""
        self._listeners.append(listener)

    def stream(self, stream_id: UUID) -> Stream:
        return Stream(stream_id, tuple(map(_recorded, self.recorder.select_events(stream_id))))

    def append(self, stream: Stream, events: Sequence[DomainEventProtocol[UUID]], metadata: Metadata) -> Stream:
        """Appends `events` to the stream as it was read, in one transaction, and returns the longer stream.

        Raises ConcurrentAppend when the stream has grown in the meantime; then nothing was written.
        """
        stored: list[LoggedEvent] = []
        previous_hash = stream.last_hash
        for event in events:
            version = getattr(type(event), "class_version", 1)
            own = msgspec.structs.replace(metadata, previous_hash=previous_hash, schema_version=version)
            stored.append(encode(event, own))
            previous_hash = stored[-1].hash
        # Before the append: a projection in another thread may have the events before it has returned.
        tracing.remember(metadata.command_id)
        try:
            with tracing.span("append", **{"carbon254.events": len(stored)}):
                positions = self.recorder.insert_events(stored)
        except IntegrityError as error:
            raise ConcurrentAppend(str(stream.id)) from error
        for logged in stored:
            EVENTS_APPENDED.labels(logged.topic).inc()
        added = [_record(logged, position) for logged, position in zip(stored, positions, strict=True)]
        for listener in self._listeners:
            listener(added)
        return Stream(stream.id, (*stream.events, *added))

    def head(self) -> int:
        """The newest position; 0 while the log is empty."""
        return self.recorder.max_notification_id() or 0

    def extent(self) -> tuple[int, int]:
        """The newest position as the log counts it, and the last at which an event stands; they differ by tampering."""
        return self.recorder.extent()

    def position_at(self, moment: datetime) -> int:
        """What was known at `moment`, as a position."""
        return self.recorder.position_at(moment)

    def count(self, through: int | None = None) -> int:
        """How many events stand at or before a position; without one, in all."""
        return self.recorder.ordinal(self.head() if through is None else through)

    def settled(self, position: int) -> int:
        """The last position up to a number, which may be any, at which an event stands; one can read on from there."""
        return self.recorder.position_of(self.recorder.ordinal(position))

    def at(self, position: int) -> RecordedEvent | None:
        """The event at a position, if one stands there."""
        found = self.first_from(position)
        return found if found and found.position == position else None

    def first_from(self, position: int) -> RecordedEvent | None:
        """The first event that stands at a position, which may be any number, or after it."""
        found = self.recorder.select_notifications(position, 1)
        return self.read_stored(found[0]) if found else None

    def page(self, after: int, limit: int = PAGE, without: Sequence[str] = ()) -> list[RecordedEvent]:
        """Up to `limit` events after a position, in position order; Undecodable stands for what can't be read.

        Events whose names are in `without` may be left out.
        """
        return recorded_events(self.recorder.select_rows(after, limit, without))

    def named(self, names: Sequence[str], *, after: int, through: int, limit: int = 2**31) -> list[RecordedEvent]:
        """The first `limit` events of some names in positions (after, through]; without it for names that are rare."""
        found = self.recorder.select_notifications(after, limit, through, names, inclusive_of_start=False)
        return [_recorded(notification) for notification in found]

    def stored_page(self, after: int, limit: int) -> Sequence[LoggedNotification]:
        """As `page`, but the stored bytes alone: for those who vouch for them and need not understand them."""
        return self.recorder.select_notifications(after, limit, inclusive_of_start=False)

    def read_stored(self, stored: LoggedNotification) -> RecordedEvent:
        """An event that came by another way than `page`, as `page` gives it."""
        return _read_somehow(*_row(stored))

    def stored_after(self, ordinal: int, limit: int) -> Sequence[LoggedNotification]:
        """As `stored_page`, after the n-th event of the log."""
        return self.stored_page(self.recorder.position_of(ordinal), limit)

    def read(self, after: int = 0) -> Iterator[RecordedEvent]:
        """Everything after a position, page by page."""
        while page := self.page(after):
            yield from page
            after = page[-1].position


def recorded_events(rows: Iterable[StoredRow]) -> list[RecordedEvent]:
    """Events as `EventLog.page` gives them, of rows that a recorder gave."""
    return list(starmap(_read_somehow, rows))


def _row(stored: LoggedNotification) -> StoredRow:
    assert isinstance(stored.originator_id, UUID)
    return stored.id, stored.originator_id, stored.originator_version, stored.topic, stored.metadata, stored.state


def _recorded(stored: LoggedNotification) -> RecordedEvent:
    return _record(stored, stored.id)


def _record(stored: LoggedEvent, position: int) -> RecordedEvent:
    assert isinstance(stored.originator_id, UUID)
    return _read(position, stored.originator_id, stored.originator_version, stored.topic, stored.metadata, stored.state)


def _read(position: int, stream_id: UUID, version: int, name: str, metadata: bytes, payload: bytes) -> RecordedEvent:
    known = read_metadata(metadata)
    event = decode(stream_id, version, name, payload, known)
    return RecordedEvent(position, stream_id, name, known, event, metadata, payload)


def _read_somehow(
    position: int, stream_id: UUID, version: int, name: str, metadata: bytes, payload: bytes
) -> RecordedEvent:
    try:
        return _read(position, stream_id, version, name, metadata, payload)
    except Exception as error:  # whatever an upcaster or a decoder meets is that event's alone
        known = read_metadata(metadata)
        stands_for = Undecodable(stream_id, version, known.recorded_at, error, kind_of(name))
        return RecordedEvent(position, stream_id, name, known, stands_for, metadata, payload)
