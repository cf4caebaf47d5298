"""Quotes: the rows of each recorded sheet."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from infra.canonical import from_parquet
from infra.event_mapper import RecordedEvent
from infra.objects import Objects
from projections.changing import tenant_parts
from projections.relational import RelationalProjection
from read_models import quotes as table
from read_models.batch import Batch
from write_model.quotes import QuoteSheet


def quotes_projection(objects: Objects) -> RelationalProjection:
    """The projection of quotes; a sheet's rows are read from the object store."""

    @lru_cache(maxsize=64)
    def quotes_of(rows_sha256: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = from_parquet(objects.get("rows", rows_sha256)).to_pylist()
        return rows

    def recorded_sheet(batch: Batch, recorded: RecordedEvent) -> None:
        assert isinstance(recorded.event, QuoteSheet.Recorded)
        for quote in quotes_of(recorded.event.sheet.rows_sha256):
            batch.insert(
                table.QuoteRow(
                    sheet_id=recorded.stream_id,
                    tenant=recorded.metadata.tenant,
                    hub=quote["hub"],
                    product=quote["product"],
                    price_usd_per_mwh=quote["price_usd_per_mwh"],
                    source=quote["source"],
                    quoted_at=quote["quoted_at"],
                    recorded_at=recorded.metadata.recorded_at,
                    log_position=recorded.position,
                )
            )

    return RelationalProjection(
        name="quotes",
        version=1,
        tables=table.TABLES,
        handlers={QuoteSheet.Recorded: recorded_sheet},
        parts=tenant_parts,
    )
