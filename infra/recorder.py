"""What the event log needs of the store that it stands on; `PostgresRecorder` and `KurrentRecorder` are two of them.

A position is one integer in commit order. It need not be the number of events up to it: a store may leave gaps, so
whoever counts events asks for ordinals (the n-th event of the log, from 1) and never subtracts positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec
from eventsourcing.persistence import Notification, StoredEvent

from infra.errors import UnusableLog
from infra.event_digests import DigestedPage
from infra.event_mapper import LoggedEvent

StoredRow = tuple[int, UUID, int, str, bytes, bytes]
"""Position, stream id, version, name, metadata and payload of one event."""


@dataclass(frozen=True)
class LoggedNotification(LoggedEvent, Notification):
    """A logged event together with its position (`id`) and the time by which it is found."""

    recorded_at: datetime | None = None


class RecordedAt(msgspec.Struct):
    """The one field of the metadata by which a position is found."""

    recorded_at: datetime | None = None


read_recorded_at = msgspec.json.Decoder(RecordedAt).decode


class LogState(msgspec.Struct):
    """What a store says of the log; None where it does not know without reading the whole log."""

    name: str
    events: int
    streams: int | None
    newest_position: int
    size_bytes: int | None
    server_version: str | None


class EventRecorder(Protocol):
    """Appends and reads events. Positions given to it are 0 or ones that it gave."""

    def log_id(self) -> UUID:
        """What tells this log from every other one. Raises UnusableLog where it is not whole, or is elsewhere now."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Appends all events or none, and returns their positions.

        Raises IntegrityError when the stream has one of the versions already, or lacks the one before the first. A
        store that knows the very same events, byte for byte, at these versions may give their positions instead.
        """

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[LoggedNotification]:
        """The events of one stream, in version order."""

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[LoggedNotification]:
        """The log from a position on, in position order; `stop`, and a start that is inclusive, may be any number."""

    def select_rows(self, after: int, limit: int, without: Sequence[str] = ()) -> Sequence[StoredRow]:
        """Up to `limit` events after a position; those whose names are in `without` may be left out."""

    def max_notification_id(self) -> int | None:
        """The newest position, or None while the log is empty."""

    def extent(self) -> tuple[int, int]:
        """The newest position as the store counts it, and the last at which an event stands; 0 where there is none."""

    def position_at(self, moment: datetime) -> int:
        """The last position whose recorded time, as a running maximum in commit order, is not later than `moment`."""

    def ordinal(self, position: int) -> int:
        """How many events stand at or before a position; it may be any number up to the newest."""

    def position_of(self, ordinal: int) -> int:
        """Where the n-th event stands; 0 for the 0th."""

    def digested_pages(self, until: int) -> Iterator[DigestedPage]:
        """The whole log up to a position as digests, in order; `after` of a page is an ordinal."""

    def state(self) -> LogState:
        """What an operator is shown."""


def refuse_unusable(*, is_receiving: bool, target: str | None) -> None:
    """Raises UnusableLog for a log that is being copied here, or was moved to `target`."""
    if is_receiving:
        raise UnusableLog(
            "The event log is not whole: copying it here was interrupted.",
            "Repeat `carbon254 migrate-store` or `carbon254 restore` as before; it goes on where it ended.",
        )
    if target is not None:
        raise UnusableLog(
            f"The event log was moved away from here, to {target}.",
            "Set DATABASE_URL and EVENTSTOREDB_URI so that they lead there, or move it back with "
            "`carbon254 migrate-store`.",
        )
