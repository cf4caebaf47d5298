"""Prices: the rows of each publication, as its parser left them, with what the event knows about them."""

from __future__ import annotations

from infra.canonical import from_parquet
from infra.clickhouse_rows import Rows
from infra.event_mapper import RecordedEvent
from infra.objects import Objects
from projections.changing import reading_parts
from projections.columnar_build import ColumnarProjection, Summary
from read_models.latest_prices import LATEST_TABLE, create_latest_table, newest_rows
from read_models.prices import (
    VERSION,
    PublicationFacts,
    create_price_table,
    partition_of,
    price_table,
    publication_rows,
)
from write_model.publications import Publication, Reading


def prices_projection(objects: Objects) -> ColumnarProjection:
    """The projection of `ch.market_price_ticks` with `ch.latest_prices`; rows are read from the object store."""

    def rows_of(recorded: RecordedEvent) -> Rows:
        reading = reading_of(recorded)
        return publication_rows(
            publication_facts(recorded, reading), from_parquet(objects.get("rows", reading.rows_sha256))
        )

    return ColumnarProjection(
        name="prices",
        version=VERSION,
        table=price_table(),
        create=create_price_table,
        rows_of={Publication.Ingested: rows_of, Publication.Reread: rows_of},
        parts=reading_parts,
        concerns=lambda recorded: reading_of(recorded).dataset == "prices",
        partition_of=partition_of,
        summary=Summary(LATEST_TABLE, create_latest_table, newest_rows),
    )


def reading_of(recorded: RecordedEvent) -> Reading:
    """The reading that an event brings."""
    assert isinstance(recorded.event, Publication.Ingested | Publication.Reread)
    return recorded.event.reading


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
