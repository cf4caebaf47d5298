"""A cluster of ClickHouse, as far as one engine shows it: what its parser takes, and what it answers as the only host.

No cluster was ever run. The engine reads the configuration of one that has this process as its only host, which is
enough for the questions that are asked of all hosts, and for no statement `ON CLUSTER`: they need a keeper.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from infra.clickhouse import ClickHouse
from infra.clickhouse_cluster import CLUSTER_SETTINGS, DEFINE_SETTINGS, Cluster, check_setting
from infra.clickhouse_rows import Rows
from infra.clickhouse_store_id import id_in_server
from infra.errors import ColumnarStoreError, PlatformError

CLUSTER = Cluster("prices-eu")
HOSTS = {"system.one": [pa.table({"hosts": [3]})]}


class Answering(ClickHouse):
    """Keeps statements, and answers what the test says to queries that hold a text."""

    def __init__(self, answers: Mapping[str, list[pa.Table]], cluster: Cluster | None = CLUSTER) -> None:
        super().__init__({}, "store", cluster=cluster)
        self.answers = answers
        self.asked: list[str] = []
        self.settings: list[Mapping[str, Any]] = []

    def command(
        self, sql: str, parameters: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.asked.append(sql)
        self.settings.append(settings or {})

    def query_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        self.asked.append(sql)
        (left,) = (left for text, left in self.answers.items() if text in sql)
        return left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize(
    ("statement", "rendered"),
    [
        ("CREATE DATABASE IF NOT EXISTS ch", "CREATE DATABASE IF NOT EXISTS ch ON CLUSTER `prices-eu`"),
        (
            "CREATE TABLE IF NOT EXISTS ch.t (n Int64) ENGINE = ReplacingMergeTree(n) ORDER BY n\n"
            "SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1",
            "CREATE TABLE IF NOT EXISTS ch.t ON CLUSTER `prices-eu` (n Int64) ENGINE = ReplicatedReplacingMergeTree(n) "
            "ORDER BY n\nSETTINGS replicated_deduplication_window = 10000, "
            "replicated_deduplication_window_seconds = 315360000, fsync_after_insert = 1",
        ),
        ("DROP TABLE IF EXISTS ch.t__built SYNC", "DROP TABLE IF EXISTS ch.t__built ON CLUSTER `prices-eu` SYNC"),
        ("EXCHANGE TABLES ch.a AND ch.b", "EXCHANGE TABLES ch.a AND ch.b ON CLUSTER `prices-eu`"),
        ("RENAME TABLE ch.a TO ch.b", "RENAME TABLE ch.a TO ch.b ON CLUSTER `prices-eu`"),
    ],
)
def test_a_definition_is_for_every_host_and_the_parser_takes_it(
    clickhouse: ClickHouse, statement: str, rendered: str
) -> None:
    assert CLUSTER.define(statement) == rendered
    (parsed,) = clickhouse.query_arrow("SELECT formatQuery({sql:String}) AS sql", {"sql": rendered}).to_pylist()
    assert "ON CLUSTER `prices-eu`" in str(parsed["sql"])


@pytest.mark.parametrize(
    "statement",
    [
        "OPTIMIZE TABLE ch.t",
        "DROP TABLE IF EXISTS ch.`t`",
        "CREATE TABLE IF NOT EXISTS ch.t (n Int64) ENGINE = Log",
        "CREATE TABLE IF NOT EXISTS ch.t (n Int64) ENGINE = ReplicatedMergeTree ORDER BY n ENGINE = MergeTree",
    ],
)
def test_what_nothing_is_known_of_is_refused(statement: str) -> None:
    with pytest.raises(ValueError, match=r"nothing is known|its engine"):
        CLUSTER.define(statement)


def test_the_engine_knows_every_setting(clickhouse: ClickHouse) -> None:
    given = {**CLUSTER_SETTINGS, **DEFINE_SETTINGS}
    del given["wait_end_of_query"]  # HTTP's own
    query = "SELECT name FROM system.settings WHERE name IN {names:Array(String)}"
    assert set(clickhouse.query_arrow(query, {"names": list(given)})["name"].to_pylist()) == set(given)
    written = ", ".join(f"{name} = {value!r}" for name, value in given.items())
    assert clickhouse.query_arrow(f"SELECT 1 AS one SETTINGS {written}").num_rows == 1


def test_an_exchange_is_done_on_every_host_once_they_agree_on_both_tables() -> None:
    same, differs = pa.table({"name": pa.array([], pa.string())}), pa.table({"name": ["live"]})
    store = Answering({**HOSTS, "system.tables)\n": [differs, same], "toString(uuid)": [pa.table({"found": ["a-b"]})]})
    store.tables.exchange("live", "live__rebuilt")
    assert [statement for statement in store.asked if not statement.lstrip().startswith("SELECT")] == [
        "EXCHANGE TABLES ch.live AND ch.live__rebuilt ON CLUSTER `prices-eu`",
        "RENAME TABLE ch.live__rebuilt TO ch.live__rebuilt_ab ON CLUSTER `prices-eu`",
        "DROP TABLE IF EXISTS ch.live__rebuilt_ab ON CLUSTER `prices-eu` SYNC",
    ]
    assert store.settings == [DEFINE_SETTINGS] * 3
    assert sum("system.tables)\n" in statement for statement in store.asked) == 2


def test_nothing_is_exchanged_while_hosts_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.clickhouse_cluster._LOOK_PAUSE_S", 0)
    store = Answering({**HOSTS, "system.tables)\n": [pa.table({"name": ["live"]})]})
    with pytest.raises(PlatformError, match="do not have the same tables: live"):
        store.tables.exchange("live", "live__rebuilt")
    assert not [statement for statement in store.asked if "EXCHANGE" in statement]


def test_leftovers_are_looked_for_on_every_host() -> None:
    store = Answering({"LIKE": [pa.table({"name": ["live__rebuilt", "live__rebuilt"]})]})
    store.tables.drop_beside("live")
    assert "clusterAllReplicas(`prices-eu`, system.tables)" in store.asked[0]
    assert store.asked[1:] == ["DROP TABLE IF EXISTS ch.live__rebuilt ON CLUSTER `prices-eu` SYNC"]


def test_a_start_defines_nothing_where_the_tables_are_there() -> None:
    answers = {
        "system.clusters": [pa.table({"shards": [1]})],
        "SELECT engine": [pa.table({"engine": ["ReplicatedMergeTree"]})],
        **HOSTS,
        "system.tables)\n": [pa.table({"name": pa.array([], pa.string())})],
        "SELECT id": [pa.table({"id": ["one"]})],
    }
    store = Answering(answers)
    assert id_in_server(store) == "one"
    assert all(statement.lstrip().startswith("SELECT") for statement in store.asked)


@pytest.mark.parametrize("shards", [0, 2])
def test_an_unknown_cluster_and_one_that_splits_rows_are_refused(shards: int) -> None:
    with pytest.raises(PlatformError, match=f"prices-eu with {shards} shards"):
        id_in_server(Answering({"system.clusters": [pa.table({"shards": [shards]})]}))


def test_tables_that_were_made_with_the_other_setting_are_refused() -> None:
    with pytest.raises(PlatformError, match="are MergeTree, and CLICKHOUSE_CLUSTER is set"):
        check_setting("MergeTree", CLUSTER)
    with pytest.raises(PlatformError, match="are ReplicatedMergeTree, and CLICKHOUSE_CLUSTER is not set"):
        check_setting("ReplicatedMergeTree", None)
    check_setting("MergeTree", None)
    check_setting("ReplicatedMergeTree", CLUSTER)


class Client:
    """Counts the inserts under way; two of them meet, if they may."""

    def __init__(self, both: threading.Barrier) -> None:
        self.both = both
        self.met = False

    def raw_insert(self, *_: object, **__: object) -> None:
        try:
            self.both.wait()
            self.met = True
        except threading.BrokenBarrierError:
            pass


@pytest.mark.parametrize(
    ("cluster", "tables", "meet"),
    [(CLUSTER, ("ch.a", "ch.a"), False), (CLUSTER, ("ch.a", "ch.b"), True), (None, ("ch.a", "ch.a"), True)],
)
def test_in_a_cluster_inserts_into_one_table_take_turns(
    monkeypatch: pytest.MonkeyPatch, cluster: Cluster | None, tables: tuple[str, str], meet: bool
) -> None:
    store = ClickHouse({}, "store", cluster=cluster)
    client = Client(threading.Barrier(2, timeout=30 if meet else 0.2))
    monkeypatch.setattr(store, "_open", lambda: client)
    rows = Rows(pa.table({"n": [1]}), {})
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda table: store.insert_arrow(table, rows, deduplication_token="t"), tables))
    assert client.met == meet


def test_too_few_hosts_are_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lagging:
        def raw_query(self, *_: object, **__: object) -> bytes:
            raise DatabaseError("Code: 289. Replica doesn't have part", code=289)

    store = ClickHouse({}, "store", cluster=CLUSTER)
    monkeypatch.setattr(store, "_open", Lagging)
    with pytest.raises(ColumnarStoreError, match="Replica doesn't have part"):
        store.query_arrow("SELECT 1")


CONFIG = """<clickhouse><tcp_port>9000</tcp_port><remote_servers><alone><shard><replica>
<host>127.0.0.1</host><port>9000</port></replica></shard></alone></remote_servers></clickhouse>"""
# A process of its own: an embedded engine has one folder a process. It does not listen, and asks itself as a function.
ALONE = """
import sys
from pathlib import Path
import infra.clickhouse_cluster
from infra.clickhouse import ClickHouse
from infra.clickhouse_cluster import Cluster
from infra.errors import PlatformError

folder = Path(sys.argv[1])
options = {"interface": "chdb", "path": str(folder / "ch"), "chdb_options": {"config-file": str(folder / "alone.xml")}}
store, alone = ClickHouse(options, "store"), Cluster("alone")
store.command("CREATE DATABASE ch")
store.command("CREATE TABLE ch.live (n Int64) ENGINE = MergeTree ORDER BY n")
alone.check_shards(store)
alone.check_tables(store)
alone.check_tables(store, ["live"])
infra.clickhouse_cluster._LOOK_PAUSE_S = 0
infra.clickhouse_cluster._HOSTS = "SELECT toUInt64(2) AS hosts -- {hosts}"
try:
    alone.check_tables(store)
except PlatformError as error:
    print(error)
store.cluster = alone
store.tables.drop_beside("live")
try:
    Cluster("unknown").check_shards(store)
except PlatformError as error:
    print(error)
store.close()
"""


def test_an_only_host_answers_what_is_asked_of_all(tmp_path: Path) -> None:
    (tmp_path / "alone.xml").write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "same tables: live" in done.stdout  # were there a second one, which has none
    assert "unknown with 0 shards" in done.stdout
