"""`ch.market_price_ticks` holds every row of every publication, once, also across crashes."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.clickhouse import ClickHouse
from integrations.isos.ticks import TICK_SCHEMA
from read_models.prices import ROWS_SCHEMA, create_price_table, price_table
from tests.plugins_clickhouse import RECORDED_AT, publish, tick_rows

REPOSITORY = Path(__file__).parents[2]
DAY = datetime(2024, 7, 1, 5, tzinfo=UTC)


def stored(store: ClickHouse, table: str | None = None) -> list[dict[str, object]]:
    name = table or price_table()
    sql = "SELECT * FROM ch.{table:Identifier} ORDER BY node, interval_start_utc, log_position"
    rows: list[dict[str, object]] = store.query_arrow(sql, {"table": name}).to_pylist()
    return rows


def test_a_row_has_every_column_in_the_documented_order(price_store: ClickHouse) -> None:
    rows = tick_rows(["HUB"], DAY, lmp_usd_per_mwh=-12.34, source_version=2)
    rows = rows.set_column(5, ROWS_SCHEMA.field("energy_usd_per_mwh"), pa.array([-10.0]))
    published_at = datetime(2024, 6, 30, 18, 1, 2, tzinfo=UTC)
    publish(price_store, 41, rows, vintage="verified", published_at=published_at)
    (row,) = stored(price_store)
    assert list(row.items()) == [
        ("iso", "MISO"),
        ("node", "HUB"),
        ("node_type", "Hub"),
        ("feed", "da_expost_lmp"),
        ("market", "DA"),
        ("interval_start_utc", DAY),
        ("interval_end_utc", DAY.replace(hour=6)),
        ("lmp_usd_per_mwh", -12.34),
        ("energy_usd_per_mwh", -10.0),
        ("congestion_usd_per_mwh", None),
        ("loss_usd_per_mwh", None),
        ("ghg_usd_per_mwh", None),
        ("vintage", 2),  # how Arrow shows the Enum
        ("source_version", 2),
        ("published_at", published_at),
        ("recorded_at", RECORDED_AT),
        ("log_position", 41),
        ("publication_id", "publication-41"),
        ("publication_position", 41),
    ]


def test_an_unknown_time_of_publishing_stays_null(price_store: ClickHouse) -> None:
    publish(price_store, 1, tick_rows(["HUB"], DAY), published_at=None)
    assert stored(price_store)[0]["published_at"] is None


def test_loading_again_adds_nothing_however_often_and_in_what_order(price_store: ClickHouse) -> None:
    first, second = tick_rows(["A", "B"], DAY, count=24), tick_rows(["A"], DAY, count=24)
    for position, rows in [(1, first), (2, second), (1, first), (2, second), (2, second)]:
        publish(price_store, position, rows)
    assert len(stored(price_store)) == 48 + 24


def test_restated_rows_are_kept_beside_the_old_ones(price_store: ClickHouse) -> None:
    for position in (1, 2):
        publish(price_store, position, tick_rows(["A"], DAY, lmp_usd_per_mwh=float(position)))
    price_store.command("OPTIMIZE TABLE ch.market_price_ticks FINAL")
    assert [(row["log_position"], row["lmp_usd_per_mwh"]) for row in stored(price_store)] == [(1, 1.0), (2, 2.0)]


def test_a_publication_over_many_months_and_years_lands_whole(price_store: ClickHouse) -> None:
    hours = 13 * 31 * 24
    for _ in range(2):
        publish(price_store, 1, tick_rows(["A"], datetime(2023, 12, 15, tzinfo=UTC), count=hours))
    assert len(stored(price_store)) == hours


def test_rows_from_parquet_load_like_those_from_memory(price_store: ClickHouse, tmp_path: Path) -> None:
    rows = tick_rows(["A", "B"], DAY, count=3)
    pq.write_table(rows, tmp_path / "rows.parquet")
    publish(price_store, 1, pq.read_table(tmp_path / "rows.parquet"))
    hours = [DAY, DAY.replace(hour=6), DAY.replace(hour=7)]
    assert [(row["node"], row["interval_start_utc"]) for row in stored(price_store)] == [
        (node, hour) for node in "AB" for hour in hours
    ]


def test_a_version_can_be_built_beside_the_live_one(price_store: ClickHouse) -> None:
    coming = price_table(2)
    create_price_table(price_store, coming)
    publish(price_store, 1, tick_rows(["LIVE"], DAY))
    publish(price_store, 1, tick_rows(["COMING"], DAY), table=coming)
    assert [row["node"] for row in stored(price_store)] == ["LIVE"]
    assert [row["node"] for row in stored(price_store, coming)] == ["COMING"]


def test_the_rows_are_those_that_parsers_write() -> None:
    assert ROWS_SCHEMA.equals(TICK_SCHEMA)


def test_rows_that_are_not_normalised_are_refused(price_store: ClickHouse) -> None:
    rows = tick_rows(["A"], DAY)
    with pytest.raises(ValueError, match="publication-1: its rows have the columns"):
        publish(price_store, 1, rows.drop_columns(["loss_usd_per_mwh"]))
    with pytest.raises(ValueError, match="vintage 'provisional'"):
        publish(price_store, 1, rows, vintage="provisional")
    unpriced = rows.set_column(4, pa.field("lmp_usd_per_mwh", pa.float64()), pa.nulls(1, pa.float64()))
    with pytest.raises(ValueError, match="lmp_usd_per_mwh"):
        publish(price_store, 1, unpriced)
    assert stored(price_store) == []


LOADER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from infra.clickhouse import ClickHouse
from integrations.isos.ticks import TICK_SCHEMA
from read_models.latest_prices import create_latest_table
from read_models.prices import create_price_table
from tests.plugins_clickhouse import publish, tick_rows

store = ClickHouse.embedded(Path(sys.argv[1]))
create_price_table(store)
create_latest_table(store)
rows = tick_rows([f"NODE {i}" for i in range(500)], datetime(2024, 12, 31, 12, tzinfo=UTC), count=24)
print("ready", flush=True)
for position in range(1, int(sys.argv[2]) + 1):
    publish(store, position, rows)
    print(position, flush=True)
(held,) = store.query_arrow(
    "SELECT count() AS c, uniqExact(node, interval_start_utc, log_position) AS u, max(log_position) AS top"
    " FROM ch.market_price_ticks"
).to_pylist()
print(held["c"], held["u"], held["top"])
store.close()
"""


def test_killed_while_loading_then_done_again_no_row_is_lost_or_doubled(tmp_path: Path) -> None:
    def loader(publications: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", LOADER, str(tmp_path / "store"), str(publications)]
        return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)

    with loader(10_000) as victim:
        assert victim.stdout is not None
        acknowledged = 0
        while acknowledged < 5:
            line = victim.stdout.readline().strip()
            assert line, "it ended before it was killed"
            acknowledged = int(line) if line.isdigit() else 0
        victim.send_signal(signal.SIGKILL)  # in the midst of one of the following loads
    with loader(acknowledged + 10) as again:
        output, _ = again.communicate(timeout=60)
    assert again.returncode == 0
    count, unique, newest = (int(word) for word in output.splitlines()[-1].split())
    assert count == unique == newest * 500 * 24
    assert newest >= acknowledged + 10
