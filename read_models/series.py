"""What ISOs publish besides energy prices: one table of database `ch` a dataset, each version of a number a row.

A dataset is keyed by its label columns and the interval's start. As with prices, a restatement adds rows and removes
none; which version wins is decided when reading (`queries.series`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows
from read_models.prices import PublicationFacts

_LABEL = pa.dictionary(pa.int32(), pa.string())
_SECOND = pa.timestamp("s", tz="UTC")
_MICROSECOND = pa.timestamp("us", tz="UTC")

_COLUMN_TYPES: Mapping[pa.DataType, str] = {
    _LABEL: "LowCardinality(String)",
    _SECOND: "DateTime64(0, 'UTC')",
    _MICROSECOND: "DateTime64(6, 'UTC')",
    pa.float64(): "Float64",
    pa.int32(): "Int32",
}

_DDL = """
CREATE TABLE IF NOT EXISTS ch.{table} (
    iso LowCardinality(String),
    feed LowCardinality(String),
    market LowCardinality(String),
    {columns},
    vintage Enum8('preliminary' = 1, 'verified' = 2, 'final' = 3),
    published_at Nullable(DateTime64(6, 'UTC')),
    recorded_at DateTime64(6, 'UTC'),
    log_position Int64,
    publication_id LowCardinality(String),
    publication_position Int64
) ENGINE = MergeTree
PARTITION BY {partition_by}
ORDER BY (iso, feed, market, {labels}, interval_start_utc, log_position)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
"""


@dataclass(frozen=True)
class Dataset:
    """One dataset: its name in events, its table, its label columns (the key), and its value columns with their types.

    `needed` names the value that no row may lack. `version` is raised when the table or what is loaded into it changes;
    it is then built anew from the events.
    """

    name: str
    table: str
    labels: tuple[str, ...]
    values: Mapping[str, pa.DataType]
    needed: str = ""
    partition_by: str = "toYear(interval_start_utc)"
    version: int = 1

    @property
    def rows_schema(self) -> pa.Schema:
        """What a publication's rows object holds."""
        return pa.schema(
            [
                *(pa.field(name, _LABEL, nullable=False) for name in self.labels),
                pa.field("interval_start_utc", _SECOND, nullable=False),
                pa.field("interval_end_utc", _SECOND, nullable=False),
                *(pa.field(name, kind, nullable=name != self.needed) for name, kind in self.values.items()),
                pa.field("source_version", pa.int32(), nullable=False),
            ]
        )


_NUMBER = pa.float64()

DATASETS: Mapping[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "fundamentals", "fundamentals_series", ("series", "area", "category", "unit"),
            {"value": _NUMBER, "issued_at": _MICROSECOND}, needed="value",
        ),
        Dataset(
            "ancillary", "ancillary_prices", ("product", "area"),
            {"price_usd_per_mw": _NUMBER, "cleared_mw": _NUMBER, "requirement_mw": _NUMBER}, needed="price_usd_per_mw",
        ),
        Dataset(
            "capacity", "capacity_prices", ("auction", "area", "product"),
            {"price_usd_per_mw_day": _NUMBER, "cleared_mw": _NUMBER}, needed="price_usd_per_mw_day",
        ),
        Dataset(
            "ordc", "ordc_adders", ("adder",), {"price_usd_per_mwh": _NUMBER, "reserve_mw": _NUMBER},
            needed="price_usd_per_mwh",
        ),
        Dataset(
            "constraints", "constraints", ("constraint_name", "contingency"),
            {"shadow_price_usd_per_mwh": _NUMBER, "limit_mw": _NUMBER, "flow_mw": _NUMBER},
        ),
        Dataset(
            "disclosures", "resource_disclosures", ("resource", "resource_type", "quantity", "unit"),
            {"value": _NUMBER}, needed="value",
        ),
        # One list has places of decades, and each partition of an insert is a part to write and to sync.
        Dataset(
            "places", "places", ("node", "node_type", "area", "description"), {}, partition_by="tuple()", version=2
        ),
    )
}  # fmt: skip


def create_series_table(ch: ClickHouse, dataset: Dataset, table: str | None = None) -> None:
    """Creates the table if it is missing."""
    columns = ",\n    ".join(f"{field.name} {_column_type(field)}" for field in dataset.rows_schema)
    ch.define("CREATE DATABASE IF NOT EXISTS ch")
    ch.define(
        _DDL.format(
            table=table or dataset.table, columns=columns, labels=", ".join(dataset.labels),
            partition_by=dataset.partition_by,
        )
    )  # fmt: skip


def series_table_rows(dataset: Dataset, facts: PublicationFacts, rows: pa.Table) -> Rows:
    """What a publication's rows bring to the dataset's table.

    Raises ValueError when `rows` has other columns than the dataset or a null where none may be.
    """
    if rows.schema.names != dataset.rows_schema.names:
        raise ValueError(f"publication {facts.publication_id}: its rows have the columns {rows.schema.names}")
    return Rows(rows.cast(dataset.rows_schema), facts.constants())


def _column_type(field: pa.Field) -> str:
    kind = _COLUMN_TYPES[field.type]
    return f"Nullable({kind})" if field.nullable else kind
