"""Where every so-many-th event of a log on EventStoreDB stands, kept in the database of the read models.

Derived data: whoever finds them wrong forgets them and reads the log. Several processes may add the same marks.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg_pool import PoolTimeout

from infra.definitions import lock_definitions
from infra.event_recorder import Pool

logger = logging.getLogger(__name__)

_TABLE = """
CREATE TABLE IF NOT EXISTS log.marks (
    log_id uuid,
    ordinal bigint,
    position bigint NOT NULL,
    latest_utc timestamptz NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (log_id, ordinal)
)"""


class Mark(NamedTuple):
    """Where the event `ordinal` stands, the latest time recorded in any event up to it, and the event's hash."""

    ordinal: int
    position: int
    latest: datetime
    hash: str


class KeptMarks:
    """The marks of one log. What cannot be written is written with the next ones."""

    def __init__(self, pool: Pool, log_id: UUID) -> None:
        self._pool = pool
        self._log_id = log_id
        self._unwritten: list[Mark] = []
        with pool.connection() as connection:
            lock_definitions(connection)
            connection.execute("CREATE SCHEMA IF NOT EXISTS log")
            connection.execute(_TABLE)

    def load(self) -> list[Mark]:
        """All marks, in order."""
        select = "SELECT ordinal, position, latest_utc, hash FROM log.marks WHERE log_id = %s ORDER BY ordinal"
        with self._pool.connection() as connection:
            return [Mark(*row) for row in connection.execute(select, (self._log_id,))]

    def add(self, mark: Mark) -> None:
        """A further mark, to be written."""
        self._unwritten.append(mark)

    def write(self) -> None:
        """Writes what was added. It is not worth failing for: a database that does not answer gets it the next time."""
        if not self._unwritten:
            return
        insert = "INSERT INTO log.marks VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
        try:
            with self._pool.connection() as connection, connection.cursor() as cursor:
                cursor.executemany(insert, [(self._log_id, *mark) for mark in self._unwritten])
        except (psycopg.Error, PoolTimeout) as error:
            logger.warning("marks of the event log are not written yet: %s", error)
        else:
            self._unwritten.clear()

    def forget(self) -> None:
        """Drops them all."""
        with self._pool.connection() as connection:
            connection.execute("DELETE FROM log.marks WHERE log_id = %s", (self._log_id,))
