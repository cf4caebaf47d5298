"""Stores of the event log, opened by verbs that run while no server does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from infra.data_folder import DataFolder
from infra.embedded_postgres import EmbeddedPostgres
from infra.errors import PlatformError
from infra.event_recorder import PostgresRecorder
from infra.postgres import open_pool, own_database
from infra.postgres_receiver import PostgresReceiver
from infra.receiving import LeavableLog, LogReceiver
from infra.settings import Settings

EMBEDDED = "embedded"


@dataclass(frozen=True)
class Store:
    """A store that can hold the log. `recorder` is made anew each time: what a log brought along is read once."""

    name: str
    recorder: Callable[[], LeavableLog]
    receiver: LogReceiver


def store_uri(settings: Settings) -> str:
    """Where the settings say that the log is."""
    return settings.eventstoredb_uri or settings.database_url or EMBEDDED


class Databases:
    """Connection strings of PostgreSQL, the embedded one started where it is meant, each owned by this process."""

    def __init__(self, folder: DataFolder, open_parts: ExitStack) -> None:
        self._folder, self._open_parts = folder, open_parts
        self._embedded: str | None = None
        self._owned: set[str] = set()

    def own(self, uri: str) -> str:
        dsn = self._embedded_dsn() if uri == EMBEDDED else uri
        if dsn not in self._owned:
            open_pool(dsn, most=1).close()  # says what is wrong where it does not answer
            self._open_parts.callback(own_database(dsn))
            self._owned.add(dsn)
        return dsn

    def _embedded_dsn(self) -> str:
        if self._embedded is None:
            server = EmbeddedPostgres.start(self._folder.postgres)
            self._open_parts.callback(server.stop)
            self._embedded = server.dsn
        return self._embedded


@contextmanager
def opened(uri: str, databases: Databases) -> Iterator[Store]:
    """The store that a URI leads to. Raises PlatformError for one that is none."""
    if _is_postgres(uri):
        pool = open_pool(databases.own(uri))
        try:
            recorder = PostgresRecorder(pool)
            recorder.create_schema()
            yield Store(store_name(uri), lambda: PostgresRecorder(pool), PostgresReceiver(pool))
        finally:
            pool.close()
    elif uri.partition("://")[0].partition("+")[0] in ("esdb", "kurrentdb", "kdb"):
        from infra.kurrent_client import open_kurrent
        from infra.kurrent_receiver import KurrentReceiver  # its client is an extra
        from infra.kurrent_recorder import KurrentRecorder

        client = open_kurrent(uri)
        try:
            yield Store(store_name(uri), lambda: KurrentRecorder(client), KurrentReceiver(client))
        finally:
            client.close()
    else:
        raise PlatformError(
            "A store is named as postgresql://…, esdb://…, kurrentdb://… or `embedded`.", "Correct --from or --to."
        )


def store_name(uri: str) -> str:
    """What a store is called on record: where it is, without user, password and options."""
    if uri == EMBEDDED:
        return "the embedded PostgreSQL"
    if _is_postgres(uri):
        parts = conninfo_to_dict(uri)
        port = f":{parts['port']}" if parts.get("port") else ""
        return f"postgresql://{parts.get('host', 'localhost')}{port}/{parts.get('dbname', '')}"
    parts_of_url = urlsplit(uri)
    return f"{parts_of_url.scheme}://{parts_of_url.netloc.rpartition('@')[2]}"


def _is_postgres(uri: str) -> bool:
    """Whether it is the embedded database, a URI of PostgreSQL, or its key=value pairs."""
    try:
        return uri == EMBEDDED or bool(conninfo_to_dict(uri))
    except psycopg.ProgrammingError:
        return False
