"""Publications: what was let in, what was quarantined, and which readings were replaced."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import publications as table
from read_models.batch import Batch, Wanted, array_text
from write_model.publications import Defect, Publication, Reading

_READING = (
    "dataset", "iso", "market", "feed", "vintage", "row_count", "gap_count", "first_interval_start_utc",
    "last_interval_end_utc", "published_at", "parser", "parser_version", "rows_sha256", "gaps_sha256",
)  # fmt: skip
_DEFECT = {"reason": "reason", "defect_file": "file", "defect_line": "line", "defect_column": "column"}
_values_read, _values_wrong = attrgetter(*_READING), attrgetter(*_DEFECT.values())
_NOTHING: dict[str, Any] = dict.fromkeys((*_READING, *_DEFECT))
_CREATED = (Publication.Ingested, Publication.Quarantined)


def _outcome(recorded: RecordedEvent, outcome: Reading | Defect) -> dict[str, Any]:
    """The columns that a reading or a defect sets."""
    if isinstance(outcome, Reading):
        columns = dict(zip(_READING, _values_read(outcome), strict=True))
        columns["status"] = "ingested"
    else:
        columns = dict(zip(_DEFECT, _values_wrong(outcome), strict=True))
        columns["status"] = "quarantined"
    columns["recorded_at"] = recorded.metadata.recorded_at
    columns["log_position"] = recorded.position
    return columns


def _created(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, _CREATED)
    outcome = event.reading if isinstance(event, Publication.Ingested) else event.defect
    source = event.source
    batch.insert(
        table.PublicationRow(
            publication_id=recorded.stream_id,
            tenant=recorded.metadata.tenant,
            names=array_text(source.names),
            place=source.place,
            raw_sha256=array_text(source.raw_sha256),
            size_bytes=source.size_bytes,
            **_outcome(recorded, outcome),
        )
    )
    if isinstance(outcome, Reading):
        batch.insert(table.ReadingRow(log_position=recorded.position, publication_id=recorded.stream_id))


def _own_rows(recorded: RecordedEvent) -> Iterator[Wanted]:
    yield table.PublicationRow, recorded.stream_id
    yield table.ReadingRow, recorded.stream_id


def _again(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Publication.Reread | Publication.FoundUnreadable)
    outcome = event.reading if isinstance(event, Publication.Reread) else event.defect
    table.add_outcome(batch, recorded.stream_id, **(_NOTHING | _outcome(recorded, outcome)))
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
)
