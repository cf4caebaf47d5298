"""The columnar read models: prices and curve points, small publications and curves together in one insert.

ClickHouse has no transaction over insert and checkpoint. A batch that is done again after a crash is harmless, since
every insert carries a deduplication token made of its events' positions, and what goes in together was noted before;
and reads stop at the checkpoint, and leave out what is set aside as a dead letter. Each projection follows the log by
itself: none waits for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

from psycopg import sql

from infra.clickhouse import ClickHouse
from infra.clickhouse_tables import beside
from infra.database_locks import DatabaseLocks
from infra.definitions import lock_definitions
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool, one_statement
from infra.event_store import EventLog
from infra.failures import attempt
from projections.changing import changed
from projections.columnar_build import (
    ColumnarProjection,
    SetAside,
    SummaryInserts,
    TableBuild,
    delete_positions,
)
from projections.columnar_differences import differences, summary_differences
from projections.columnar_inserts import LiveInserts
from projections.relational import Progress
from projections.retries import Retried, retry_streams
from read_models import columnar_builds as builds
from read_models import dead_letters
from read_models.batch import Cursor
from read_models.changes import ANEW, CHANGES, note_changes
from read_models.columnar_inserts import COLUMNAR_INSERTS, Begun, begun_inserts, forget_inserts
from read_models.relational import CHECKPOINTS, LIVE_SCHEMA, load_checkpoint, save_checkpoint, save_checkpoint_soon

# A build catches up while the log goes on, and stops live batches only for its last few events.
LAST_EVENTS = 50


@dataclass(frozen=True)
class _Batch:
    """Events up to the position `through`: those that bring rows which are not there yet, the streams that wait behind
    a dead letter, each with its position, and what was begun.
    """

    through: int
    fresh: Sequence[RecordedEvent]
    parked: dict[UUID, int]
    begun: Sequence[Begun]

    @property
    def ready(self) -> list[RecordedEvent]:
        """What need not wait, and what was begun, which goes in as it was."""
        under_way = {position for each in self.begun for position in each.positions}
        return [r for r in self.fresh if r.stream_id not in self.parked or r.position in under_way]


class ColumnarProjector:
    """Loads rows first and moves the checkpoint after.

    A rebuild fills a table beside the live one while live batches go on, and exchanges the two. They wait for its last
    few events only.
    """

    def __init__(self, pool: Pool, clickhouse: ClickHouse, projections: Sequence[ColumnarProjection]) -> None:
        self._pool = pool
        self._clickhouse = clickhouse
        self.projections = projections
        self._store = clickhouse.store_id
        locks = DatabaseLocks(pool)  # for another process may write, rebuild or verify, too
        # Held by whoever writes to the live table, or puts another one in its place.
        self._writing = {p.name: locks.named(f"{self._store} {p.name} writing") for p in projections}
        # Held by whoever makes a table beside it, or touches rows below the checkpoint.
        self._building = {p.name: locks.named(f"{self._store} {p.name} building") for p in projections}

    def load(self, projection: ColumnarProjection) -> int:
        """Creates what is missing, drops what a crash left, and returns the position from which it goes on.

        That is 0 for a projection of another version than the one that filled its table: `prepare` builds it anew, and
        until that is done the old table answers as far as it had come.
        """
        with self._cursor() as cursor:
            lock_definitions(cursor)
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(LIVE_SCHEMA)))
            for tables in (CHECKPOINTS, dead_letters.DEAD_LETTERS, builds.COLUMNAR_BUILDS, COLUMNAR_INSERTS, CHANGES):
                cursor.execute(tables.encode())
            checkpoint = self._checkpoint(cursor, projection)
            has_leftovers = builds.may_have_leftovers(cursor, projection.name, self._store)
        if has_leftovers and self._building[projection.name].acquire(blocking=False):
            try:
                self._drop_leftovers(projection)
            finally:
                self._building[projection.name].release()
        # A table that was ever loaded is there; asking would start the engine for nothing.
        if not checkpoint:
            projection.create_tables(self._clickhouse)
        return checkpoint

    def prepare(self, projection: ColumnarProjection, log: EventLog, progress: Progress) -> int:
        """Builds the table where it is new, lost, or of another version; returns the position from which to follow."""
        with self._cursor() as cursor:
            checkpoint = self._checkpoint(cursor, projection)
        return checkpoint or self.rebuild(projection, log, progress)

    def handle(self, projection: ColumnarProjection, log: EventLog, events: Sequence[RecordedEvent]) -> None:
        """Loads the rows of all events, side by side, then records that they are there."""
        if not any(map(projection.wants, events)):
            self._pass_over(projection, events[-1].position)
            return
        with self._writing[projection.name]:
            inserts = LiveInserts(self._cursor, self._clickhouse, projection)
            batch = self._batch(projection, log, events)
            if any(each.is_to_be_parted for each in batch.begun):
                inserts.part()
                batch = self._batch(projection, log, events)
            inserts.all_of(batch.ready, batch.begun)
            waiting = [SetAside(r, None, batch.parked[r.stream_id]) for r in batch.fresh if r.stream_id in batch.parked]
            self._record(projection, batch, waiting)

    def isolate(self, projection: ColumnarProjection, log: EventLog, events: Sequence[RecordedEvent]) -> None:
        """As `handle`, one by one; what fails by its own fault is set aside, with all that follows in its stream."""
        with self._writing[projection.name]:
            inserts = LiveInserts(self._cursor, self._clickhouse, projection)
            batch = self._batch(projection, log, events)
            inserts.part()
            inserts.note([[recorded.position] for recorded in batch.fresh])
            set_aside: list[SetAside] = []
            for recorded in batch.fresh:
                if recorded.stream_id in batch.parked:
                    set_aside.append(SetAside(recorded, None, batch.parked[recorded.stream_id]))
                    continue
                failure = attempt(partial(inserts.alone, recorded))
                if failure is not None:
                    batch.parked[recorded.stream_id] = recorded.position
                    set_aside.append(SetAside(recorded, failure))
            self._record(projection, batch, set_aside)

    def retry(self, projection: ColumnarProjection, log: EventLog, position: int | None = None) -> Retried:
        """Applies what was set aside: all of it, or the stream of the dead letter at `position`."""
        with self._building[projection.name], self._writing[projection.name]:
            return retry_streams(self._pool, projection.name, log, partial(self._insert_again, projection), position)

    def rebuild(self, projection: ColumnarProjection, log: EventLog, progress: Progress) -> int:
        """Fills the table anew from the whole log and swaps it in; returns the position it came to."""
        with self._building[projection.name]:
            build = self._begin(projection, "rebuilt")
            while self._goal(projection, log) - build.position > LAST_EVENTS:
                build.fill(log, self._goal(projection, log), progress)
            with self._writing[projection.name]:
                build.fill(log, self._goal(projection, log), progress)
                self._swap(projection, build)
        return build.position

    def verify(self, projection: ColumnarProjection, log: EventLog, progress: Progress) -> list[str]:
        """The rows that differ between the live table and a rebuild, as text, a few of them; empty when equal.

        Compared is what lies up to the checkpoint at its start, without what is set aside: live batches go on.
        """
        with self._building[projection.name]:
            with self._cursor() as cursor:
                through = self._checkpoint(cursor, projection)
                set_aside = dead_letters.dead_positions(cursor, projection.name)
            build = self._begin(projection, "verified")
            try:
                build.fill(log, through, progress)
                return differences(
                    self._clickhouse, projection.table, build.table, through, set_aside
                ) or self._summary_differences(projection, build, through, set_aside)
            finally:
                build.drop()

    def _summary_differences(
        self, projection: ColumnarProjection, build: TableBuild, through: int, set_aside: Sequence[int]
    ) -> list[str]:
        if projection.summary is None:
            return []
        live = projection.summary.table
        with self._writing[projection.name]:  # a row that is replaced meanwhile would be one that differs
            return summary_differences(self._clickhouse, live, build.name(live), through, set_aside)

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        """One transaction."""
        with self._pool.connection() as connection, connection.cursor() as cursor:
            yield cursor

    def _checkpoint(self, cursor: Cursor, projection: ColumnarProjection) -> int:
        return load_checkpoint(cursor, projection.name, projection.version, self._store)

    def _batch(self, projection: ColumnarProjection, log: EventLog, events: Sequence[RecordedEvent]) -> _Batch:
        """What there is to do of these events, and of what whoever came to no end has begun beyond them."""
        with self._cursor() as cursor:
            seen = self._checkpoint(cursor, projection)
            parked = dead_letters.parked_streams(cursor, projection.name)
            begun = begun_inserts(cursor, projection.name, self._store, after=seen)
        last = max((position for each in begun for position in each.positions), default=0)
        # The checkpoint never comes to stand among events that go in together.
        while events[-1].position < last and (more := log.page(events[-1].position)):
            events = [*events, *more]
        fresh = [r for r in events if r.position > seen and projection.wants(r)]
        return _Batch(events[-1].position, fresh, parked, begun)

    def _insert_again(self, projection: ColumnarProjection, cursor: Cursor, recorded: RecordedEvent) -> None:
        """Readers leave the event out as long as it is a dead letter, so that it may be there half, or taken away."""
        rows = projection.rows(recorded)
        delete_positions(self._clickhouse, projection.table, [recorded.position])
        # The engine remembers the event's own token, though its rows may be gone.
        token = f"{projection.token(recorded)}:{uuid4()}"
        self._clickhouse.insert_arrow(f"ch.{projection.table}", rows, deduplication_token=token)
        summary = SummaryInserts(self._clickhouse, projection.summary)
        summary.add(summary.taken(rows))
        summary.flush()
        note_changes(cursor, {projection.name: ANEW}, self._store)

    def _pass_over(self, projection: ColumnarProjection, position: int) -> None:
        """Most events are none of most projections' concern. The rows of one that is rebuilt meanwhile are the same."""
        with one_statement(self._pool) as connection, connection.cursor() as cursor:
            save_checkpoint_soon(cursor, projection.name, projection.version, position, self._store)

    def _record(self, projection: ColumnarProjection, batch: _Batch, set_aside: Sequence[SetAside]) -> None:
        with self._cursor() as cursor:
            _note(cursor, projection, set_aside)
            save_checkpoint(cursor, projection.name, projection.version, batch.through, self._store)
            forget_inserts(cursor, projection.name, self._store, batch.through)
            note_changes(cursor, {projection.name: changed(projection.parts, batch.fresh)}, self._store)

    def _begin(self, projection: ColumnarProjection, purpose: str) -> TableBuild:
        self._drop_leftovers(projection)
        with self._cursor() as cursor:
            builds.note_build(cursor, projection.name, self._store)
        return TableBuild(self._clickhouse, projection, partial(beside, purpose=purpose))

    def _goal(self, projection: ColumnarProjection, log: EventLog) -> int:
        """How far a build has to come: as far as the live table, or, where that is of no use, the whole log."""
        with self._cursor() as cursor:
            return self._checkpoint(cursor, projection) or log.head()

    def _swap(self, projection: ColumnarProjection, build: TableBuild) -> None:
        """Whenever a crash comes in between, what is in neither table is a dead letter, and so left out by readers."""
        with self._cursor() as cursor:
            _note(cursor, projection, build.set_aside)
        # Between the two exchanges one table is older: both hold what came up to the checkpoint.
        for table in projection.tables:
            self._clickhouse.tables.exchange(table, build.name(table))
        with self._cursor() as cursor:
            dead_letters.keep_dead_letters(cursor, projection.name, [s.recorded.position for s in build.set_aside])
            save_checkpoint(cursor, projection.name, projection.version, build.position, self._store)
            forget_inserts(cursor, projection.name, self._store, build.position)
            note_changes(cursor, {projection.name: ANEW}, self._store)

    def _drop_leftovers(self, projection: ColumnarProjection) -> None:
        """Tables that an interrupted build left, unless somebody still reads them."""
        for table in projection.tables:
            self._clickhouse.tables.drop_beside(table)
        with self._cursor() as cursor:
            builds.forget_builds(cursor, projection.name, self._store)


def _note(cursor: Cursor, projection: ColumnarProjection, set_aside: Sequence[SetAside]) -> None:
    for each in set_aside:
        if each.failure is not None:
            dead_letters.add_dead_letter(cursor, projection.name, each.recorded, each.failure)
        else:
            assert each.follows is not None
            dead_letters.park_behind(cursor, projection.name, each.recorded, each.follows)
