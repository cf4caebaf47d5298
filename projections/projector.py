"""The live relational read models: all of them follow the log together, rows and checkpoints in one transaction.

One that is built anew is built in another schema while the live one goes on, and takes its place in one transaction.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count

import psycopg
from psycopg import sql

from infra.database_locks import DatabaseLocks
from infra.definitions import lock_definitions
from infra.errors import PlatformError
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from projections.building import Building
from projections.changing import changed
from projections.comparison import LiveRows
from projections.parking import apply_or_park
from projections.relational import Progress, RelationalProjection, shares, views_of
from projections.retries import Retried, retry_streams
from read_models.batch import Cursor
from read_models.changes import ANEW, CHANGES, Part, note_changes
from read_models.dead_letters import DEAD_LETTERS, keep_dead_letters
from read_models.relational import (
    CHECKPOINTS,
    LIVE_SCHEMA,
    create_views,
    drop_views,
    load_checkpoints,
    save_checkpoints,
)

logger = logging.getLogger(__name__)

BUILDING, VERIFYING = "building", "verifying"
LIVE_BATCH = 2_000
"""Events in a transaction while the live tables are behind; each transaction costs as much as some hundred events."""

# A reader that comes while the tables are exchanged waits no longer than this for each of them.
_LOCK_TIMEOUT = "100ms"
_PAUSE_S = 0.3  # before the exchange is tried again, because somebody reads for long
_TRIES_UNTIL_TOLD = 20
_REPORT_EVERY_S = 5.0


class RelationalProjector:
    """Applies batches of the log to every projection that has not seen them yet."""

    def __init__(self, pool: Pool, log: EventLog, projections: Sequence[RelationalProjection]) -> None:
        self._pool = pool
        self._log = log
        self.projections = projections
        self._versions = {projection.name: projection.version for projection in projections}
        locks = DatabaseLocks(pool)  # for another process may write, rebuild or verify, too
        self._live = locks.named("relational live")  # held while the live tables are written or exchanged
        self._beside = locks.named("relational beside")  # held while something is built beside them

    def load(self) -> int:
        """Makes ready what is missing and returns the position from which all projections can go on.

        A projection that is new, or of another version than the one that filled its tables, is built from the events
        before this returns. Until then its old tables stay as they are.
        """
        if self._beside.acquire(blocking=False):
            try:
                self._drop_leftovers()
            finally:
                self._beside.release()
        with self._pool.connection() as connection, connection.cursor() as cursor:
            lock_definitions(cursor)
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(LIVE_SCHEMA)))
            cursor.execute(CHECKPOINTS)
            cursor.execute(DEAD_LETTERS)
            cursor.execute(CHANGES)
            positions = load_checkpoints(cursor, self._versions)
        missing = [projection for projection in self.projections if not positions[projection.name]]
        if missing:
            self.rebuild(missing, _reporting(missing))
        return self._live_position()

    def _drop_leftovers(self) -> None:
        """What a process left that did not end in peace."""
        with self._pool.connection() as connection, connection.cursor() as cursor:
            for schema in (BUILDING, VERIFYING):
                cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))

    def handle(self, events: Sequence[RecordedEvent]) -> None:
        """One transaction: the rows of all events and the checkpoints after them, or nothing."""
        with self._live:
            self._write(events, isolating=False)

    def isolate(self, events: Sequence[RecordedEvent]) -> None:
        """As `handle`, but events that fail by their own fault are parked, each for the projection that it fails."""
        with self._live:
            self._write(events, isolating=True)

    def retry(self, projection: RelationalProjection, log: EventLog, position: int | None = None) -> Retried:
        """Applies what was set aside: all of it, or the stream of the dead letter at `position`."""

        def apply(cursor: Cursor, recorded: RecordedEvent) -> None:
            projection.apply(cursor, [recorded])
            note_changes(cursor, {projection.name: ANEW})

        with self._live:
            return retry_streams(self._pool, projection.name, log, apply, position)

    def rebuild(self, projections: Sequence[RelationalProjection], progress: Progress) -> int:
        """Builds the tables anew beside the live ones and exchanges them; returns the position they came to.

        Raises PlatformError while another rebuild or verification is under way.
        """
        with self._built_beside(projections, BUILDING) as building:
            building.advance(self._log.head(), progress)
            building.finish()
            for tries in count(1):
                building.advance(self._log.head(), progress)
                with self._live:
                    building.advance(self._log.head(), _silent)
                    if self._exchange(building):
                        break
                if tries % _TRIES_UNTIL_TOLD == 0:
                    logger.warning("the rebuilt tables are ready and wait for a transaction that reads the live ones")
                time.sleep(_PAUSE_S)
            return building.position

    def verify(self, projections: Sequence[RelationalProjection], progress: Progress) -> dict[str, list[str]]:
        """By projection the rows that differ between the live tables and a rebuild, as text, a few of each table.

        Both are compared as they stand at one position; live work goes on meanwhile.
        """
        with self._built_beside(projections, VERIFYING) as building:
            building.advance(self._live_position(), progress)
            building.advance(self._live_position(), progress)
            with LiveRows(self._pool, LIVE_SCHEMA) as live:
                with self._live:
                    building.advance(self._evened(), _silent)
                    live.hold(table for projection in projections for table in projection.table_names)
                return {projection.name: live.differences(building, projection) for projection in projections}

    @contextmanager
    def _built_beside(self, projections: Sequence[RelationalProjection], schema: str) -> Iterator[Building]:
        if not self._beside.acquire(blocking=False):
            raise PlatformError(
                "Read models are being rebuilt or verified already", "Wait for that to end; then do it again."
            )
        building = Building(self._pool, self._log, projections, schema)
        try:
            building.start()
            yield building
        finally:
            try:
                building.drop()
            finally:
                self._beside.release()

    def _write(self, events: Sequence[RecordedEvent], *, isolating: bool) -> None:
        with self._pool.connection() as connection, connection.cursor() as cursor:
            # Until this ends: a process that lost its lock with its session must not write the same events beside us.
            cursor.execute("SELECT pg_advisory_xact_lock(2540005)")
            cursor.execute("SELECT DISTINCT projection FROM dead_letter")
            parking = {name for (name,) in cursor.fetchall()}
            # Asked of the database each time: a commit may have been done though its answer never came.
            seen = load_checkpoints(cursor, self._versions)
            changes: dict[str, dict[Part, int]] = {}
            for projection, share in zip(self.projections, shares(self.projections, events), strict=True):
                fresh = [recorded for recorded in share if recorded.position > seen[projection.name]]
                changes[projection.name] = changed(projection.parts, fresh)
                if isolating or projection.name in parking:
                    apply_or_park(connection, projection, fresh)
                else:
                    projection.apply(cursor, fresh)
            save_checkpoints(cursor, self._versions, events[-1].position)
            note_changes(cursor, changes)

    def _exchange(self, building: Building) -> bool:
        """Puts the built tables in place of the live ones; False when a reader would not let go of these in time."""
        tables = [table for projection in building.projections for table in projection.table_names]
        views = views_of(self.projections)
        try:
            with self._pool.connection() as connection, connection.cursor() as cursor:
                cursor.execute(sql.SQL("SET LOCAL lock_timeout TO {}").format(sql.Literal(_LOCK_TIMEOUT)))
                drop_views(cursor, views, LIVE_SCHEMA)
                for table in tables:
                    names = {"live": sql.Identifier(LIVE_SCHEMA), "built": sql.Identifier(building.schema)}
                    for statement in (
                        "DROP TABLE IF EXISTS {live}.{table}",
                        "ALTER TABLE {built}.{table} SET SCHEMA {live}",
                    ):
                        cursor.execute(sql.SQL(statement).format(table=sql.Identifier(table), **names))
                create_views(cursor, views, LIVE_SCHEMA)
                self._take_over(cursor, building)
        except psycopg.errors.LockNotAvailable:
            return False
        return True

    def _take_over(self, cursor: Cursor, building: Building) -> None:
        """The built rows come with their own position, and with the events that could not be applied to them."""
        versions = {projection.name: projection.version for projection in building.projections}
        save_checkpoints(cursor, versions, building.position)
        note_changes(cursor, dict.fromkeys(versions, ANEW))
        for name in versions:
            keep_dead_letters(cursor, name, [])
        statement = sql.SQL("INSERT INTO dead_letter SELECT * FROM {}.dead_letter")
        cursor.execute(statement.format(sql.Identifier(building.schema)))

    def _live_position(self) -> int:
        """The position to which all live tables have come."""
        return min(self._live_positions())

    def _live_positions(self) -> list[int]:
        with self._pool.connection() as connection, connection.cursor() as cursor:
            return list(load_checkpoints(cursor, self._versions).values())

    def _evened(self) -> int:
        """Brings all live tables to one position and returns it: after a rebuild some are ahead for a moment."""
        positions = self._live_positions()
        while min(positions) < max(positions):
            page = self._log.page(min(positions))
            self._write([recorded for recorded in page if recorded.position <= max(positions)], isolating=True)
            positions = self._live_positions()
        return min(positions)


def _silent(position: int, of: int) -> None:
    """For what is done while live batches wait: nobody may use the moment."""


def _reporting(projections: Sequence[RelationalProjection]) -> Progress:
    """Says now and then how far a build at the start has come, and when it will be done."""
    names, started, last = ", ".join(p.name for p in projections), time.monotonic(), [time.monotonic()]

    def report(position: int, of: int) -> None:
        now = time.monotonic()
        if now - last[0] >= _REPORT_EVERY_S:
            last[0] = now
            left_s = (now - started) / position * (of - position)
            logger.warning(
                "read models are built from the events: %s; %d of %d, %.0f s left", names, position, of, left_s
            )

    return report
