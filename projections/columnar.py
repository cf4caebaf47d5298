"""The columnar read models: prices and curve points, each publication or curve one insert with a token of its own.

ClickHouse has no transaction over insert and checkpoint. A batch that is done again after a crash is harmless, since
every insert carries a deduplication token made of its event's position; and reads stop at the checkpoint.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from psycopg import sql

from infra.clickhouse import ClickHouse
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from projections.relational import SHOWN, Progress
from read_models.batch import Cursor
from read_models.relational import CHECKPOINTS, LIVE_SCHEMA, load_checkpoint, save_checkpoint

# While one load waits for the disk, another decodes its rows.
LOADS_AT_ONCE = 2

Load = Callable[[RecordedEvent, str], None]


@dataclass(frozen=True, eq=False)
class ColumnarProjection:
    """One table of database `ch`: what creates it under a name, and which events bring rows to it."""

    name: str
    version: int
    table: str
    create: Callable[[ClickHouse, str], None]
    loaders: dict[type, Load]


class ColumnarProjector:
    """Loads rows first and moves the checkpoints after.

    A rebuild fills a table beside the live one and exchanges the two, which is atomic. Live batches wait for that long.
    """

    def __init__(self, pool: Pool, clickhouse: ClickHouse, projections: Sequence[ColumnarProjection]) -> None:
        self._pool = pool
        self._clickhouse = clickhouse
        self.projections = projections
        self._store = clickhouse.store_id
        self._lock = threading.Lock()

    def load(self) -> int:
        """Creates missing tables and returns the position from which all projections can go on.

        A projection of another version than the one that filled its table starts from nothing.
        """
        with self._pool.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(2540002)")
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(LIVE_SCHEMA)))
            cursor.execute(CHECKPOINTS)
            checkpoints = {p: load_checkpoint(cursor, p.name, p.version, self._store) for p in self.projections}
        for projection, checkpoint in checkpoints.items():
            # A table that was ever loaded is there; asking would start the engine for nothing.
            if not checkpoint:
                self._create(projection, projection.table)
        return min(checkpoints.values())

    def handle(self, events: Sequence[RecordedEvent]) -> None:
        """Loads the rows of all events, side by side, then records that they are there."""
        with self._lock:
            self._load([(projection, projection.table) for projection in self.projections], events)
            with self._pool.connection() as connection, connection.cursor() as cursor:
                for projection in self.projections:
                    self._save(cursor, projection, events[-1].position)

    def rebuild(self, projection: ColumnarProjection, log: EventLog, progress: Progress) -> int:
        """Fills the table anew from the whole log and swaps it in; returns the position it came to."""
        beside = f"{projection.table}_rebuilt"
        with self._lock:
            position = self._refill(projection, beside, log, log.head(), progress)
            self._clickhouse.command(f"EXCHANGE TABLES ch.{projection.table} AND ch.{beside}")
            self._clickhouse.command(f"DROP TABLE ch.{beside} SYNC")
            with self._pool.connection() as connection, connection.cursor() as cursor:
                self._save(cursor, projection, position)
        return position

    def verify(self, projection: ColumnarProjection, log: EventLog, progress: Progress) -> list[str]:
        """The rows that differ between the live table and a rebuild, as text, a few of them; empty when equal."""
        beside = f"{projection.table}_verified"
        with self._lock:
            with self._pool.connection() as connection, connection.cursor() as cursor:
                through = load_checkpoint(cursor, projection.name, projection.version, self._store)
            self._refill(projection, beside, log, through, progress)
            try:
                return self._differences(projection.table, beside, through)
            finally:
                self._clickhouse.command(f"DROP TABLE ch.{beside} SYNC")

    def _create(self, projection: ColumnarProjection, table: str) -> None:
        """An empty table, in place of one that an interrupted rebuild or another version left."""
        self._clickhouse.command("CREATE DATABASE IF NOT EXISTS ch")
        self._clickhouse.command(f"DROP TABLE IF EXISTS ch.{table} SYNC")
        projection.create(self._clickhouse, table)

    def _load(self, targets: Sequence[tuple[ColumnarProjection, str]], events: Sequence[RecordedEvent]) -> None:
        loads = [
            (load, recorded, table)
            for recorded in events
            for projection, table in targets
            if (load := projection.loaders.get(type(recorded.event)))
        ]
        if loads:
            with ThreadPoolExecutor(LOADS_AT_ONCE, thread_name_prefix="load") as threads:
                for loaded in [threads.submit(load, recorded, table) for load, recorded, table in loads]:
                    loaded.result()

    def _refill(
        self, projection: ColumnarProjection, table: str, log: EventLog, through: int, progress: Progress
    ) -> int:
        self._create(projection, table)
        position = 0
        while position < through and (page := log.page(position, limit=100)):
            self._load([(projection, table)], [recorded for recorded in page if recorded.position <= through])
            position = min(page[-1].position, through)
            progress(position, through)
        return position

    def _differences(self, live: str, rebuilt: str, through: int) -> list[str]:
        lines = []
        for where, here, there in (("only live", live, rebuilt), ("only rebuilt", rebuilt, live)):
            query = f"""SELECT toString(tuple(*)) AS row FROM
                (SELECT * FROM ch.{here} WHERE log_position <= {{through:Int64}}
                 EXCEPT ALL SELECT * FROM ch.{there}) LIMIT {SHOWN}"""  # noqa: S608 - names from code
            found = self._clickhouse.query_arrow(query, {"through": through})["row"].to_pylist()
            lines += [f"ch.{live}, {where}: {text}" for text in found]
        return lines

    def _save(self, cursor: Cursor, projection: ColumnarProjection, position: int) -> None:
        save_checkpoint(cursor, projection.name, projection.version, position, self._store)
