"""`ch.latest_prices`: of each place (iso, market, feed, node, node_type) the row that wins in its last interval.

It is filled beside `ch.market_price_ticks`, and says nothing that is not there: the engine lets go of a row once one of
the same place takes precedence. What was taken over may have been the answer for an older state, so a reader must
see for itself whether a row counts for its own (`queries.latest_prices`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows

LATEST_TABLE = "latest_prices"

# The order in which rows of one place win, as one number: start, vintage, source version, publication, position.
_PRECEDENCE = """
    bitShiftLeft(toUInt256(toInt64(interval_start_utc) + 9223372036854775808), 192)
    + bitShiftLeft(toUInt256(CAST(vintage, 'Int8')), 160)
    + bitShiftLeft(toUInt256(toInt64(source_version) + 2147483648), 128)
    + bitShiftLeft(toUInt256(publication_position), 64)
    + toUInt256(log_position)"""

# A reader merges what the engine has not merged yet. Parts hold a row a place, so merging all of them costs little.
_DDL = f"""
CREATE TABLE IF NOT EXISTS ch.{{table}} (
    iso LowCardinality(String),
    market LowCardinality(String),
    feed LowCardinality(String),
    node String,
    node_type LowCardinality(String),
    interval_start_utc DateTime64(0, 'UTC'),
    interval_end_utc DateTime64(0, 'UTC'),
    lmp_usd_per_mwh Float64,
    energy_usd_per_mwh Nullable(Float64),
    congestion_usd_per_mwh Nullable(Float64),
    loss_usd_per_mwh Nullable(Float64),
    ghg_usd_per_mwh Nullable(Float64),
    source_version Int32,
    published_at Nullable(DateTime64(6, 'UTC')),
    recorded_at DateTime64(6, 'UTC'),
    log_position Int64,
    publication_id LowCardinality(String),
    publication_position Int64,
    vintage Enum8('preliminary' = 1, 'verified' = 2, 'final' = 3),
    precedence UInt256 MATERIALIZED {_PRECEDENCE}
) ENGINE = ReplacingMergeTree(precedence)
ORDER BY (iso, market, feed, node, node_type)
SETTINGS index_granularity = 2048, min_age_to_force_merge_seconds = 5,
    fsync_after_insert = 1, fsync_part_directory = 1
"""


def create_latest_table(ch: ClickHouse, table: str = LATEST_TABLE) -> None:
    """Creates the table if it is missing."""
    ch.define("CREATE DATABASE IF NOT EXISTS ch")
    ch.define(_DDL.format(table=table))


def newest_rows(rows: Rows) -> Rows:
    """Of one publication's rows those of each place's last interval: none of the others can be its latest price."""
    table = rows.table.unify_dictionaries().combine_chunks()
    starts = table["interval_start_utc"].to_numpy().astype(np.int64)
    if not len(starts) or starts.min() == starts.max():
        return rows
    node_types = table["node_type"].chunk(0)
    places = _codes(table["node"]) * len(node_types.dictionary) + _codes(table["node_type"])
    newest = np.full(places.max() + 1, starts.min())
    np.maximum.at(newest, places, starts)
    return Rows(table.filter(pa.array(starts == newest[places])), rows.constants)


def _codes(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return column.chunk(0).indices.to_numpy().astype(np.int64)  # type: ignore[no-any-return]
