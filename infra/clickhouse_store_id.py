"""The id of a columnar store, kept beside its tables: who loses or drops them loses it too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from infra.clickhouse_cluster import check_setting

if TYPE_CHECKING:
    from infra.clickhouse import ClickHouse


def id_in_folder(folder: Path) -> str:
    """The id of the store in `folder`; a new one where the folder has none, for then its tables are gone as well."""
    file = folder / "store-id"
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        file.write_text(f"{uuid4()}\n")
        return file.read_text().strip()


def id_in_server(store: ClickHouse) -> str:
    """As `id_in_folder`. Raises PlatformError where tables are not as the setting of a cluster says."""
    cluster = store.cluster
    if cluster:
        cluster.check_shards(store)
    # Hosts that are away let no definition pass, and need not keep a process from its start.
    if not cluster or not _engine(store):
        store.define("CREATE DATABASE IF NOT EXISTS ch")
        store.define("CREATE TABLE IF NOT EXISTS ch.store (id String) ENGINE = MergeTree ORDER BY id")
    check_setting(_engine(store), cluster)
    if cluster:
        cluster.check_tables(store)
    if not (ids := _ids(store)):
        store.command("INSERT INTO ch.store SELECT {id:String}", {"id": str(uuid4())})
        ids = _ids(store)
    return ids[0]


def _engine(store: ClickHouse) -> str:
    """Empty where the table is missing."""
    found = store.query_arrow("SELECT engine FROM system.tables WHERE database = 'ch' AND name = 'store'")
    return "".join(map(str, found["engine"].to_pylist()))


def _ids(store: ClickHouse) -> list[str]:
    # Should two processes have written one at the same time, they still agree.
    return [str(found) for found in store.query_arrow("SELECT id FROM ch.store ORDER BY id")["id"].to_pylist()]
