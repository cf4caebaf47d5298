"""Prices: the rows of each publication, as its parser left them, with what the event knows about them."""

from __future__ import annotations

from infra.canonical import from_parquet
from infra.clickhouse import ClickHouse
from infra.event_mapper import RecordedEvent
from infra.objects import Objects
from projections.columnar import ColumnarProjection
from read_models.prices import VERSION, PublicationFacts, create_price_table, load_publication, price_table
from write_model.publications import Publication, Reading


def prices_projection(clickhouse: ClickHouse, objects: Objects) -> ColumnarProjection:
    """The projection of `ch.market_price_ticks`; rows are read from the object store."""

    def load(recorded: RecordedEvent, table: str) -> None:
        event = recorded.event
        assert isinstance(event, Publication.Ingested | Publication.Reread)
        if event.reading.dataset == "prices":
            rows = from_parquet(objects.get("rows", event.reading.rows_sha256))
            load_publication(clickhouse, publication_facts(recorded, event.reading), rows, table=table)

    return ColumnarProjection(
        name="prices",
        version=VERSION,
        table=price_table(),
        create=create_price_table,
        loaders={Publication.Ingested: load, Publication.Reread: load},
    )


def publication_facts(recorded: RecordedEvent, reading: Reading) -> PublicationFacts:
    """What every row of a publication's reading gets besides its own columns."""
    return PublicationFacts(
        publication_id=recorded.stream_id,
        iso=reading.iso,
        feed=reading.feed,
        market=reading.market,
        vintage=reading.vintage,
        published_at=reading.published_at,
        recorded_at=recorded.metadata.recorded_at,
        log_position=recorded.position,
        publication_position=reading.ranked_as or recorded.position,
    )
