"""The event table in PostgreSQL, behind the recorder interface of the eventsourcing library.

Positions come from the single row of `log.head`, which the appending statement itself updates: they have no gaps and
follow commit order, so a reader that asks for what lies after its position can never miss a late commit. Only a log
that was taken over from another store may have gaps, up to its last event there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from time import sleep
from typing import Any, LiteralString, cast
from uuid import UUID

import msgspec
import psycopg
from eventsourcing.persistence import ApplicationRecorder, IntegrityError, Notification, StoredEvent, Subscription
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from infra.definitions import lock_definitions
from infra.event_digests import DigestedPage, digested_pages, digested_pages_with_gaps
from infra.event_mapper import LoggedEvent
from infra.recorder import LoggedNotification, LogState, read_recorded_at, refuse_unusable

Pool = ConnectionPool[psycopg.Connection[TupleRow]]

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS log;
CREATE TABLE IF NOT EXISTS log.head (
    one bool PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL,
    log_id uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO log.head (position) VALUES (0) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS log.events (
    position bigint PRIMARY KEY,
    stream_id uuid NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    metadata bytea NOT NULL,
    payload bytea NOT NULL,
    recorded_at timestamptz,
    UNIQUE (stream_id, version)
);
CREATE INDEX IF NOT EXISTS events_recorded_at ON log.events (recorded_at);
CREATE TABLE IF NOT EXISTS log.takeover (
    one bool PRIMARY KEY DEFAULT true CHECK (one),
    state text NOT NULL,
    events bigint NOT NULL DEFAULT 0,
    through bigint NOT NULL DEFAULT 0,
    target text
);
"""
# What `log.takeover` says of a log that came from elsewhere, or went there; without a row it was founded here.
RECEIVING, WHOLE, LEFT = "receiving", "whole", "left"

_APPEND = """
WITH head AS (UPDATE log.head SET position = position + %(count)s RETURNING position - %(count)s AS base)
INSERT INTO log.events (position, stream_id, version, name, metadata, payload, recorded_at)
SELECT head.base + e.ordinal, e.stream_id, e.version, e.name, e.metadata, e.payload, e.recorded_at
FROM head, unnest(%(streams)b::uuid[], %(versions)b::int[], %(names)b::text[], %(metadata)b::bytea[],
                  %(payloads)b::bytea[], %(times)b::timestamptz[])
     WITH ORDINALITY AS e (stream_id, version, name, metadata, payload, recorded_at, ordinal)
RETURNING position
"""

_COLUMNS = "position, stream_id, version, name, metadata, payload, recorded_at"
_FIELDS = ("id", "originator_id", "originator_version", "topic", "metadata", "state", "recorded_at")


class Share(msgspec.Struct, frozen=True):
    """Of the events of some names those of about one stream in `of`; the n-th share, from 0."""

    names: tuple[str, ...]
    number: int
    of: int


