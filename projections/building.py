"""Read models built anew from the log, in a schema of their own, beside whatever is live."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from psycopg import sql

from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import EventLog
from projections.filling import Span, Tables, fence_of, fill
from projections.filling_process import FillingProcess, can_go_apart
from projections.relational import Progress, RelationalProjection, names_of_no_use
from read_models.dead_letters import DEAD_LETTERS

_WORTH_A_PROCESS = 50_000  # for fewer events, starting one takes longer than what it saves
_FINISH_AT_ONCE = 2


class Building:
    """The tables of some projections in `schema`, as they stand at `position`."""

    def __init__(self, pool: Pool, log: EventLog, projections: Sequence[RelationalProjection], schema: str) -> None:
        self._pool = pool
        self._log = log
        self._tables = Tables(schema)
        self.projections = projections
        self.schema = schema
        self.position = 0

    def start(self) -> None:
        """Empty tables, in place of what an interrupted build left."""
        self._tables = Tables(self.schema)
        self.drop()
        with self._tables.transaction(self._pool) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self.schema)))
            connection.execute(DEAD_LETTERS)
            for projection in self.projections:
                connection.execute(projection.tables_alone.encode())
            for table in _names(self.projections):
                # Vacuum would look through them again and again while they grow.
                connection.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(table))
            fence = fence_of(connection)
        self._tables = Tables(self.schema, fence)
        self.position = 0

    def advance(self, through: int, progress: Progress) -> None:
        """Applies all events up to a position, page by page; where they are many, in two processes."""
        apart, own = self._shared_out(through - self.position)
        with ExitStack() as stack:
            process = stack.enter_context(self._process(apart, through)) if apart else None
            for position in fill(self._pool, self._log, own, self._tables, _span(own, self.position, through)):
                if process:
                    process.reach(position)
                self.position = position
                progress(position, through)

    def _shared_out(self, events: int) -> tuple[list[RelationalProjection], list[RelationalProjection]]:
        """The projections that a process of its own fills, and the others."""
        apart = [projection for projection in self.projections if can_go_apart(projection)]
        own = [projection for projection in self.projections if not can_go_apart(projection)]
        is_within_reach = isinstance(self._log.recorder, PostgresRecorder)
        if own and is_within_reach and events > _WORTH_A_PROCESS:
            return apart, own
        return [], [*self.projections]

    def _process(self, projections: Sequence[RelationalProjection], through: int) -> FillingProcess:
        assert isinstance(self._log.recorder, PostgresRecorder)
        span = _span(projections, self.position, through)
        return FillingProcess(self._log.recorder.dsn, projections, self._tables, span)

    def finish(self) -> None:
        """Makes the indexes that are still missing, and tells the planner what is there."""
        with ThreadPoolExecutor(_FINISH_AT_ONCE, "finish") as finishers:
            for done in [finishers.submit(self._finish, projection) for projection in self.projections[::-1]]:
                done.result()

    def _finish(self, projection: RelationalProjection) -> None:
        with self._tables.transaction(self._pool) as connection:
            connection.execute("SET LOCAL maintenance_work_mem TO '256MB'")
            connection.execute(projection.tables.encode())
            for table in _names([projection]):
                connection.execute(sql.SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(table))
                connection.execute(sql.SQL("ANALYZE {}").format(table))

    def drop(self) -> None:
        with self._pool.connection() as connection:
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(self.schema)))


def _names(projections: Sequence[RelationalProjection]) -> list[sql.Identifier]:
    return [sql.Identifier(name) for projection in projections for name in projection.table_names]


def _span(projections: Sequence[RelationalProjection], after: int, through: int) -> Span:
    return Span(after, through, names_of_no_use(projections))
