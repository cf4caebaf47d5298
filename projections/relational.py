"""The relational read models: all of them follow the log together, rows and checkpoints in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from read_models.relational import CHECKPOINTS, Cursor, load_checkpoint, save_checkpoint

Write = Callable[[Cursor, RecordedEvent], None]


@dataclass(frozen=True)
class RelationalProjection:
    """One noun's read model: its tables, and what each event writes to them. `every` writes for all events."""

    name: str
    version: int
    tables: str
    handlers: Mapping[type, Write]
    every: Write | None = None

    def write(self, cursor: Cursor, recorded: RecordedEvent) -> None:
        if self.every:
            self.every(cursor, recorded)
        if handler := self.handlers.get(type(recorded.event)):
            handler(cursor, recorded)


class RelationalProjector:
    """Applies batches of the log to every projection that has not seen them yet."""

    def __init__(self, pool: Pool, projections: Sequence[RelationalProjection]) -> None:
        self._pool = pool
        self._projections = projections
        self._checkpoints: dict[str, int] = {}

    def load(self) -> int:
        """Creates missing tables and returns the position from which all projections can go on."""
        with self._pool.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(2540002)")
            cursor.execute(CHECKPOINTS)
            for projection in self._projections:
                cursor.execute(projection.tables.encode())
                self._checkpoints[projection.name] = load_checkpoint(cursor, projection.name, projection.version)
        return min(self._checkpoints.values())

    def handle(self, events: Sequence[RecordedEvent]) -> None:
        """One transaction: the rows of all events and the checkpoints after them, or nothing."""
        newest = events[-1].position
        with self._pool.connection() as connection, connection.cursor() as cursor:
            for projection in self._projections:
                seen = self._checkpoints[projection.name]
                for recorded in events:
                    if recorded.position > seen:
                        projection.write(cursor, recorded)
                save_checkpoint(cursor, projection.name, projection.version, max(newest, seen))
        for name, seen in self._checkpoints.items():
            self._checkpoints[name] = max(newest, seen)