class PostgresRecorder(ApplicationRecorder):
    """Appends and reads events; every append is one statement and one transaction."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    @property
    def dsn(self) -> str:
        """Where the log is, for a process of its own that reads it."""
        dsn = self.pool.conninfo
        assert isinstance(dsn, str)
        return dsn

    def create_schema(self) -> None:
        """Creates the log's tables where they are missing; safe beside another process doing the same."""
        with self.pool.connection() as connection:
            lock_definitions(connection)
            connection.execute(_SCHEMA)

    def log_id(self) -> UUID:
        """What tells this log from every other one. Raises UnusableLog where it is not whole, or is elsewhere now."""
        with self.pool.connection() as connection:
            row = connection.execute(
                "SELECT log_id, state, target FROM log.head LEFT JOIN log.takeover USING (one)"
            ).fetchone()
        assert row is not None
        refuse_unusable(is_receiving=row[1] == RECEIVING, target=row[2])
        return cast(UUID, row[0])

    def known_id(self) -> UUID | None:
        with self.pool.connection() as connection:
            row = connection.execute("SELECT log_id FROM log.head").fetchone()
        return row[0] if row else None

    def left_for(self) -> str | None:
        with self.pool.connection() as connection:
            row = connection.execute("SELECT target FROM log.takeover").fetchone()
        return row[0] if row else None

    def leave(self, target: str) -> None:
        with self.pool.connection() as connection:
            connection.execute(
                """INSERT INTO log.takeover (state, target) VALUES (%(state)s, %(target)s)
                   ON CONFLICT (one) DO UPDATE SET state = excluded.state, target = excluded.target""",
                {"state": LEFT, "target": target},
            )

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Appends all events or none and returns their positions.

        Raises IntegrityError when a stream already has one of the versions: somebody else appended in between.
        """
        if not stored_events:
            return []
        metadata = [e.metadata if isinstance(e, LoggedEvent) else b"{}" for e in stored_events]
        parameters = {
            "count": len(stored_events),
            "streams": [e.originator_id for e in stored_events],
            "versions": [e.originator_version for e in stored_events],
            "names": [e.topic for e in stored_events],
            "metadata": metadata,
            "payloads": [e.state for e in stored_events],
            "times": [read_recorded_at(m).recorded_at for m in metadata],
        }
        try:
            with one_statement(self.pool) as connection:
                rows = connection.execute(_APPEND, parameters, prepare=True).fetchall()
        except psycopg.errors.UniqueViolation as error:
            raise IntegrityError(str(error)) from error
        return sorted(row[0] for row in rows)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[LoggedNotification]:
        """The events of one stream, in version order."""
        # The order is the only part that is not a parameter, and it comes from a bool.
        query = f"""SELECT {_COLUMNS} FROM log.events
            WHERE stream_id = %s AND version > coalesce(%s, -1) AND version <= coalesce(%s, 2147483647)
            ORDER BY version {"DESC" if desc else "ASC"} LIMIT %s"""  # noqa: S608
        with one_statement(self.pool) as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(query, (originator_id, gt, lte, limit)).fetchall()
        return [_notification(row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[LoggedNotification]:
        """The log from a position on, in position order."""
        after = (start or 0) - 1 if inclusive_of_start else (start or 0)
        query = f"""SELECT {_COLUMNS} FROM log.events
            WHERE position > %s AND position <= coalesce(%s, 9223372036854775807)
              AND (cardinality(%s::text[]) = 0 OR name = ANY(%s::text[]))
            ORDER BY position LIMIT %s"""  # noqa: S608
        names = list(topics)
        with one_statement(self.pool) as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(query, (after, stop, names, names, limit)).fetchall()
        return [_notification(row) for row in rows]

    def select_rows(self, after: int, limit: int, without: Sequence[str] = ()) -> list[TupleRow]:
        """Up to `limit` events after a position as (position, stream id, version, name, metadata, payload).

        Those whose names are in `without` are left out.
        """
        query = """SELECT position, stream_id, version, name, metadata, payload FROM log.events
                   WHERE position > %s AND name <> ALL(%s::text[]) ORDER BY position LIMIT %s"""
        with one_statement(self.pool) as connection, connection.cursor(binary=True) as cursor:
            return cursor.execute(query, (after, list(without), limit)).fetchall()

    def select_share(self, after: int, limit: int, share: Share) -> list[TupleRow]:
        """As `select_rows`, of one share of the events alone."""
        # All streams have UUIDs of a hash or of chance, so their last bytes part them evenly. By the bare conditions
        # the planner would expect so few events that it would sort all that are left, page after page.
        query = """SELECT position, stream_id, version, name, metadata, payload FROM log.events
                   WHERE position > %s AND CASE WHEN name = ANY(%s::text[])
                       THEN get_byte(uuid_send(stream_id), 15) %% %s = %s ELSE false END
                   ORDER BY position LIMIT %s"""
        values = (after, list(share.names), share.of, share.number, limit)
        with one_statement(self.pool) as connection, connection.cursor(binary=True) as cursor:
            return cursor.execute(query, values).fetchall()

    def has_others(self, names: Iterable[str]) -> bool:
        """Whether there is an event of another name."""
        with one_statement(self.pool) as connection:
            row = connection.execute("SELECT EXISTS (SELECT FROM log.events WHERE name <> ALL(%s))", (list(names),))
            return bool(row.fetchone() == (True,))

    def max_notification_id(self) -> int | None:
        """The newest position, or None while the log is empty."""
        with one_statement(self.pool) as connection:
            row = connection.execute("SELECT position FROM log.head").fetchone()
        return row[0] or None if row else None

    def extent(self) -> tuple[int, int]:
        """The newest position as `log.head` counts it, and the last at which an event stands; 0 where there is none."""
        query = """SELECT coalesce((SELECT position FROM log.head), 0),
                          coalesce((SELECT max(position) FROM log.events), 0)"""
        with self.pool.connection() as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def position_at(self, moment: datetime) -> int:
        """The last position whose recorded time, as a running maximum in commit order, is not later than `moment`."""
        query = (
            "SELECT coalesce(min(position) - 1, (SELECT position FROM log.head)) FROM log.events WHERE recorded_at > %s"
        )
        with self.pool.connection() as connection:
            row = connection.execute(query, (moment,)).fetchone()
        return int(row[0]) if row else 0

    def ordinal(self, position: int) -> int:
        """How many events stand at or before a position: behind what was taken over there are no gaps."""
        events, through = self._taken_over
        if position >= through:
            return position - through + events
        query = "SELECT count(*) FROM log.events WHERE position <= %s"
        return position if events == through else self._number(query, position)

    def position_of(self, ordinal: int) -> int:
        """Where the n-th event stands: behind what was taken over there are no gaps."""
        events, through = self._taken_over
        if ordinal >= events:
            return ordinal - events + through
        query = "SELECT position FROM log.events ORDER BY position OFFSET %s LIMIT 1"
        return ordinal if events == through or not ordinal else self._number(query, ordinal - 1)

    def digested_pages(self, until: int) -> Iterator[DigestedPage]:
        """The log up to a position as digests, read by processes of their own where it is long and has no gaps."""
        events, through = self._taken_over
        if events == through:
            return digested_pages(self.dsn, until)
        return digested_pages_with_gaps(self.dsn, until, events, through)

    @cached_property
    def _taken_over(self) -> tuple[int, int]:
        """How many events were taken over, and the position of the last; settled before anybody opens the log."""
        with self.pool.connection() as connection:
            row = connection.execute("SELECT events, through FROM log.takeover").fetchone()
        return (row[0], row[1]) if row else (0, 0)

    def _number(self, query: LiteralString, given: int) -> int:
        with self.pool.connection() as connection:
            row = connection.execute(query, (given,)).fetchone()
        return int(row[0]) if row else 0

    def state(self) -> LogState:
        """The event table: what it holds, and how large it is."""
        query = """SELECT 'log.events', count(*), count(DISTINCT stream_id), (SELECT position FROM log.head),
                          pg_total_relation_size('log.events'), split_part(version(), ' ', 2)
                   FROM log.events"""
        with self.pool.connection() as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return LogState(*row)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Follows the log from `gt` on; blocks for new events until stopped."""
        return cast(Subscription[ApplicationRecorder], PollingSubscription(self, gt, topics))


class PollingSubscription(Subscription["PostgresRecorder"]):
    """Reads page after page and asks again after a short pause: LISTEN/NOTIFY would cost every commit a global lock."""

    PAGE = 500
    PAUSE_S = 0.02

    def __init__(self, recorder: PostgresRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._after = gt or 0
        self._page: Iterator[LoggedNotification] = iter(())

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            for notification in self._page:
                self._after = notification.id
                return notification
            page = self._recorder.select_notifications(
                self._after, self.PAGE, topics=self._topics, inclusive_of_start=False
            )
            self._page = iter(page)
            if not page:
                sleep(self.PAUSE_S)
        raise StopIteration


@contextmanager
def one_statement(pool: Pool) -> Iterator[psycopg.Connection[TupleRow]]:
    """For a statement that is a transaction of its own: BEGIN and COMMIT around it would be two more round trips."""
    with pool.connection() as connection:
        connection.autocommit = True
        try:
            yield connection
        finally:
            if not connection.closed:
                connection.autocommit = False


def _notification(row: TupleRow) -> LoggedNotification:
    notification = object.__new__(LoggedNotification)
    # A frozen dataclass's own constructor takes as long as reading the row.
    notification.__dict__.update(zip(_FIELDS, row, strict=True))
    return notification
