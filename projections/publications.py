"""Publications: what was let in, what was quarantined, and which readings were replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.event_mapper import RecordedEvent
from projections.changing import publication_parts
from projections.relational import RelationalProjection
from read_models import publications as table
from read_models.batch import Batch, Wanted, array_text
from write_model.publications import Defect, Publication, Reading, Source


def _told(outcome: Reading | Defect) -> tuple[Any, ...]:
    """The columns that a reading or a defect tells, in their order: to set each by its name takes far longer."""
    if isinstance(outcome, Reading):
        return (
            "ingested",
            outcome.dataset,
            outcome.iso,
            outcome.market,
            outcome.feed,
            outcome.vintage,
            outcome.row_count,
            outcome.gap_count,
            outcome.first_interval_start_utc,
            outcome.last_interval_end_utc,
            outcome.published_at,
            outcome.parser,
            outcome.parser_version,
            outcome.rows_sha256,
            outcome.gaps_sha256,
        )
    of_reading = (None,) * 14
    return ("quarantined", *of_reading, outcome.reason, outcome.file, outcome.line, outcome.column)


def _ingested(batch: Batch, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Publication.Ingested)
    _create(batch, recorded, recorded.event.source, recorded.event.reading)


def _quarantined(batch: Batch, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Publication.Quarantined)
    _create(batch, recorded, recorded.event.source, recorded.event.defect)


def _create(batch: Batch, recorded: RecordedEvent, source: Source, outcome: Reading | Defect) -> None:
    batch.insert(
        table.PublicationRow(  # in the order of its columns: by their names takes five times as long
            recorded.stream_id,
            recorded.metadata.tenant,
            array_text(source.names),
            source.place,
            "{" + ",".join(source.raw_sha256) + "}",
            source.size_bytes,
            recorded.metadata.recorded_at,
            recorded.position,
            *_told(outcome),
        )
    )
    if len(source.raw_sha256) > 1:
        _further_parts(batch, recorded, source)


def _further_parts(batch: Batch, recorded: RecordedEvent, source: Source) -> None:
    named = {source.raw_sha256[0]}
    for sha256, name in zip(source.raw_sha256, source.names, strict=True):
        if sha256 not in named:
            named.add(sha256)
            batch.insert(table.PartRow(recorded.stream_id, sha256, name, source.place, recorded.position))


def _own_rows(recorded: RecordedEvent) -> Iterator[Wanted]:
    yield table.PublicationRow, recorded.stream_id


def _again(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Publication.Reread | Publication.FoundUnreadable)
    outcome = event.reading if isinstance(event, Publication.Reread) else event.defect
    held = table.supersede(batch, recorded.stream_id, recorded.position)
    batch.insert(
        table.PublicationRow(
            held.publication_id,
            held.tenant,
            held.names,
            held.place,
            held.raw_sha256,
            held.size_bytes,
            recorded.metadata.recorded_at,
            recorded.position,
            *_told(outcome),
        )
    )


PROJECTION = RelationalProjection(
    name="publications",
    version=6,
    tables=table.TABLES,
    handlers={
        Publication.Ingested: _ingested,
        Publication.Quarantined: _quarantined,
        Publication.Reread: _again,
        Publication.FoundUnreadable: _again,
    },
    finds={Publication.Reread: _own_rows, Publication.FoundUnreadable: _own_rows},
    parts=publication_parts,
)
