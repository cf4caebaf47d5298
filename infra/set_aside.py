"""Messages of a broker that nobody can make anything of: where each stands and why, so that a worker goes on."""

from __future__ import annotations

from dataclasses import dataclass

from infra.broker import Received
from infra.definitions import lock_definitions
from infra.event_recorder import Pool

_TABLES = """
CREATE SCHEMA IF NOT EXISTS work;
CREATE TABLE IF NOT EXISTS work.set_aside (
    topic text NOT NULL, partition integer NOT NULL, "offset" bigint NOT NULL, key text NOT NULL, reason text NOT NULL,
    set_aside_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset")
);
"""


@dataclass(frozen=True)
class Recent:
    """How many messages were set aside within a day; where the newest of them stands, and why."""

    count: int
    topic: str
    partition: int
    offset: int
    reason: str


class SetAside:
    """What the workers of a platform have set aside. The messages themselves stay where they are."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def prepare(self) -> None:
        with self._pool.connection() as connection, connection.cursor() as cursor:
            lock_definitions(cursor)
            cursor.execute(_TABLES.encode())

    def add(self, topic: str, received: Received, reason: str) -> None:
        """Done again, it changes nothing."""
        place = (topic, received.partition, received.offset)
        texts = (text.replace("\0", "\\0")[:500] for text in (received.record.key, reason))
        with self._pool.connection() as connection:
            connection.execute("INSERT INTO work.set_aside VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                               (*place, *texts))  # fmt: skip

    def recent(self) -> Recent | None:
        """None where there is none, or nobody ever looked for any."""
        query = """SELECT count(*) OVER (), topic, partition, "offset", reason FROM work.set_aside
            WHERE set_aside_at > now() - interval '1 day' ORDER BY set_aside_at DESC LIMIT 1"""
        with self._pool.connection() as connection:
            if connection.execute("SELECT to_regclass('work.set_aside')").fetchone() == (None,):
                return None
            found = connection.execute(query).fetchone()
        return Recent(*found) if found else None
