"""The columnar store: ClickHouse as a library inside this process (chDB) or as a server, behind the same client.

What the embedded engine allows: one process a folder, one folder a process, and no use in a child made by `fork` (it
would hang). A client is one connection and does one call at a time, so calls that run side by side take one each from
a small pool; readers then go on while a load is under way.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from infra.clickhouse_cluster import CLUSTER_SETTINGS, DEFINE_SETTINGS, HOSTS_AWAY, Cluster
from infra.clickhouse_rows import BATCH_ROWS, Rows, batches_of
from infra.clickhouse_store_id import id_in_folder, id_in_server
from infra.clickhouse_tables import Tables
from infra.errors import ColumnarStoreError
from infra.tabular import arrow_stream

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_CALLS_AT_ONCE = 4
_BLOCK_ROWS = 16 * BATCH_ROWS

# What an insert promises, whatever the defaults of the engine's version are.
_INSERT_SETTINGS: Mapping[str, Any] = {
    "async_insert": 0,  # returns when the rows are in the table, not when they are queued
    "input_format_null_as_default": 0,  # a null where none may be is an error, never a price of 0
    # A token stands for the n-th block of its insert: an insert that is done again must be cut into the same blocks.
    "max_insert_threads": 1,
    "max_insert_block_size": _BLOCK_ROWS,
    "min_insert_block_size_rows": _BLOCK_ROWS,
    "min_insert_block_size_bytes": 0,
    "max_partitions_per_insert_block": 0,  # no limit: what the log holds must go in, however many years it spans
}
_READ_SETTINGS: Mapping[str, Any] = {"output_format_arrow_low_cardinality_as_dictionary": 1}
# What belongs to the engine rather than to a query. Else it starts 128 threads as soon as a hundred merged parts of a
# table wait to be removed; they stay, and what each holds grows for days. And it would make statistics of all columns
# with every insert and merge, which queries by the key of a table do not need.
_EMBEDDED_CONFIG = """<clickhouse>
    <merge_tree>
        <concurrent_part_removal_threshold>1000000000</concurrent_part_removal_threshold>
        <auto_statistics_types></auto_statistics_types>
    </merge_tree>
