"""Whose turn it is: tasks that are due now and then, shared by processes so that none is done twice at once.

Each task needs a resource that one process at a time may use, such as an operator's site with its pace. A turn is a
row that is locked as long as it lasts; who looks for work passes over locked ones, and those of a process that dies are
free at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.definitions import lock_definitions
from infra.event_recorder import Pool

_TABLES = """
CREATE SCHEMA IF NOT EXISTS work;
CREATE TABLE IF NOT EXISTS work.resource (name text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS work.task (
    name text PRIMARY KEY, resource text NOT NULL, period interval NOT NULL,
    due_at timestamptz NOT NULL DEFAULT '-infinity', state jsonb NOT NULL DEFAULT '{}'
);
"""
# A machine that is gone without a word gives its turns up after some half a minute.
KEEPALIVES = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4"


@dataclass(frozen=True)
class Task:
    """Something that is to be done once in about `period_s` seconds."""

    name: str
    resource: str
    period_s: float


@dataclass
class Turn:
    """A task that is due. Whoever did it says when it is due again, and how it fared."""

    name: str
    due_at: datetime | None = None
    state: dict[str, Any] | None = None


class Turns:
    """The tasks of all processes on a database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def prepare(self, tasks: Iterable[Task]) -> None:
        """Notes tasks that are not known yet; they are due at once."""
        with self._pool.connection() as connection, connection.cursor() as cursor:
            lock_definitions(cursor)
            cursor.execute(_TABLES.encode())
            for task in tasks:
                cursor.execute("INSERT INTO work.resource VALUES (%s) ON CONFLICT DO NOTHING", (task.resource,))
                cursor.execute(
                    """INSERT INTO work.task (name, resource, period) VALUES (%s, %s, make_interval(secs => %s))
                    ON CONFLICT (name) DO UPDATE SET resource = excluded.resource, period = excluded.period""",
                    (task.name, task.resource, task.period_s),
                )

    @contextmanager
    def take(self, resource: str, names: Sequence[str], now: datetime) -> Iterator[Turn | None]:
        """The task among `names` that has been due for longest, the most frequent first; None while another process
        uses the resource, and where nothing is due. Where the body fails, it stays due.
        """
        with self._alone(resource) as connection:
            turn = _due(connection, resource, names, now) if connection else None
            yield turn
            if connection and turn and turn.due_at:
                connection.execute(
                    "UPDATE work.task SET due_at = %s, state = %s WHERE name = %s",
                    (turn.due_at, json.dumps(turn.state or {}, default=str), turn.name),
                )

    @contextmanager
    def alone(self, resource: str) -> Iterator[bool]:
        """Whether the resource is this process's until the end; False where another one uses it."""
        with self._alone(resource) as connection:
            yield connection is not None

    def states(self) -> dict[str, dict[str, Any]]:
        """How each task fared when it was last done, by name; nothing before the first time."""
        with self._pool.connection() as connection:
            return dict(connection.execute("SELECT name, state FROM work.task WHERE state <> '{}'").fetchall())

    @contextmanager
    def _alone(self, resource: str) -> Iterator[Connection[TupleRow] | None]:
        with self._pool.connection() as connection:
            connection.execute(KEEPALIVES)
            query = "SELECT 1 FROM work.resource WHERE name = %s FOR UPDATE SKIP LOCKED"
            is_mine = connection.execute(query, (resource,)).fetchone() is not None
            yield connection if is_mine else None


def _due(connection: Connection[TupleRow], resource: str, names: Sequence[str], now: datetime) -> Turn | None:
    query = """SELECT name FROM work.task WHERE resource = %s AND name = ANY(%s) AND due_at <= %s
        ORDER BY due_at, period LIMIT 1"""
    row = connection.execute(query, (resource, list(names), now)).fetchone()
    return Turn(row[0]) if row else None
