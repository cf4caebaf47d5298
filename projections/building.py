"""Read models built anew from the log, in a schema of their own, beside whatever is live.

Each page of events is a transaction that does not wait for the disk: a build that was interrupted starts over, and the
commit that puts a finished one into use does wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Semaphore
from typing import NamedTuple

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.failures import is_fault_of_event
from projections.parking import apply_or_park
from projections.relational import Progress, RelationalProjection, shares
from read_models.dead_letters import DEAD_LETTERS

_PAGE = 10_000
_PAGES_AHEAD = 1  # how far a projection may be before the slowest
_AT_ONCE = 3  # projections that are at work, each with a connection
_FINISH_AT_ONCE = 2


class _Page(NamedTuple):
    """A page that projections are working on; its last position."""

    position: int
    parts: list[Future[None]]


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
            connection.execute(DEAD_LETTERS)
            for projection in self.projections:
                connection.execute(projection.tables_alone.encode())
            for table in _tables(self.projections):
                # Vacuum would look through them again and again while they grow.
                connection.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(table))
        self.position = 0

    def advance(self, through: int, progress: Progress) -> None:
        """Applies all events up to a position, page by page.

        Each projection goes through the pages on its own, a few ahead of the slowest: while the rows of one are on
        their way to the database, another makes its own. The last ones have the most to do, so they begin.
        """
        at_once = Semaphore(_AT_ONCE)
        with ExitStack() as stack:
            lanes = [stack.enter_context(ThreadPoolExecutor(1, "build")) for _ in self.projections]
            under_way: deque[_Page] = deque()
            for page in _read_ahead(self._log, self.position, through):
                work = zip(lanes, self.projections, shares(self.projections, page), strict=True)
                parts = [lane.submit(self._apply, own, share, at_once) for lane, own, share in [*work][::-1] if share]
                under_way.append(_Page(page[-1].position, parts))
                if len(under_way) > _PAGES_AHEAD:
                    self._complete(under_way.popleft(), through, progress)
            while under_way:
                self._complete(under_way.popleft(), through, progress)

    def _complete(self, page: _Page, through: int, progress: Progress) -> None:
        for part in page.parts:
            part.result()
        self.position = page.position
        progress(page.position, through)

    def _apply(self, projection: RelationalProjection, events: Sequence[RecordedEvent], at_once: Semaphore) -> None:
        with at_once:
            try:
                with self.transaction() as connection, connection.cursor() as cursor:
                    projection.apply(cursor, events)
            except Exception as error:
                if not is_fault_of_event(error):
                    raise
                with self.transaction() as connection:
                    apply_or_park(connection, projection, events)

    def finish(self) -> None:
        """Makes the indexes that are still missing, and tells the planner what is there."""
        with ThreadPoolExecutor(_FINISH_AT_ONCE, "finish") as finishers:
            for done in [finishers.submit(self._finish, projection) for projection in self.projections[::-1]]:
                done.result()

    def _finish(self, projection: RelationalProjection) -> None:
        with self.transaction() as connection:
            connection.execute("SET LOCAL maintenance_work_mem TO '256MB'")
            connection.execute(projection.tables.encode())
            for table in _tables([projection]):
                connection.execute(sql.SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(table))
                connection.execute(sql.SQL("ANALYZE {}").format(table))

    def drop(self) -> None:
        with self.transaction() as connection:
            connection.execute(self._named("DROP SCHEMA IF EXISTS {} CASCADE"))

    @contextmanager
    def transaction(self) -> Iterator[Connection[TupleRow]]:
        """A transaction in which tables without a schema are those of this build."""
        with self._pool.connection() as connection:
            connection.execute(self._named("SET LOCAL search_path TO {}; SET LOCAL synchronous_commit TO off"))
            yield connection

    def _named(self, statement: str) -> sql.Composed:
        return sql.SQL(statement).format(sql.Identifier(self.schema))


def _tables(projections: Sequence[RelationalProjection]) -> list[sql.Identifier]:
    return [sql.Identifier(name) for projection in projections for name in projection.table_names]


def _read_ahead(log: EventLog, after: int, through: int) -> Iterator[Sequence[RecordedEvent]]:
    """The pages of the log in (after, through]; while one is worked on, the next is read and decoded."""
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        coming = reader.submit(log.page, after, _PAGE)
        while page := [recorded for recorded in coming.result() if recorded.position <= through]:
            coming = reader.submit(log.page, page[-1].position, _PAGE)
            yield page
