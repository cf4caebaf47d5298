"""Read models built anew from the log, in a schema of their own, beside whatever is live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from psycopg import sql

from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool, PostgresRecorder, Share
from infra.event_store import EventLog
from projections.filling import Span, Tables, fence_of, fill
from projections.filling_process import FillingProcess, is_by_stream, names_to_share
from projections.relational import Progress, RelationalProjection, names_of_no_use
from read_models.dead_letters import DEAD_LETTERS
from write_model.base import EVENTS

_PROCESSES = 2  # beside this one
_WORTH_PROCESSES = 50_000  # for fewer events, starting them takes longer than what it saves
_FINISH_AT_ONCE = 2
# Several at once keep the cores busy already. What the planner must know of a table it sees in thousands of rows; by
# default it would read and sort tens of thousands of each, which for all tables takes as long as their largest index.
_FINISHING = """SET LOCAL maintenance_work_mem TO '256MB'; SET LOCAL max_parallel_maintenance_workers TO 0;
    SET LOCAL default_statistics_target TO 25"""


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
        """Applies all events up to a position, page by page; where they are many, in several processes."""
        names = self._names_to_share(through - self.position)
        with ExitStack() as stack:
            shares = [Share(names, number, _PROCESSES) for number in range(_PROCESSES)] if names else []
            processes = [stack.enter_context(self._process(share, through)) for share in shares]
            lanes: list[Iterator[int]] = [*processes, self._fill(names, through)]
            reached = [self.position] * len(lanes)
            while self.position < through:
                slowest = reached.index(self.position)
                reached[slowest] = next(lanes[slowest])
                if min(reached) > self.position:
                    self.position = min(reached)
                    progress(self.position, through)

    def _names_to_share(self, events: int) -> tuple[str, ...]:
        """The names of the events that processes of their own apply.

        None where the log has events that nobody here knows: such a one is for all projections, and what comes behind
        it in its stream waits for it.
        """
        recorder = self._log.recorder
        if not isinstance(recorder, PostgresRecorder) or events <= _WORTH_PROCESSES or recorder.has_others(EVENTS):
            return ()
        return names_to_share(self.projections)

    def _process(self, share: Share, through: int) -> FillingProcess:
        assert isinstance(self._log.recorder, PostgresRecorder)
        projections = [projection for projection in self.projections if is_by_stream(projection)]
        return FillingProcess(self._log.recorder.dsn, projections, self._tables, Span(self.position, through), share)

    def _fill(self, without: tuple[str, ...], through: int) -> Iterator[int]:
        """Applies what processes of their own don't."""
        useless = without + names_of_no_use(self.projections)

        def read(after: int, limit: int) -> Sequence[RecordedEvent]:
            return self._log.page(after, limit, useless)

        return fill(self._pool, read, self.projections, self._tables, Span(self.position, through))

    def finish(self) -> None:
        """Makes the indexes that are still missing, and tells the planner what is there."""
        with ThreadPoolExecutor(_FINISH_AT_ONCE, "finish") as finishers:
            for done in [finishers.submit(self._finish, projection) for projection in self.projections[::-1]]:
                done.result()

    def _finish(self, projection: RelationalProjection) -> None:
        with self._tables.transaction(self._pool) as connection:
            connection.execute(_FINISHING)
            connection.execute(projection.tables.encode())
            for table in _names([projection]):
                connection.execute(sql.SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(table))
                connection.execute(sql.SQL("ANALYZE {}").format(table))

    def drop(self) -> None:
        with self._pool.connection() as connection:
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(self.schema)))


def _names(projections: Sequence[RelationalProjection]) -> list[sql.Identifier]:
    return [sql.Identifier(name) for projection in projections for name in projection.table_names]
