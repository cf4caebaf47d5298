"""`ch.forward_curve_points`: the monthly prices of every built forward curve."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pyarrow as pa

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows

VERSION = 1
"""Raised when the table or what is loaded into it changes; the table is then built anew from the events."""

POINTS_SCHEMA = pa.schema(
    [
        pa.field("delivery_month", pa.date32(), nullable=False),
        pa.field("price_usd_per_mwh", pa.float64(), nullable=False),
        pa.field("is_extrapolated", pa.bool_(), nullable=False),
    ]
)
"""One row a delivery month (its first day); extrapolated months lie past the last quote."""

_DDL = """
CREATE TABLE IF NOT EXISTS ch.{table} (
    curve_id String,
    hub LowCardinality(String),
    delivery_month Date32,
    price_usd_per_mwh Float64,
    is_extrapolated Bool,
    recorded_at DateTime64(6, 'UTC'),
    log_position Int64
) ENGINE = MergeTree
ORDER BY (curve_id, delivery_month, log_position)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
"""


def curve_point_table(version: int | None = None) -> str:
    """The table of database `ch` that answers queries, or the one in which a coming version is built beside it."""
    return "forward_curve_points" if version is None else f"forward_curve_points_v{version}"


def create_curve_point_table(ch: ClickHouse, table: str | None = None) -> None:
    """Creates the table if it is missing."""
    ch.define("CREATE DATABASE IF NOT EXISTS ch")
    ch.define(_DDL.format(table=table or curve_point_table()))


def curve_rows(points: pa.Table, *, curve_id: UUID | str, hub: str, recorded_at: datetime, log_position: int) -> Rows:
    """What a curve's points (POINTS_SCHEMA) bring to the table.

    Raises ValueError when `points` has other columns or a null.
    """
    if points.schema.names != POINTS_SCHEMA.names:
        raise ValueError(f"curve {curve_id}: its points have the columns {points.schema.names}")
    return Rows(
        points.cast(POINTS_SCHEMA),
        {
            "curve_id": pa.scalar(str(curve_id)),
            "hub": pa.scalar(hub),
            "recorded_at": pa.scalar(recorded_at, pa.timestamp("us", tz="UTC")),
            "log_position": pa.scalar(log_position, pa.int64()),
        },
    )