</clickhouse>
"""
_EMBEDDED_SETTINGS: Mapping[str, Any] = {
    "max_threads": min(os.cpu_count() or 1, 4),
    "max_memory_usage": 2_000_000_000,  # bytes a query; it fails rather than taking the whole process down
    "output_format_arrow_compression_method": "none",
}


class ClickHouse:
    """A pool of clients of one store. Safe to use from any thread."""

    def __init__(
        self, options: Mapping[str, Any], store_id: str, *, is_shared: bool = False, cluster: Cluster | None = None
    ) -> None:
        """`options` are those of `clickhouse_connect.get_client`; see `embedded` and `server`.

        `is_shared` says that other processes use the store too.

        `store_id` tells this store from every other one, and from what is made in its place should it get lost.
        """
        self._options = options
        self.store_id = store_id
        self.cluster = cluster
        self.tables = Tables(self, is_shared=is_shared)
        self._idle: list[Client] = []
        self._lock = threading.Lock()
        self._inserting: dict[str, threading.Lock] = {}  # held, in a cluster, by who inserts into a table
        self._slots = threading.BoundedSemaphore(_CALLS_AT_ONCE)
        self._closed = False

    @classmethod
    def embedded(cls, folder: Path) -> ClickHouse:
        """The engine in this process over `folder`, which is made if it is missing.

        It starts with the first call, as starting takes half a second that a command line without prices need not
        pay. That call raises ColumnarStoreError when the folder is in use by another process or can't be used.
        """
        if "?" in str(folder):
            raise ColumnarStoreError(
                f"The folder {folder} has a question mark in its path, which the columnar store can't open.",
                "Choose another folder with CARBON254_HOME.",
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        options: dict[str, Any] = {
            "interface": "chdb",
            "path": str(folder),
            "settings": {**_READ_SETTINGS, **_EMBEDDED_SETTINGS},
        }
        if "&" not in str(folder):  # the engine would take it for the end of the file's name: there it goes without
            config = folder / "config.xml"
            config.write_text(_EMBEDDED_CONFIG)
            options["chdb_options"] = {"config-file": str(config)}
        return cls(options, id_in_folder(folder))

    @classmethod
    def server(cls, dsn: str, *, is_shared: bool = False, cluster: str | None = None) -> ClickHouse:
        """A ClickHouse server, such as `clickhouse://user:password@host:8123`; of a `cluster`, one of its hosts.

        Raises ColumnarStoreError where it does not answer, and PlatformError where it is not as `cluster` says.
        """
        hosts = Cluster(cluster) if cluster else None
        options = {
            "dsn": dsn,
            "settings": {**_READ_SETTINGS, **(CLUSTER_SETTINGS if hosts else {})},
            "autogenerate_session_id": False,  # calls of one session may not run side by side
            "form_encode_query_params": True,  # a long list of nodes does not fit into an address
        }
        store = cls(options, store_id="", is_shared=is_shared, cluster=hosts)
        store.store_id = id_in_server(store)
        return store

    def command(
        self, sql: str, parameters: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> None:
        """Runs one statement that answers nothing, on the server that is asked."""
        with self._client() as client:
            client.command(sql, parameters=dict(parameters or {}), settings=dict(settings or {}))

    def define(self, sql: str) -> None:
        """Runs one statement of DDL; in a cluster, on every host of it."""
        if self.cluster:
            self.command(self.cluster.define(sql), settings=DEFINE_SETTINGS)
        else:
            self.command(sql)

    def query_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """One result, whole, in memory; LowCardinality columns come as dictionaries.

        Parameters are bound by the engine: `{nodes:Array(String)}` in the text takes `nodes` from `parameters`.
        """
        with self._client() as client:
            answer = client.raw_query(sql, parameters=dict(parameters or {}), fmt="Arrow")
        try:
            return pa.ipc.open_file(pa.py_buffer(answer)).read_all()
        except pa.ArrowInvalid as error:
            # Without its header, half an answer looks whole to HTTP; the format ends with what tells that it is not.
            raise ColumnarStoreError(
                f"The columnar store's answer broke off after {len(answer):,} bytes.", "It is asked again."
            ) from error

    def insert_arrow(self, table: str, rows: Rows, *, deduplication_token: str) -> None:
        """One insert. Columns are matched by name.

        The same call again with the same token changes nothing, also after a crash half-way, as far back as the table's
        deduplication window reaches. Other rows under a known token are dropped: name the content in
        the token. An insert of more than a million rows, or over several partitions, becomes visible bit by bit.
        """
        if rows.table.num_rows == 0:
            return
        batches = batches_of(rows)
        first = next(batches)
        chunks = arrow_stream(first.schema, chain([first], batches), compression="lz4")
        with self._turn(table), self._client() as client:
            client.raw_insert(
                table,
                first.schema.names,
                chunks,  # a generator: neither the stream nor the widened rows are ever whole in memory
                fmt="ArrowStream",
                settings={**_INSERT_SETTINGS, "insert_deduplication_token": deduplication_token},
            )

    @property
    def is_closed(self) -> bool:
        with self._lock:
            return self._closed

    def close(self) -> None:
        """Waits for calls under way and closes every client; closing again is harmless."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        for _ in range(_CALLS_AT_ONCE):
            self._slots.acquire()
        for client in self._idle:
            client.close()
        self._idle.clear()
        for _ in range(_CALLS_AT_ONCE):
            self._slots.release()

    def _open(self) -> Client:
        import clickhouse_connect  # takes half a second

        try:
            return clickhouse_connect.get_client(**self._options)
        except Exception as error:
            place = self._options.get("path", "on the server")
            raise ColumnarStoreError(
                f"The columnar store {place} can't be opened: {error}",
                "Another process may be using it, or this one another folder; `carbon254 doctor` names the holder.",
            ) from error

    @contextmanager
    def _turn(self, table: str) -> Iterator[None]:
        """A cluster refuses an insert while another one into the same table waits for its quorum."""
        if not self.cluster:
            yield
            return
        with self._lock:
            turn = self._inserting.setdefault(table, threading.Lock())
        with turn:
            yield

    @contextmanager
    def _client(self) -> Iterator[Client]:
        with self._slots:
            with self._lock:
                if self._closed:
                    raise RuntimeError("the columnar store has been closed")
                client = self._idle.pop() if self._idle else None
            client = client or self._open()
            try:
                yield client
            except Exception as error:
                _explain(error)
                raise
            finally:
                with self._lock:
                    self._idle.append(client)


def _explain(error: Exception) -> None:
    """Raises ColumnarStoreError for an error of the client that says that nothing answered, or too few hosts."""
    from clickhouse_connect.driver.exceptions import OperationalError

    if isinstance(error, OperationalError) or getattr(error, "code", None) in HOSTS_AWAY:
        reason = str(error).partition("\n")[0]
        raise ColumnarStoreError(
            f"The columnar store does not answer: {reason}", "Check CLICKHOUSE_DSN and the server; it is tried again."
        ) from error
