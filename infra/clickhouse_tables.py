"""Tables of the columnar store that take each other's names, while readers go on in the one that they began with."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from infra.errors import ColumnarStoreError

if TYPE_CHECKING:
    from infra.clickhouse import ClickHouse

READ_ELSEWHERE_FOR_S = 60.0
"""How long a table that was exchanged out is kept for readers in other processes."""
_LOOKS, _LOOK_PAUSE_S = 20, 0.005


def beside(live: str, purpose: str) -> str:
    """The name of a table that is built beside the table `live`."""
    return f"{live}__{purpose}"


class Tables:
    """The tables of database `ch`. Safe to use from any thread."""

    def __init__(self, store: ClickHouse, *, is_shared: bool) -> None:
        """Of a store that is shared, a table that was exchanged out is kept a while: other processes may read it."""
        self._store = store
        self._is_shared = is_shared
        self._lock = threading.Lock()
        self._pins: Counter[str] = Counter()  # how many read a table, by its uuid
        self._doomed: dict[str, str] = {}  # name by uuid of tables that were exchanged out

    @contextmanager
    def pinned(self, table: str) -> Iterator[PinnedTable]:
        """The table of database `ch` that bears this name now, for several reads of one state.

        Should another table be exchanged into its name meanwhile, reads go on in the old one, which is kept for them.
        """
        uuid = self._uuid(table)
        while True:
            with self._lock:
                self._pins[uuid] += 1
            # An exchange that came between the two would not have seen this pin.
            if (now := self._uuid(table)) == uuid:
                break
            self._unpin(uuid)
            uuid = now
        try:
            yield PinnedTable(self._store, self, uuid)
        finally:
            self._unpin(uuid)

    def exchange(self, live: str, built: str) -> None:
        """Puts the table `built` into the place of `live`, at once for every reader, and drops the one that was live.

        Where readers have pinned that one, it is dropped as soon as the last of them is done.
        """
        if self._store.cluster:
            self._store.cluster.check_tables(self._store, [live, built])
        uuid = self._uuid(live)
        self._store.define(f"EXCHANGE TABLES ch.{live} AND ch.{built}")
        kept = f"{built}_{uuid.replace('-', '')}"
        self._store.define(f"RENAME TABLE ch.{built} TO ch.{kept}")
        with self._lock:
            self._doomed[uuid] = kept
        self._drop_if_done(uuid)

    def drop_beside(self, live: str) -> None:
        """Drops what builds of the table `live` left beside it (`beside`), but for what somebody still reads."""
        cluster = self._store.cluster
        tables = cluster.everywhere("system.tables") if cluster else "system.tables"
        query = f"SELECT name FROM {tables} WHERE database = 'ch' AND name LIKE {{pattern:String}}"  # noqa: S608
        found = self._store.query_arrow(query, {"pattern": beside(live, "%").replace("_", r"\_")})["name"].to_pylist()
        with self._lock:
            kept = set(self._doomed.values())
        for name in sorted(set(found) - kept):
            # The last reader of one may have dropped it since it was looked up.
            self._store.define(f"DROP TABLE IF EXISTS ch.{name} SYNC")

    def name_of(self, uuid: str) -> str:
        """The name that a table of database `ch` bears now. Raises ColumnarStoreError when it is gone."""
        return self._of_table("name", "toString(uuid)", uuid)

    def _uuid(self, table: str) -> str:
        return self._of_table("toString(uuid)", "name", table)

    def _of_table(self, wanted: str, known: str, value: str) -> str:
        query = f"SELECT {wanted} AS found FROM system.tables WHERE database = 'ch' AND {known} = {{value:String}}"  # noqa: S608
        for _ in range(_LOOKS):
            if found := self._store.query_arrow(query, {"value": value})["found"].to_pylist():
                return str(found[0])
            # While another table is renamed, the engine's list may lack one that is there all the time.
            time.sleep(_LOOK_PAUSE_S)
        raise ColumnarStoreError(f"The table {value} of database ch is gone.", "Ask again.")

    def _unpin(self, uuid: str) -> None:
        with self._lock:
            self._pins[uuid] -= 1
        self._drop_if_done(uuid)

    def _drop_if_done(self, uuid: str) -> None:
        with self._lock:
            if self._pins[uuid]:
                return
            del self._pins[uuid]
            table = self._doomed.pop(uuid, None)
        if table and self._is_shared:
            later = threading.Timer(READ_ELSEWHERE_FOR_S, self._drop, (table,))
            later.daemon = True
            later.start()
        elif table:
            self._drop(table)

    def _drop(self, table: str) -> None:
        if not self._store.is_closed:  # else the next build drops it
            self._store.define(f"DROP TABLE IF EXISTS ch.{table} SYNC")


class PinnedTable:
    """One table, whatever name it bears meanwhile. Made by `Tables.pinned`."""

    def __init__(self, store: ClickHouse, tables: Tables, uuid: str) -> None:
        self._store = store
        self._tables = tables
        self._uuid = uuid

    def query_arrow(self, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
        """As `ClickHouse.query_arrow`, with the name of the table for `{table:Identifier}`."""
        name = self._tables.name_of(self._uuid)
        while True:
            try:
                answer = self._store.query_arrow(sql, {**parameters, "table": name})
            except Exception:
                # It may have got another name since that one was looked up; if not, that was no reason to fail.
                if (now := self._tables.name_of(self._uuid)) == name:
                    raise
            else:
                # An exchange during the query leaves it unknown which of the two tables was read.
                if (now := self._tables.name_of(self._uuid)) == name:
                    return answer
            name = now
