"""Publications: what was let in, what was quarantined, and which readings were replaced."""

from __future__ import annotations

from collections.abc import Iterator

from infra.event_mapper import RecordedEvent
from projections.changing import publication_parts
from projections.relational import RelationalProjection
from read_models import publications as table
from read_models.batch import Batch, Wanted, array_text
from write_model.publications import Defect, Publication, Reading, Source


def _fill(row: table.PublicationRow, outcome: Reading | Defect) -> None:
    """Sets the columns that a reading or a defect tells."""
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


def _ingested(batch: Batch, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Publication.Ingested)
    _create(batch, recorded, recorded.event.source, recorded.event.reading)


def _quarantined(batch: Batch, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Publication.Quarantined)
    _create(batch, recorded, recorded.event.source, recorded.event.defect)


def _create(batch: Batch, recorded: RecordedEvent, source: Source, outcome: Reading | Defect) -> None:
    row = table.PublicationRow(  # in the order of its columns: by their names takes five times as long
        recorded.stream_id,
        recorded.metadata.tenant,
        array_text(source.names),
        source.place,
        "{" + ",".join(source.raw_sha256) + "}",
        source.size_bytes,
        recorded.metadata.recorded_at,
        recorded.position,
    )
    _fill(row, outcome)
    batch.insert(row)
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
    row = table.next_outcome(batch, recorded.stream_id, recorded.position, recorded.metadata.recorded_at)
    _fill(row, outcome)
    batch.insert(row)


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
