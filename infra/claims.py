"""What one process at a time does, of all on a database: it claims the work, and another takes over when it dies.

A claim is a PostgreSQL advisory lock of a session that does nothing else. The server drops it with the session: at once
where the process dies, and after some seconds where its machine does.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.database_locks import key_of
from infra.event_recorder import Pool

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
# Both ends notice within some ten seconds that the other one is gone without a word.
_KEEPALIVES: Mapping[str, Any] = {
    "connect_timeout": 5, "keepalives_idle": 3, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}  # fmt: skip
_SERVER_KEEPALIVES = "SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"


class Task(Protocol):
    """Work that is claimed. Both are called from one thread and return soon."""

    def begin(self) -> None:
        """The work is this process's now."""

    def end(self, *, is_lost: bool) -> None:
        """Returns when nothing of it is under way any more. `is_lost`: another process may have begun it already."""


class Claims:
    """Tries to claim each task, and does those that it got, until it is stopped."""

    def __init__(self, dsn: str, tasks: Mapping[str, Task]) -> None:
        self._dsn = dsn
        self._tasks = tasks
        self._held: set[str] = set()
        self._session: Connection[TupleRow] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="claims", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends all tasks, and only then lets others have them."""
        self._stop.set()
        self._thread.join()
        self._end_all(is_lost=False)
        if self._session:
            self._session.close()

    @property
    def held(self) -> frozenset[str]:
        """The tasks that are this process's."""
        return frozenset(self._held)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._claim()
            except psycopg.Error as error:
                if self._held:
                    logger.warning("claims are lost with their session: %s: %s", ", ".join(sorted(self._held)), error)
                self._end_all(is_lost=True)
                if self._session:
                    self._session.close()
                    self._session = None
            self._stop.wait(LOOK_EVERY_S)

    def _claim(self) -> None:
        if self._session is None:
            self._session = psycopg.connect(
                self._dsn, autocommit=True, application_name="carbon254 claims", **_KEEPALIVES
            )
            self._session.execute(_SERVER_KEEPALIVES)
        self._session.execute("SELECT 1")  # whether the claims are still held
        for name in self._tasks.keys() - self._held:
            row = self._session.execute("SELECT pg_try_advisory_lock(%s)", (key_of(_task(name)),)).fetchone()
            if row == (True,):
                logger.info("claimed: %s", name)
                self._held.add(name)
                self._tasks[name].begin()

    def _end_all(self, *, is_lost: bool) -> None:
        for name in sorted(self._held):
            self._tasks[name].end(is_lost=is_lost)
        self._held.clear()


def claimed(pool: Pool, names: Iterable[str]) -> set[str]:
    """Which of some tasks a process has claimed now, this one or another."""
    query = """SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    with pool.connection() as connection:
        keys = {key for (key,) in connection.execute(query).fetchall()}
    return {name for name in names if key_of(_task(name)) in keys}


def _task(name: str) -> str:
    return f"task {name}"
