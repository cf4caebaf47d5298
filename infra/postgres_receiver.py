"""A database of PostgreSQL that takes a log over."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from infra.event_recorder import LEFT, RECEIVING, WHOLE, Pool, PostgresRecorder
from infra.receiving import NotEmpty
from infra.recorder import StoredRow, read_recorded_at

_COPY = (
    "COPY log.events (position, stream_id, version, name, metadata, payload, recorded_at) FROM STDIN (FORMAT BINARY)"
)
_TYPES = ("int8", "uuid", "int4", "text", "bytea", "bytea", "timestamptz")


class PostgresReceiver:
    """Events go in a page a transaction, together with the position that they come to."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def begin(self, log_id: UUID) -> int:
        PostgresRecorder(self._pool).create_schema()
        with self._pool.connection() as connection:
            found = connection.execute("SELECT position, log_id FROM log.head FOR UPDATE").fetchone()
            state = connection.execute("SELECT state FROM log.takeover").fetchone()
            followed = connection.execute("SELECT to_regclass('log.followed') IS NOT NULL").fetchone()
            if followed == (True,):
                followed = connection.execute("SELECT log_id FROM log.followed").fetchone()
                if followed not in (None, (log_id,)):
                    raise NotEmpty("The database holds the read models of another event log.", _REMEDY)
            assert found is not None
            position, own = found
            goes_on = state in ((RECEIVING,), (LEFT,)) and own == log_id
            if position and not goes_on:
                raise NotEmpty(f"The database holds an event log already, up to position {position:,}.", _REMEDY)
            connection.execute("UPDATE log.head SET log_id = %s", (log_id,))
            connection.execute(
                """INSERT INTO log.takeover (state) VALUES (%(state)s)
                   ON CONFLICT (one) DO UPDATE SET state = excluded.state, target = NULL""",
                {"state": RECEIVING},
            )
            return int(position)

    def receive(self, rows: Sequence[StoredRow]) -> None:
        with self._pool.connection() as connection, connection.cursor() as cursor:
            with cursor.copy(_COPY) as copy:
                copy.set_types(_TYPES)
                for row in rows:
                    copy.write_row((*row, read_recorded_at(row[4]).recorded_at))
            cursor.execute("UPDATE log.head SET position = %s", (rows[-1][0],))

    def end(self) -> None:
        with self._pool.connection() as connection:
            connection.execute(
                """UPDATE log.takeover SET state = %s, events = (SELECT count(*) FROM log.events),
                          through = (SELECT position FROM log.head)""",
                (WHOLE,),
            )
            # Statistics that are those of an empty table would have the planner sort what an index has in order.
            connection.execute("ANALYZE log.events")


_REMEDY = "Name an empty database."
