"""The definitions of all columnar tables, for one server and for a cluster, each read by the engine's own parser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.clickhouse import ClickHouse
from infra.clickhouse_cluster import Cluster
from infra.objects import Objects
from projections.columnar_build import ColumnarProjection
from projections.curve_points import curve_points_projection
from projections.prices import prices_projection
from projections.series import series_projections


class Defining(ClickHouse):
    """Keeps what it is to run."""

    def __init__(self, cluster: Cluster | None) -> None:
        super().__init__({}, "store", cluster=cluster)
        self.ran: list[str] = []

    def command(
        self, sql: str, parameters: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.ran.append(sql)


def all_projections(tmp_path: Path) -> list[ColumnarProjection]:
    objects = Objects.in_folder(tmp_path / "objects")
    return [prices_projection(objects), curve_points_projection(objects), *series_projections(objects)]


def definitions(projections: list[ColumnarProjection], cluster: Cluster | None) -> list[str]:
    store = Defining(cluster)
    for projection in projections:
        projection.create_tables(store)
        projection.create_tables(store, lambda table: f"{table}__rebuilt")
    return store.ran


def parsed(clickhouse: ClickHouse, statement: str) -> str:
    found = clickhouse.query_arrow("SELECT formatQuery({sql:String}) AS sql", {"sql": statement})
    return str(found["sql"][0].as_py())


def test_every_table_is_defined_on_every_host_and_its_rows_are_copied(clickhouse: ClickHouse, tmp_path: Path) -> None:
    projections = all_projections(tmp_path)
    alone, clustered = definitions(projections, None), definitions(projections, Cluster("c254"))
    tables = 2 * sum(len(projection.tables) for projection in projections)
    assert len(alone) == len(clustered) == 2 * tables  # with each table its database
    assert tables == 2 * (3 + len(series_projections(Objects.in_folder(tmp_path / "objects"))))
    for one, many in zip(alone, clustered, strict=True):
        form = parsed(clickhouse, many)
        assert " ON CLUSTER c254" in form.partition("\n")[0]
        if "CREATE DATABASE" in one:
            continue
        assert re.search(r"^ENGINE = Replicated(Replacing)?MergeTree", form, re.MULTILINE)
        assert "non_replicated" not in form
        assert ("deduplication_window_seconds" in form) == ("deduplication_window" in one)
        # Nothing else differs: taken back, it is what one server gets.
        back = many.replace(" ON CLUSTER `c254`", "").replace("ENGINE = Replicated", "ENGINE = ")
        back = re.sub(r", replicated_deduplication_window_seconds = \d+", "", back)
        back = back.replace("replicated_deduplication_window", "non_replicated_deduplication_window")
        assert back.strip() == one.strip()


def test_without_a_cluster_nothing_names_one_and_the_engine_makes_the_tables(
    clickhouse: ClickHouse, tmp_path: Path
) -> None:
    alone = definitions(all_projections(tmp_path), None)
    assert not [statement for statement in alone if "CLUSTER" in statement or "Replicated" in statement]
    for statement in alone:
        clickhouse.command(statement)
    clickhouse.command("DROP DATABASE ch SYNC")
