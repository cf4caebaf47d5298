"""The columnar read models: prices and curve points, each publication or curve one insert with a token of its own.

ClickHouse has no transaction over insert and checkpoint. A batch that is done again after a crash is harmless, since
every insert carries a deduplication token made of its event's position; and reads stop at the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infra.clickhouse import ClickHouse

from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from read_models.relational import CHECKPOINTS, load_checkpoint, save_checkpoint

Load = Callable[[RecordedEvent], None]


@dataclass(frozen=True)
class ColumnarProjection:
    """One table of the columnar store: what creates it, and which events bring rows."""

    name: str
    version: int
    create: Callable[[ClickHouse], None]
    loaders: dict[type, Load]


class ColumnarProjector:
    """Loads rows first and moves the checkpoints after."""

    def __init__(self, pool: Pool, clickhouse: ClickHouse, projections: Sequence[ColumnarProjection]) -> None:
        self._pool = pool
        self._clickhouse = clickhouse
        self._projections = projections

    def load(self) -> int:
        """Creates missing tables and returns the position from which all projections can go on."""
        for projection in self._projections:
            projection.create(self._clickhouse)
        with self._pool.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(2540002)")
            cursor.execute(CHECKPOINTS)
            return min(load_checkpoint(cursor, p.name, p.version) for p in self._projections)

    def handle(self, events: Sequence[RecordedEvent]) -> None:
        """Loads the rows of all events, then records that they are there."""
        for recorded in events:
            for projection in self._projections:
                if load := projection.loaders.get(type(recorded.event)):
                    load(recorded)
        with self._pool.connection() as connection, connection.cursor() as cursor:
            for projection in self._projections:
                save_checkpoint(cursor, projection.name, projection.version, events[-1].position)
