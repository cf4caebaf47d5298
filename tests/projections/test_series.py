"""What is no price goes to its dataset's own table, versions and all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from infra.canonical import digest, to_parquet
from infra.clickhouse import ClickHouse
from infra.event_recorder import Pool
from infra.event_store import EventLog, Stream
from infra.objects import Objects
from integrations.isos.series import DATASETS, series_rows
from projections.columnar import ColumnarProjector
from projections.series import series_projections
from queries.series import SeriesQuery, series
from read_models.series import DATASETS as STORED
from tests.projections.conftest import metadata
from write_model.publications import Publication, Reading, Source

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def projector(pool: Pool, clickhouse: ClickHouse, objects: Objects) -> Iterator[ColumnarProjector]:
    made = ColumnarProjector(pool, clickhouse, series_projections(objects))
    for projection in made.projections:
        made.load(projection)
    yield made
    for dataset in STORED.values():
        clickhouse.command(f"DROP TABLE ch.{dataset.table} SYNC")


def publish(log: EventLog, objects: Objects, dataset: str, load_mw: float, vintage: str = "final") -> int:
    """One publication of one row; returns its position."""
    labels = {f.name: ["x"] for f in DATASETS[dataset] if str(f.type).startswith("dictionary")}
    interval = {"interval_start_utc": [START], "interval_end_utc": [START + timedelta(hours=1)]}
    values = {f.name: [load_mw] for f in DATASETS[dataset] if str(f.type) == "double"}
    rows = series_rows(dataset, labels | interval | values)
    reading = Reading(
        iso="PJM", market="", feed="f", vintage=vintage, parser="test", parser_version=1, dataset=dataset,
        rows_sha256=objects.put("rows", to_parquet(rows)), rows_digest=digest(rows), row_count=1, gaps_sha256=None,
        gap_count=0, first_interval_start_utc=START, last_interval_end_utc=START, published_at=None,
    )  # fmt: skip
    stream = Stream(uuid4(), ())
    publication = Publication.ingest(stream.id, Source((uuid4().hex * 2,), ("f",), "f", 1, {}), reading)
    return log.append(stream, publication.collect_events(), metadata()).position


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "places"])
def test_the_winner_of_each_interval_is_read_and_the_past_stays(
    dataset: str, log: EventLog, objects: Objects, clickhouse: ClickHouse, projector: ColumnarProjector
) -> None:
    first = publish(log, objects, dataset, 100.0, vintage="preliminary")
    second = publish(log, objects, dataset, 101.0)
    third = publish(log, objects, dataset, 102.0, vintage="preliminary")
    for projection in projector.projections:
        projector.handle(projection, log, log.page(0))

    def values(known: int) -> list[float]:
        query = SeriesQuery(dataset, "PJM", START, START + timedelta(days=1))
        column = next(name for name in STORED[dataset].values if name != "issued_at")
        return series(clickhouse, query, through_position=known)[column].to_pylist()  # type: ignore[no-any-return]

    assert [values(position) for position in (0, first, second, third)] == [[], [100.0], [101.0], [101.0]]


def test_a_label_that_a_dataset_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="ancillary has no series"):
        SeriesQuery("ancillary", "PJM", START, START, labels={"series": ["load"]})
