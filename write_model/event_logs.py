"""What became of the log itself: it was moved to another store, or restored from a backup."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from write_model.base import Aggregate, stream_id

NOUN = "event log"


@dataclass(frozen=True)
class Extent:
    """How far a log went: its events, and the position and hash of the last one."""

    events: int
    position: int
    last_hash: str


class EventLogMove(Aggregate):
    """One move of the log. Positions stay what they were; `source` and `target` name stores without credentials."""

    NAME = "event_log_move"

    def __init__(self, source: str, target: str, extent: Extent) -> None:
        self.source, self.target, self.extent = source, target, extent

    class Moved(Aggregate.Created):
        """Every event was copied, compared to the byte, and held against the seals; the source was closed."""

        TOPIC = "event_log.moved"
        source: str
        target: str
        extent: Extent

    @classmethod
    def record(cls, move_id: UUID, *, source: str, target: str, extent: Extent) -> EventLogMove:
        return cls._create(cls.Moved, id=move_id, source=source, target=target, extent=extent)


class EventLogRestore(Aggregate):
    """One restore. What the log held behind the extent at the time of the loss is not in it."""

    NAME = "event_log_restore"

    def __init__(self, backup: str, backed_up_at: datetime, source_log_id: UUID, extent: Extent) -> None:
        self.backup, self.backed_up_at = backup, backed_up_at
        self.source_log_id, self.extent = source_log_id, extent

    class Restored(Aggregate.Created):
        """The events of a backup, all or up to a point in time, are the log now; it has an id of its own."""

        TOPIC = "event_log.restored"
        backup: str
        backed_up_at: datetime
        source_log_id: UUID
        extent: Extent

    @classmethod
    def record(
        cls, restore_id: UUID, *, backup: str, backed_up_at: datetime, source_log_id: UUID, extent: Extent
    ) -> EventLogRestore:
        return cls._create(
            cls.Restored, id=restore_id, backup=backup, backed_up_at=backed_up_at, source_log_id=source_log_id,
            extent=extent,
        )  # fmt: skip


def move_id(tenant: str, target: str, extent: Extent) -> UUID:
    """A move to the same place at the same extent is the same one."""
    return stream_id(tenant, NOUN, {"kind": "move", "target": target, "last": extent.last_hash})


def restore_id(tenant: str, log_id: UUID) -> UUID:
    """A log is restored once: it gets its id by that."""
    return stream_id(tenant, NOUN, {"kind": "restore", "log": log_id})
