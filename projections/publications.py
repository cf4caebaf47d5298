"""Publications: what was let in, what was quarantined, and which readings were replaced."""

from __future__ import annotations

from collections.abc import Iterator

from infra.event_mapper import RecordedEvent
from projections.changing import publication_parts
from projections.relational import RelationalProjection
from read_models import publications as table
from read_models.batch import Batch, Wanted, array_text
from write_model.publications import Defect, Publication, Reading

_CREATED = (Publication.Ingested, Publication.Quarantined)


def _fill(row: table.PublicationRow, recorded: RecordedEvent, outcome: Reading | Defect) -> None:
    """Sets the columns that a reading or a defect tells."""
    row.recorded_at = recorded.metadata.recorded_at
    row.log_position = recorded.position
    if isinstance(outcome, Reading):
        row.status = "ingested"
        row.dataset = outcome.dataset
        row.iso = outcome.iso
        row.market = outcome.market
        row.feed = outcome.feed
        row.vintage = outcome.vintage
        row.row_count = outcome.row_count
        row.gap_count = outcome.gap_count
        row.first_interval_start_utc = outcome.first_interval_start_utc
        row.last_interval_end_utc = outcome.last_interval_end_utc
        row.published_at = outcome.published_at
        row.parser = outcome.parser
        row.parser_version = outcome.parser_version
        row.rows_sha256 = outcome.rows_sha256
        row.gaps_sha256 = outcome.gaps_sha256
    else:
        row.status = "quarantined"
        row.reason = outcome.reason
        row.defect_file = outcome.file
        row.defect_line = outcome.line
        row.defect_column = outcome.column


def _created(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, _CREATED)
    outcome = event.reading if isinstance(event, Publication.Ingested) else event.defect
    source = event.source
    row = table.PublicationRow(
        publication_id=recorded.stream_id,
        tenant=recorded.metadata.tenant,
        names=array_text(source.names),
        place=source.place,
        raw_sha256=array_text(source.raw_sha256),
        size_bytes=source.size_bytes,
    )
    _fill(row, recorded, outcome)
    batch.insert(row)
    if isinstance(outcome, Reading):
        batch.insert(table.ReadingRow(log_position=recorded.position, publication_id=recorded.stream_id))


def _own_rows(recorded: RecordedEvent) -> Iterator[Wanted]:
    yield table.PublicationRow, recorded.stream_id
    yield table.ReadingRow, recorded.stream_id


def _again(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Publication.Reread | Publication.FoundUnreadable)
    outcome = event.reading if isinstance(event, Publication.Reread) else event.defect
    row = table.next_outcome(batch, recorded.stream_id, recorded.position)
    _fill(row, recorded, outcome)
    batch.insert(row)
    if isinstance(outcome, Reading):
        table.add_reading(batch, recorded.stream_id, recorded.position)


PROJECTION = RelationalProjection(
    name="publications",
    version=4,
    tables=table.TABLES,
    handlers={
        Publication.Ingested: _created,
        Publication.Quarantined: _created,
        Publication.Reread: _again,
        Publication.FoundUnreadable: _again,
    },
    finds={Publication.Reread: _own_rows, Publication.FoundUnreadable: _own_rows},
    parts=publication_parts,
)
