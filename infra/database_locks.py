"""Locks by name that one thread of one process holds at a time, over all processes on a database.

They are PostgreSQL's advisory locks of a session, so that those of a process that dies are free at once. All locks of
one `DatabaseLocks` share a connection, which is taken from the pool while any of them is held.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from types import TracebackType

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from infra.event_recorder import Pool

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.02


class DatabaseLocks:
    """Makes locks, and holds the session that they live in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._session: Connection[TupleRow] | None = None
        self._held = 0

    def named(self, name: str) -> DatabaseLock:
        return DatabaseLock(self, key_of(name))

    def try_lock(self, key: int) -> bool:
        with self._lock:
            session = self._opened()
            try:
                row = session.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
                is_mine = row == (True,)
                self._held += is_mine
            finally:
                self._give_back()
            return is_mine

    def unlock(self, key: int) -> None:
        """Of a session that was lost meanwhile there is nothing to unlock."""
        with self._lock:
            self._held -= 1
            try:
                if self._session is not None:
                    self._session.execute("SELECT pg_advisory_unlock(%s)", (key,))
            except psycopg.Error as error:
                logger.warning("a lock's session is lost, and its locks with it: %s", error)
            finally:
                self._give_back()

    def _opened(self) -> Connection[TupleRow]:
        if self._session is not None and self._session.closed:
            self._pool.putconn(self._session)
            self._session = None
        if self._session is None:
            session = self._pool.getconn()
            session.autocommit = True
            self._session = session
        return self._session

    def _give_back(self) -> None:
        if self._held == 0 and self._session is not None:
            session, self._session = self._session, None
            if not session.closed:
                session.autocommit = False
            self._pool.putconn(session)


class DatabaseLock:
    """One lock; use it in a `with`. Not for a thread that holds it already."""

    def __init__(self, locks: DatabaseLocks, key: int) -> None:
        self._locks = locks
        self._key = key
        self._mine = threading.Lock()  # a session that has a lock is given it once more

    def acquire(self, *, blocking: bool = True) -> bool:
        """False where somebody else holds it and `blocking` is false. Raises psycopg.Error, PoolTimeout."""
        if not self._mine.acquire(blocking=blocking):
            return False
        try:
            while not (is_locked := self._locks.try_lock(self._key)) and blocking:
                time.sleep(_LOOK_EVERY_S)
        except BaseException:
            self._mine.release()
            raise
        if not is_locked:
            self._mine.release()
        return is_locked

    def release(self) -> None:
        try:
            self._locks.unlock(self._key)
        finally:
            self._mine.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def key_of(name: str) -> int:
    """The number by which PostgreSQL knows the lock of a name."""
    return int.from_bytes(hashlib.sha256(f"carbon254 {name}".encode()).digest()[:8], "big", signed=True)
