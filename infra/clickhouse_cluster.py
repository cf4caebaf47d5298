"""A cluster of ClickHouse: one shard, so that each of its hosts holds all rows. docs/operations/engines.md tells what
it rests on; only statements were tried, never a cluster.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.errors import PlatformError

if TYPE_CHECKING:
    from infra.clickhouse import ClickHouse

CLUSTER_SETTINGS: Mapping[str, Any] = {
    # An insert returns when most hosts have it. One after the other: only so can a read ask for all of them.
    "insert_quorum": "auto",
    "insert_quorum_parallel": 0,
    "select_sequential_consistency": 1,  # a host that lacks some of them answers an error and not less
    "lightweight_deletes_sync": 2,  # a delete returns when it is done on every host
}
DEFINE_SETTINGS: Mapping[str, Any] = {
    "distributed_ddl_task_timeout": 180,  # s
    "distributed_ddl_output_mode": "throw",  # a definition that a host did not carry out has failed
    "wait_end_of_query": 1,  # else what a host reports late comes after a status that says that all is well
}
# What a host of a cluster answers until others, or the keeper of what they agreed on, are back.
HOSTS_AWAY = frozenset({
    225,  # NO_ZOOKEEPER
    242,  # TABLE_IS_READ_ONLY
    285,  # TOO_FEW_LIVE_REPLICAS
    286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    289,  # REPLICA_IS_NOT_IN_QUORUM
    319,  # UNKNOWN_STATUS_OF_INSERT
    999,  # KEEPER_EXCEPTION
})  # fmt: skip
_TOKENS_KNOWN_S = 10 * 365 * 86_400  # an hour by default; a table of one server forgets them by their number alone

_DEFINITION = re.compile(
    r"\s*(CREATE DATABASE IF NOT EXISTS \w+|(CREATE TABLE IF NOT EXISTS|DROP TABLE IF EXISTS) [\w.]+"
    r"|EXCHANGE TABLES [\w.]+ AND [\w.]+|RENAME TABLE [\w.]+ TO [\w.]+)(?=[\s(]|$)"
)
_ENGINE = re.compile(r"\bENGINE = (?=\w*MergeTree\b)")
_WINDOW = re.compile(r"\bnon_replicated_deduplication_window = (\d+)")

_SHARDS = "SELECT uniqExact(shard_num) AS shards FROM system.clusters WHERE cluster = {cluster:String}"
_HOSTS = "SELECT count() AS hosts FROM {hosts} SETTINGS skip_unavailable_shards = 1"
# Of tables beside live ones, which builds of other processes make and drop meanwhile, those alone that are named.
_DIFFERING = """
SELECT name FROM {tables}
WHERE database = 'ch'
    AND if(empty({{names:Array(String)}}), position(name, '__') = 0, has({{names:Array(String)}}, name))
GROUP BY name HAVING uniqExact(uuid) > 1 OR count() < {{hosts:UInt64}}
ORDER BY name SETTINGS skip_unavailable_shards = 1
"""
_LOOKS, _LOOK_PAUSE_S = 20, 0.25


@dataclass(frozen=True)
class Cluster:
    """A cluster as the servers' configuration names it."""

    name: str

    def define(self, statement: str) -> str:
        """A definition for one server, as one for every host, and of a table whose rows are copied between them.

        Raises ValueError for a statement of another form.
        """
        found = _DEFINITION.match(statement)
        if not found:
            raise ValueError(f"nothing is known of how hosts of a cluster carry out {statement.strip()[:60]!r}")
        rest, engines = _ENGINE.subn("ENGINE = Replicated", statement[found.end() :])
        if engines != (found[2] == "CREATE TABLE IF NOT EXISTS"):
            raise ValueError(f"{found[0].strip()}: its engine is not one that copies rows between hosts")
        rest = _WINDOW.sub(
            rf"replicated_deduplication_window = \1, replicated_deduplication_window_seconds = {_TOKENS_KNOWN_S}", rest
        )
        return f"{found[0]} ON CLUSTER `{self.name}`{rest}"

    def everywhere(self, table: str) -> str:
        """What to read from for the rows of a system table of every host that answers."""
        return f"clusterAllReplicas(`{self.name}`, {table})"

    def check_shards(self, store: ClickHouse) -> None:
        """Raises PlatformError where the server knows no such cluster, or one that splits rows over its hosts."""
        (found,) = store.query_arrow(_SHARDS, {"cluster": self.name}).to_pylist()
        if found["shards"] != 1:
            raise PlatformError(
                f"ClickHouse knows the cluster {self.name} with {found['shards']} shards, and one is needed",
                "Name in CLICKHOUSE_CLUSTER a cluster of system.clusters with one shard, whose replicas hold all rows.",
            )

    def check_tables(self, store: ClickHouse, names: Sequence[str] = ()) -> None:
        """Raises PlatformError where hosts do not have the same tables: the `names`, else all that are live.

        A table that came to a host by another statement than to the rest has none of their rows, and never gets any.
        """
        ask_hosts = _HOSTS.format(hosts=self.everywhere("system.one"))
        ask_tables = _DIFFERING.format(tables=self.everywhere("system.tables"))
        for look in range(_LOOKS):
            (answering,) = store.query_arrow(ask_hosts).to_pylist()
            found = store.query_arrow(ask_tables, {**answering, "names": list(names)})["name"].to_pylist()
            if not found:
                return
            if look < _LOOKS - 1:
                time.sleep(_LOOK_PAUSE_S)  # host by host, another process may be exchanging two of them
        raise PlatformError(
            f"The hosts of the cluster {self.name} do not have the same tables: {', '.join(map(str, found))}",
            f'Stop all processes and `DROP DATABASE ch ON CLUSTER "{self.name}" SYNC`: the start builds it anew.',
        )


def check_setting(engine: str, cluster: Cluster | None) -> None:
    """Raises PlatformError where the tables, of which one has this engine, were made with the other setting."""
    if engine.startswith("Replicated") != bool(cluster):
        raise PlatformError(
            f"The tables of this ClickHouse are {engine}, and CLICKHOUSE_CLUSTER is {'set' if cluster else 'not set'}",
            "Set it as when they were made, alike for all processes; or drop database ch: the start builds it anew.",
        )
