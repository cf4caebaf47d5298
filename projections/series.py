"""What ISOs publish besides energy prices: each dataset's rows go to its own table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from infra.canonical import from_parquet
from infra.clickhouse import ClickHouse
from infra.event_mapper import RecordedEvent
from infra.objects import Objects
from projections.columnar import ColumnarProjection
from projections.prices import publication_facts
from read_models.series import DATASETS, VERSION, Dataset, create_series_table, load_series
from write_model.publications import Publication


def series_projections(clickhouse: ClickHouse, objects: Objects) -> Sequence[ColumnarProjection]:
    """One projection a dataset; rows are read from the object store."""
    return [_projection(clickhouse, objects, dataset) for dataset in DATASETS.values()]


def _projection(clickhouse: ClickHouse, objects: Objects, dataset: Dataset) -> ColumnarProjection:
    load = partial(_load, clickhouse, objects, dataset)
    return ColumnarProjection(
        name=dataset.name,
        version=VERSION,
        table=dataset.table,
        create=lambda ch, table: create_series_table(ch, dataset, table),
        loaders={Publication.Ingested: load, Publication.Reread: load},
    )


def _load(clickhouse: ClickHouse, objects: Objects, dataset: Dataset, recorded: RecordedEvent, table: str) -> None:
    event = recorded.event
    assert isinstance(event, Publication.Ingested | Publication.Reread)
    if event.reading.dataset == dataset.name:
        rows = from_parquet(objects.get("rows", event.reading.rows_sha256))
        load_series(clickhouse, dataset, publication_facts(recorded, event.reading), rows, table=table)
