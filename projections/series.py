"""What ISOs publish besides energy prices: each dataset's rows go to its own table."""

from __future__ import annotations

from collections.abc import Sequence

from infra.canonical import from_parquet
from infra.clickhouse_rows import Rows
from infra.event_mapper import RecordedEvent
from infra.objects import Objects
from projections.changing import reading_parts
from projections.columnar_build import ColumnarProjection
from projections.prices import publication_facts, reading_of
from read_models.series import DATASETS, Dataset, create_series_table, series_table_rows
from write_model.publications import Publication


def series_projections(objects: Objects) -> Sequence[ColumnarProjection]:
    """One projection a dataset; rows are read from the object store."""
    return [_projection(objects, dataset) for dataset in DATASETS.values()]


def _projection(objects: Objects, dataset: Dataset) -> ColumnarProjection:
    def rows_of(recorded: RecordedEvent) -> Rows:
        reading = reading_of(recorded)
        rows = from_parquet(objects.get("rows", reading.rows_sha256))
        return series_table_rows(dataset, publication_facts(recorded, reading), rows)

    return ColumnarProjection(
        name=dataset.name,
        version=dataset.version,
        table=dataset.table,
        create=lambda clickhouse, table: create_series_table(clickhouse, dataset, table),
        rows_of={Publication.Ingested: rows_of, Publication.Reread: rows_of},
        parts=reading_parts,
        concerns=lambda recorded: reading_of(recorded).dataset == dataset.name,
    )
