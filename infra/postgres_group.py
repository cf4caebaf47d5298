"""A group of workers over a log on PostgreSQL: rows that are locked while they are worked on, and passed over.

One worker at a time, whoever comes by, reads on in the log and notes what the group wants, each event in its lane. A
lane is locked from the moment its events are taken until they are handled, in one transaction that ends with their
removal: those of a process that dies are free at once, and nothing of them is lost.
"""

from __future__ import annotations

import threading

from infra.definitions import lock_definitions
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.groups import Handle, LaneOf
from infra.turns import KEEPALIVES

_TABLES = """
CREATE SCHEMA IF NOT EXISTS work;
CREATE TABLE IF NOT EXISTS work.reader (group_name text PRIMARY KEY, position bigint NOT NULL);
CREATE TABLE IF NOT EXISTS work.lane (group_name text NOT NULL, lane text NOT NULL, PRIMARY KEY (group_name, lane));
CREATE TABLE IF NOT EXISTS work.waiting (
    group_name text NOT NULL, lane text NOT NULL, position bigint NOT NULL, PRIMARY KEY (group_name, lane, position)
);
"""
_PAGE = 5_000  # most of which the group does not want
# So many events of a lane are handled before they are acknowledged.
_MOST_AT_HAND = 50

_FREE_LANE = """
SELECT lane FROM work.lane JOIN (
    SELECT lane, min(position) AS oldest FROM work.waiting WHERE group_name = %(group)s GROUP BY lane
) AS waiting USING (lane)
WHERE group_name = %(group)s ORDER BY oldest LIMIT 1 FOR UPDATE OF lane SKIP LOCKED
"""


class PostgresGroup:
    """One worker's place in the group."""

    def __init__(self, name: str, pool: Pool, log: EventLog, lane_of: LaneOf) -> None:
        self.name = name
        self._pool = pool
        self._log = log
        self._lane_of = lane_of
        self._has_left = False
        self._at_hand = threading.Lock()

    def join(self) -> None:
        head = self._log.head()
        with self._pool.connection() as connection:
            lock_definitions(connection)
            connection.execute(_TABLES.encode())
            connection.execute("INSERT INTO work.reader VALUES (%s, %s) ON CONFLICT DO NOTHING", (self.name, head))

    def take(self, handle: Handle) -> int:
        with self._at_hand:
            if self._has_left:
                return 0
            self._read_on()
            return self._take_lane(handle)

    def leave(self) -> None:
        with self._at_hand:
            self._has_left = True

    def lag(self) -> int:
        query = """SELECT (SELECT count(*) FROM work.waiting WHERE group_name = %(group)s),
            (SELECT position FROM work.reader WHERE group_name = %(group)s)"""
        with self._pool.connection() as connection:
            row = connection.execute(query, {"group": self.name}).fetchone()
        assert row is not None
        waiting, read = row
        return int(waiting) + self._log.count() - self._log.count(read)

    def _read_on(self) -> None:
        """Notes what the group wants of a page, unless another worker is at it."""
        with self._pool.connection() as connection, connection.cursor() as cursor:
            query = "SELECT position FROM work.reader WHERE group_name = %s FOR UPDATE SKIP LOCKED"
            row = cursor.execute(query, (self.name,)).fetchone()
            page = self._log.page(row[0], _PAGE) if row else []
            if not page:
                return
            wanted = [(self.name, lane, r.position) for r in page if (lane := self._lane_of(r)) is not None]
            lanes = sorted({(group, lane) for group, lane, _ in wanted})
            cursor.executemany("INSERT INTO work.lane VALUES (%s, %s) ON CONFLICT DO NOTHING", lanes)
            cursor.executemany("INSERT INTO work.waiting VALUES (%s, %s, %s)", wanted)
            cursor.execute("UPDATE work.reader SET position = %s WHERE group_name = %s", (page[-1].position, self.name))

    def _take_lane(self, handle: Handle) -> int:
        with self._pool.connection() as connection:
            connection.execute(KEEPALIVES)
            free = connection.execute(_FREE_LANE, {"group": self.name}).fetchone()
            if free is None:
                return 0
            place = (self.name, free[0])
            # Only now, as whoever had the lane before has done some of them.
            found = connection.execute(
                "SELECT position FROM work.waiting WHERE group_name = %s AND lane = %s ORDER BY position LIMIT %s",
                (*place, _MOST_AT_HAND),
            ).fetchall()
            positions = [position for (position,) in found]
            handle([recorded for position in positions if (recorded := self._log.at(position))])
            connection.execute(
                "DELETE FROM work.waiting WHERE group_name = %s AND lane = %s AND position = ANY(%s)",
                (*place, positions),
            )
            return len(positions)
