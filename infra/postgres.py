"""Connections to PostgreSQL, embedded or a server: one pool, and DSNs that are safe to show."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from infra.definitions import lock_definitions
from infra.errors import PlatformError
from infra.event_recorder import Pool

logger = logging.getLogger(__name__)

# Who asks for a connection is told after so long that there is none: a server that is stopped waits for nobody longer.
PATIENCE_S = 10.0


def open_pool(dsn: str, *, schema: str = "pg", most: int = 10) -> Pool:
    """A small pool on `dsn`, at most so many connections, which find read models in `schema`.

    Fails within seconds, with the remedy, when nothing answers there.
    """
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        # What the driver says repeats the text, and with it a password.
        raise PlatformError(
            "DATABASE_URL cannot be read", remedy="Write it as postgresql://user:password@host:port/database."
        ) from error
    try:
        # One plain connection first: its error says what is wrong, while the pool's would only say "timeout".
        psycopg.connect(dsn, connect_timeout=5).close()
        named = {"application_name": "carbon254"}
        prepare = partial(_prepare, schema=schema)
        pool: Pool = ConnectionPool(
            dsn, min_size=1, max_size=most, timeout=PATIENCE_S, open=False, kwargs=named, configure=prepare
        )
        pool.open(wait=True, timeout=10)
    except (psycopg.Error, PoolTimeout) as error:
        message = f"PostgreSQL at {without_password(dsn)} does not answer: {str(error).strip()}"
        raise PlatformError(
            message, remedy="Check DATABASE_URL, or unset it to use the embedded PostgreSQL."
        ) from error
    return pool


def _prepare(connection: psycopg.Connection[TupleRow], *, schema: str) -> None:
    """Time stamps come back in UTC, whatever zone the server or this machine is set to."""
    connection.execute("SET TIME ZONE 'UTC'")
    connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
    connection.commit()


_OWNER_LOCK = 2540000
_LOOK_EVERY_S = 2.0


def own_database(dsn: str) -> Callable[[], None]:
    """Claims the database for this process alone until the answer is called or the process ends.

    Raises PlatformError when others have it: one process that owns it, or those of a platform of many processes.
    """
    return _claim_database(
        dsn,
        "pg_try_advisory_lock",
        f"The database {without_password(dsn)} is used by another process with a data folder of its own, or by a "
        "platform of many processes.",
        "Stop that one, use its data folder, or set DATABASE_URL to another database.",
    )


def join_database(dsn: str) -> Callable[[], None]:
    """As `own_database`, together with any number of other processes that join.

    Raises PlatformError when one process owns the database.
    """
    return _claim_database(
        dsn,
        "pg_try_advisory_lock_shared",
        f"The database {without_password(dsn)} is owned by one `carbon254` process that runs the whole platform.",
        "Stop that one: a platform runs either in one process or in many.",
    )


def _claim_database(dsn: str, function: str, refusal: str, remedy: str) -> Callable[[], None]:
    claim = _Claim(dsn, function)
    if not claim.take():
        claim.close()
        raise PlatformError(refusal, remedy=remedy)
    claim.keep()
    return claim.close


class _Claim:
    """A lock of a session, which is taken again where the session was lost: a server that restarts forgets it."""

    def __init__(self, dsn: str, function: str) -> None:
        self._dsn = dsn
        self._function = function
        self._session: psycopg.Connection[TupleRow] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="database-claim", daemon=True)

    def take(self) -> bool:
        """Whether the lock is held now. Raises psycopg.Error."""
        if self._session is None:
            self._session = psycopg.connect(
                self._dsn, autocommit=True, application_name="carbon254 owner", connect_timeout=5
            )
        row = self._session.execute(f"SELECT {self._function}({_OWNER_LOCK})".encode()).fetchone()
        return row == (True,)

    def keep(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._session:
            with suppress(psycopg.Error):  # at once, and not when the server notices
                self._session.execute("SELECT pg_advisory_unlock_all()")
            self._session.close()

    def _keep(self) -> None:
        is_held = True
        while not self._stop.wait(_LOOK_EVERY_S):
            try:
                if is_held and self._session:
                    self._session.execute("SELECT 1")
                elif is_held := self.take():
                    logger.warning("the database is claimed again, after its session was lost")
                else:
                    logger.error("the database was lost for a moment, and another process has claimed it: end this one")
            except psycopg.Error:
                is_held = False
                if self._session:
                    self._session.close()
                self._session = None


def pair_database(pool: Pool, log_id: UUID) -> None:
    """Makes sure that the read models here are those of one log, whatever store the log is on.

    Raises PlatformError where they were filled from another.
    """
    with pool.connection() as connection:
        lock_definitions(connection)
        connection.execute("CREATE SCHEMA IF NOT EXISTS log")
        connection.execute("CREATE TABLE IF NOT EXISTS log.followed (one bool PRIMARY KEY DEFAULT true, log_id uuid)")
        # A log in this database has filled them before anybody noted whose they are.
        own = connection.execute("SELECT to_regclass('log.head') IS NOT NULL").fetchone() == (True,)
        first = "SELECT log_id FROM log.head" if own else "SELECT %(log_id)s::uuid"
        connection.execute(
            f"INSERT INTO log.followed (log_id) {first} ON CONFLICT DO NOTHING".encode(), {"log_id": log_id}
        )
        found = connection.execute("SELECT log_id FROM log.followed").fetchone()
    if found != (log_id,):
        raise PlatformError(
            "The read models in the database are those of another event log than the one that DATABASE_URL or "
            "EVENTSTOREDB_URI leads to.",
            remedy="Set both as they were (or unset them), or set DATABASE_URL to an empty database.",
        )


_SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})


def without_password(dsn: str) -> str:
    """The DSN as key=value pairs with the password hidden; text that is no DSN is not shown at all."""
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        return "(DATABASE_URL that cannot be read)"
    for secret in _SECRETS & parts.keys():
        parts[secret] = "***"
    return make_conninfo("", **{key: str(value) for key, value in parts.items() if value is not None})
