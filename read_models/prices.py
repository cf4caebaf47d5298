"""`ch.market_price_ticks`: every price an ISO published, each version of it a row of its own.

A restatement adds rows and removes none; which version wins is decided when reading (`queries.prices`). The table's
order serves both ways of reading: one node over a month is a single stretch of a few thousand rows, and all nodes of a
day lie within their ISO's, market's and month's part of the table. Why it is laid out so: decision 0032.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pyarrow as pa

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows

VERSION = 3
"""Raised when a table or what is loaded into it changes (`ch.latest_prices` counts in); it is then built anew."""

VINTAGES = ("preliminary", "verified", "final")
"""From the weakest to the strongest."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
_SECOND = pa.timestamp("s", tz="UTC")

ROWS_SCHEMA = pa.schema(
    [
        pa.field("node", _TEXT, nullable=False),
        pa.field("node_type", _TEXT, nullable=False),
        pa.field("interval_start_utc", _SECOND, nullable=False),
        pa.field("interval_end_utc", _SECOND, nullable=False),
        pa.field("lmp_usd_per_mwh", pa.float64(), nullable=False),
        pa.field("energy_usd_per_mwh", pa.float64()),
        pa.field("congestion_usd_per_mwh", pa.float64()),
        pa.field("loss_usd_per_mwh", pa.float64()),
        pa.field("ghg_usd_per_mwh", pa.float64()),
        pa.field("source_version", pa.int32(), nullable=False),
    ]
)
"""What a publication's rows object holds."""

# LowCardinality keeps the labels at one or two bytes a row; the vintage is an Enum so that it sorts by strength.
# Neither feed nor vintage need be in the order: versions of an interval lie beside each other as it is.
# ISOs and markets have partitions of their own, so that a read opens no parts of another one. A year a partition bounds
# the size of a merge, and lets a file of many months go in with few parts.
# Reading one node takes about as long as opening the files of each part that has it. So once nothing has come for three
# hours (day-ahead prices, past years) the parts of a partition become one; those that grow all day are left alone.
# A power cut must not take rows of which the checkpoint, in another database, says that they are here: hence fsync.
_DDL = """
CREATE TABLE IF NOT EXISTS ch.{table} (
    iso LowCardinality(String),
    node LowCardinality(String),
    node_type LowCardinality(String),
    feed LowCardinality(String),
    market LowCardinality(String),
    interval_start_utc DateTime64(0, 'UTC'),
    interval_end_utc DateTime64(0, 'UTC'),
    lmp_usd_per_mwh Float64,
    energy_usd_per_mwh Nullable(Float64),
    congestion_usd_per_mwh Nullable(Float64),
    loss_usd_per_mwh Nullable(Float64),
    ghg_usd_per_mwh Nullable(Float64),
    vintage Enum8('preliminary' = 1, 'verified' = 2, 'final' = 3),
    source_version Int32,
    published_at Nullable(DateTime64(6, 'UTC')),
    recorded_at DateTime64(6, 'UTC'),
    log_position Int64,
    publication_id LowCardinality(String),
    publication_position Int64
) ENGINE = MergeTree
PARTITION BY (iso, market, toYear(interval_start_utc))
PRIMARY KEY (iso, market, toYYYYMM(interval_start_utc), node, interval_start_utc)
ORDER BY (iso, market, toYYYYMM(interval_start_utc), node, interval_start_utc, log_position)
SETTINGS index_granularity = 2048,
    min_age_to_force_merge_seconds = 10800, min_age_to_force_merge_on_partition_only = 1,
    non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
"""


def partition_of(rows: Rows) -> tuple[str, str]:
    """Where a publication's rows go, but for the year. An insert over several partitions makes a part in each."""
    return rows.constants["iso"].as_py(), rows.constants["market"].as_py()


@dataclass(frozen=True)
class PublicationFacts:
    """What is the same for every row of one publication. Times are aware."""

    publication_id: UUID | str
    iso: str
    feed: str
    market: str
    vintage: str
    published_at: datetime | None
    recorded_at: datetime
    log_position: int
    publication_position: int | None = None

    @property
    def rank(self) -> int:
        """The position as which its rows compete: the publication's first, whenever they were read."""
        return self.publication_position or self.log_position

    def constants(self) -> dict[str, pa.Scalar]:
        """The columns that every row of the publication gets."""
        return {
            "iso": pa.scalar(self.iso),
            "feed": pa.scalar(self.feed),
            "market": pa.scalar(self.market),
            "vintage": pa.scalar(self.vintage),
            "published_at": pa.scalar(self.published_at, pa.timestamp("us", tz="UTC")),
            "recorded_at": pa.scalar(self.recorded_at, pa.timestamp("us", tz="UTC")),
            "log_position": pa.scalar(self.log_position, pa.int64()),
            "publication_id": pa.scalar(str(self.publication_id)),
            "publication_position": pa.scalar(self.rank, pa.int64()),
        }


def price_table(version: int | None = None) -> str:
    """The table of database `ch` that answers queries, or the one in which a coming version is built beside it."""
    return "market_price_ticks" if version is None else f"market_price_ticks_v{version}"


def create_price_table(ch: ClickHouse, table: str | None = None) -> None:
    """Creates the table if it is missing."""
    ch.define("CREATE DATABASE IF NOT EXISTS ch")
    ch.define(_DDL.format(table=table or price_table()))


def publication_rows(facts: PublicationFacts, rows: pa.Table) -> Rows:
    """What a publication's rows (ROWS_SCHEMA) bring to the table.

    Raises ValueError when `rows` has other columns or a null where none may be, or the vintage is unknown.
    """
    if rows.schema.names != ROWS_SCHEMA.names:
        raise ValueError(f"publication {facts.publication_id}: its rows have the columns {rows.schema.names}")
    if facts.vintage not in VINTAGES:
        raise ValueError(f"publication {facts.publication_id}: vintage {facts.vintage!r} is not one of {VINTAGES}")
    return Rows(
        rows.cast(ROWS_SCHEMA),
        facts.constants(),
    )
