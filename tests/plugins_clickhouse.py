"""The columnar engine for tests, and small publications to fill it with.

The embedded engine allows one folder a process at a time: a test that opens a store of its own must not use
`clickhouse`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from infra.clickhouse import ClickHouse
from read_models.curve_points import create_curve_point_table
from read_models.latest_prices import LATEST_TABLE, create_latest_table, newest_rows
from read_models.prices import (
    ROWS_SCHEMA,
    VERSION,
    PublicationFacts,
    create_price_table,
    price_table,
    publication_rows,
)

HOUR = timedelta(hours=1)
RECORDED_AT = datetime(2025, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """The server that TEST_CLICKHOUSE_DSN leads to, else one embedded engine a module; without tables."""
    if given := os.environ.get("TEST_CLICKHOUSE_DSN"):
        store = ClickHouse.server(given)
        store.command("DROP DATABASE IF EXISTS ch SYNC")
    else:
        store = ClickHouse.embedded(tmp_path_factory.mktemp("clickhouse"))
    yield store
    store.close()


@pytest.fixture
def price_store(clickhouse: ClickHouse) -> Iterator[ClickHouse]:
    """The engine with empty price and curve tables."""
    create_price_table(clickhouse)
    create_latest_table(clickhouse)
    create_curve_point_table(clickhouse)
    yield clickhouse
    clickhouse.command("DROP DATABASE ch SYNC")


def tick_rows(
    nodes: Sequence[str],
    start_utc: datetime,
    *,
    count: int = 1,
    step: timedelta = HOUR,
    lmp_usd_per_mwh: float = 30.0,
    node_type: str = "Hub",
    source_version: int = 0,
) -> pa.Table:
    """`count` intervals of every node, interval by interval as the operators write them."""
    starts = [start_utc + i * step for i in range(count) for _ in nodes]
    size = len(starts)
    return pa.table(
        {
            "node": pa.array(list(nodes) * count).dictionary_encode(),
            "node_type": pa.array([node_type] * size).dictionary_encode(),
            "interval_start_utc": pa.array(starts, pa.timestamp("s", "UTC")),
            "interval_end_utc": pa.array([start + step for start in starts], pa.timestamp("s", "UTC")),
            "lmp_usd_per_mwh": [lmp_usd_per_mwh] * size,
            "energy_usd_per_mwh": pa.nulls(size, pa.float64()),
            "congestion_usd_per_mwh": pa.nulls(size, pa.float64()),
            "loss_usd_per_mwh": pa.nulls(size, pa.float64()),
            "ghg_usd_per_mwh": pa.nulls(size, pa.float64()),
            "source_version": pa.array([source_version] * size, pa.int32()),
        }
    ).cast(ROWS_SCHEMA)


def facts(position: int, **changes: object) -> PublicationFacts:
    """A final day-ahead publication of MISO at `position`, but for the changes."""
    given: dict[str, object] = {
        "publication_id": f"publication-{position}",
        "iso": "MISO",
        "feed": "da_expost_lmp",
        "market": "DA",
        "vintage": "final",
        "published_at": None,
        "recorded_at": RECORDED_AT,
        "log_position": position,
    }
    return PublicationFacts(**(given | changes))  # type: ignore[arg-type]


def publish(store: ClickHouse, position: int, rows: pa.Table, *, table: str | None = None, **changes: object) -> None:
    """Loads one publication, as the projection does."""
    widened = publication_rows(facts(position, **changes), rows)
    token = f"prices:{VERSION}:{position}"
    store.insert_arrow(f"ch.{table or price_table()}", widened, deduplication_token=token)
    if table is None:
        store.insert_arrow(f"ch.{LATEST_TABLE}", newest_rows(widened), deduplication_token=token)
