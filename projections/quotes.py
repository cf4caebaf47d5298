"""Quotes: the rows of each recorded sheet."""

from __future__ import annotations

from infra.canonical import from_parquet
from infra.event_mapper import RecordedEvent
from infra.objects import Objects
from projections.relational import RelationalProjection
from read_models import quotes as table
from read_models.relational import Cursor
from write_model.quotes import QuoteSheet


def quotes_projection(objects: Objects) -> RelationalProjection:
    """The projection of quotes; a sheet's rows are read from the object store."""

    def recorded_sheet(cursor: Cursor, recorded: RecordedEvent) -> None:
        assert isinstance(recorded.event, QuoteSheet.Recorded)
        table.add_sheet(
            cursor,
            from_parquet(objects.get("rows", recorded.event.sheet.rows_sha256)),
            sheet_id=recorded.stream_id,
            tenant=recorded.metadata.tenant,
            recorded_at=recorded.metadata.recorded_at,
            log_position=recorded.position,
        )

    return RelationalProjection(
        name="quotes", version=1, tables=table.TABLES, handlers={QuoteSheet.Recorded: recorded_sheet}
    )
