"""Read models built anew from the log, in a schema of their own, beside whatever is live.

Each page of events is a transaction that does not wait for the disk: a build that was interrupted starts over, and the
commit that puts a finished one into use does wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.failures import is_fault_of_event
from projections.parking import apply_or_park
from projections.relational import Progress, RelationalProjection
from read_models.dead_letters import DEAD_LETTERS
from read_models.relational import CHECKPOINTS, save_checkpoint

_PAGE = 1_000
_AT_ONCE = 3  # projections: while the rows of one are on their way to the database, another makes its own


class Building:
    """The tables of some projections in `schema`, as they stand at `position`."""

    def __init__(self, pool: Pool, log: EventLog, projections: Sequence[RelationalProjection], schema: str) -> None:
        self._pool = pool
        self._log = log
        self.projections = projections
        self.schema = schema
        self.position = 0

    def start(self) -> None:
        """Empty tables, in place of what an interrupted build left."""
        with self.transaction() as connection:
            connection.execute(self._named("DROP SCHEMA IF EXISTS {} CASCADE"))
            connection.execute(self._named("CREATE SCHEMA {}"))
            connection.execute(CHECKPOINTS)
            connection.execute(DEAD_LETTERS)
            for projection in self.projections:
                connection.execute(projection.tables_alone.encode())
        self.position = 0

    def advance(self, through: int, progress: Progress) -> None:
        """Applies all events up to a position, page by page."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="build") as builders:
            for page in _read_ahead(self._log, self.position, through):
                parts = [builders.submit(self._apply, projection, page) for projection in self.projections]
                for part in parts:
                    part.result()
                self.position = page[-1].position
                progress(self.position, through)

    def _apply(self, projection: RelationalProjection, page: Sequence[RecordedEvent]) -> None:
        try:
            with self.transaction() as connection, connection.cursor() as cursor:
                projection.apply(cursor, page)
        except Exception as error:
            if not is_fault_of_event(error):
                raise
            with self.transaction() as connection:
                apply_or_park(connection, projection, page)

    def finish(self) -> None:
        """Makes the indexes that are still missing, and tells the planner what is there."""
        with self.transaction() as connection:
            for projection in self.projections:
                connection.execute(projection.tables.encode())
                for table in projection.table_names:
                    connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))

    def save_checkpoints(self) -> None:
        with self.transaction() as connection, connection.cursor() as cursor:
            for projection in self.projections:
                save_checkpoint(cursor, projection.name, projection.version, self.position)

    def drop(self) -> None:
        with self.transaction() as connection:
            connection.execute(self._named("DROP SCHEMA IF EXISTS {} CASCADE"))

    @contextmanager
    def transaction(self) -> Iterator[Connection[TupleRow]]:
        """A transaction in which tables without a schema are those of this build."""
        with self._pool.connection() as connection:
            connection.execute(self._named("SET LOCAL search_path TO {}"))
            connection.execute("SET LOCAL synchronous_commit TO off")
            yield connection

    def _named(self, statement: str) -> sql.Composed:
        return sql.SQL(statement).format(sql.Identifier(self.schema))


def _read_ahead(log: EventLog, after: int, through: int) -> Iterator[Sequence[RecordedEvent]]:
    """The pages of the log in (after, through]; while one is worked on, the next is read and decoded."""
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        coming = reader.submit(log.page, after, _PAGE)
        while page := [recorded for recorded in coming.result() if recorded.position <= through]:
            coming = reader.submit(log.page, page[-1].position, _PAGE)
            yield page
