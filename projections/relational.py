"""The relational read models: all of them follow the log together, rows and checkpoints in one transaction."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from read_models.batch import Batch, Cursor, Wanted
from read_models.relational import CHECKPOINTS, LIVE_SCHEMA, load_checkpoint, save_checkpoint

# Rows of a table that `verify` shows.
SHOWN = 5

Progress = Callable[[int, int], None]
Write = Callable[[Batch, RecordedEvent], None]
Find = Callable[[RecordedEvent], Iterable[Wanted]]


@dataclass(frozen=True)
class RelationalProjection:
    """One noun's read model: its tables, and what each event writes to them.

    `every` writes for all events. `finds` names the rows that a handler looks up, for the batch to hold them.
    """

    name: str
    version: int
    tables: str
    handlers: Mapping[type, Write]
    every: Write | None = None
    finds: Mapping[type, Find] = field(default_factory=dict)

    @property
    def table_names(self) -> list[str]:
        """The tables that are this projection's own."""
        return re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", self.tables)

    def apply(self, cursor: Cursor, events: Sequence[RecordedEvent]) -> None:
        """Writes the rows of all events, in their order."""
        batch = Batch()
        for recorded in events:
            if find := self.finds.get(type(recorded.event)):
                batch.want(find(recorded))
        batch.fetch(cursor)
        for recorded in events:
            if self.every:
                self.every(batch, recorded)
            if handler := self.handlers.get(type(recorded.event)):
                handler(batch, recorded)
        batch.flush(cursor)


class RelationalProjector:
    """Applies batches of the log to every projection that has not seen them yet.

    A rebuild empties and refills a projection's tables in one transaction: until it commits every reader sees the old
    rows, from then on the new ones, and none fails or sees a mixture. Live batches wait for that long.
    """

    def __init__(self, pool: Pool, projections: Sequence[RelationalProjection]) -> None:
        self._pool = pool
        self.projections = projections
        self._lock = threading.Lock()

    def load(self) -> int:
        """Creates missing tables and returns the position from which all projections can go on.

        A projection of another version than the one that filled the tables starts from nothing.
        """
        with self._pool.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(2540002)")
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(LIVE_SCHEMA)))
            cursor.execute(CHECKPOINTS)
            checkpoints = [load_checkpoint(cursor, p.name, p.version) for p in self.projections]
            for projection, position in zip(self.projections, checkpoints, strict=True):
                if not position:
                    for table in projection.table_names:
                        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(table)))
                cursor.execute(projection.tables.encode())
        return min(checkpoints)

    def handle(self, events: Sequence[RecordedEvent]) -> None:
        """One transaction: the rows of all events and the checkpoints after them, or nothing."""
        with self._lock, self._pool.connection() as connection, connection.cursor() as cursor:
            for projection in self.projections:
                # Asked of the database each time: a commit may have been done though its answer never came.
                seen = load_checkpoint(cursor, projection.name, projection.version)
                projection.apply(cursor, [recorded for recorded in events if recorded.position > seen])
                save_checkpoint(cursor, projection.name, projection.version, max(events[-1].position, seen))

    def rebuild(self, projection: RelationalProjection, log: EventLog, progress: Progress) -> int:
        """Fills the tables anew from the whole log; returns the position it came to."""
        with self._lock, self._pool.connection() as connection, connection.cursor() as cursor:
            position = self._refill(cursor, projection, log, log.head(), progress)
            save_checkpoint(cursor, projection.name, projection.version, position)
        return position

    def verify(self, projection: RelationalProjection, log: EventLog, progress: Progress) -> list[str]:
        """The rows that differ between the live tables and a rebuild, as text, a few of each table; empty when equal.

        The rebuild is rolled back: nothing of it is ever seen.
        """
        with self._lock, self._pool.connection() as connection, connection.cursor() as cursor:
            for table in projection.table_names:
                names = {"live": sql.Identifier(f"live_{table}"), "table": sql.Identifier(table)}
                copy = "CREATE TEMPORARY TABLE {live} ON COMMIT DROP AS SELECT * FROM {table}"
                cursor.execute(sql.SQL(copy).format(**names))
            through = load_checkpoint(cursor, projection.name, projection.version)
            self._refill(cursor, projection, log, through, progress)
            differences = [line for table in projection.table_names for line in _differences(cursor, table)]
            connection.rollback()
        return differences

    def _refill(
        self, cursor: Cursor, projection: RelationalProjection, log: EventLog, through: int, progress: Progress
    ) -> int:
        for table in projection.table_names:
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        position = 0
        while position < through and (page := log.page(position)):
            projection.apply(cursor, [recorded for recorded in page if recorded.position <= through])
            position = min(page[-1].position, through)
            progress(position, through)
        return position


def _differences(cursor: Cursor, table: str) -> list[str]:
    """Up to `SHOWN` rows that only the live table or only the rebuilt one has."""
    names = {"live": sql.Identifier(f"live_{table}"), "built": sql.Identifier(table)}
    query = """
        SELECT 'only live', r::text FROM (SELECT * FROM {live} EXCEPT ALL SELECT * FROM {built}) r
        UNION ALL
        SELECT 'only rebuilt', r::text FROM (SELECT * FROM {built} EXCEPT ALL SELECT * FROM {live}) r
        LIMIT %s"""
    cursor.execute(sql.SQL(query).format(**names), (SHOWN,))
    return [f"{table}, {where}: {text}" for where, text in cursor.fetchall()]
