"""The columnar read models: prices and curve points, each publication or curve one insert with a token of its own.

ClickHouse has no transaction over insert and checkpoint. A batch that is done again after a crash is harmless, since
every insert carries a deduplication token made of its event's position; and reads stop at the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from infra.clickhouse import ClickHouse
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from read_models.relational import CHECKPOINTS, load_checkpoint, save_checkpoint

# While one load waits for the disk, another decodes its rows.
LOADS_AT_ONCE = 2

Load = Callable[[RecordedEvent], None]


@dataclass(frozen=True, eq=False)
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
        self._store = clickhouse.store_id

    def load(self) -> int:
        """Creates missing tables and returns the position from which all projections can go on."""
        with self._pool.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(2540002)")
            cursor.execute(CHECKPOINTS)
            checkpoints = {p: load_checkpoint(cursor, p.name, p.version, self._store) for p in self._projections}
        for projection, checkpoint in checkpoints.items():
            # A table that was ever loaded is there; asking would start the engine for nothing.
            if not checkpoint:
                projection.create(self._clickhouse)
        return min(checkpoints.values())

    def handle(self, events: Sequence[RecordedEvent]) -> None:
        """Loads the rows of all events, side by side, then records that they are there."""
        loads = [
            (load, recorded)
            for recorded in events
            for projection in self._projections
            if (load := projection.loaders.get(type(recorded.event)))
        ]
        if loads:
            with ThreadPoolExecutor(LOADS_AT_ONCE, thread_name_prefix="load") as threads:
                for loaded in [threads.submit(load, recorded) for load, recorded in loads]:
                    loaded.result()
        with self._pool.connection() as connection, connection.cursor() as cursor:
            for projection in self._projections:
                save_checkpoint(cursor, projection.name, projection.version, events[-1].position, self._store)
