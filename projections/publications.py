"""Publications: what was let in, what was quarantined, and which readings were replaced."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import publications as table
from read_models.relational import Cursor
from write_model.publications import Defect, Publication, Reading


def _outcome(recorded: RecordedEvent, outcome: Reading | Defect) -> dict[str, Any]:
    row: dict[str, Any] = {"recorded_at": recorded.metadata.recorded_at, "log_position": recorded.position}
    if isinstance(outcome, Reading):
        values = asdict(outcome)
        return row | {"status": "ingested"} | {column: values[column] for column in table.READING_COLUMNS}
    return row | {
        "status": "quarantined",
        "reason": outcome.reason,
        "defect_file": outcome.file,
        "defect_line": outcome.line,
        "defect_column": outcome.column,
    }


def _created(cursor: Cursor, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Publication.Ingested | Publication.Quarantined)
    outcome = event.reading if isinstance(event, Publication.Ingested) else event.defect
    source = event.source
    row = _outcome(recorded, outcome) | {
        "publication_id": recorded.stream_id,
        "tenant": recorded.metadata.tenant,
        "names": list(source.names),
        "place": source.place,
        "raw_sha256": list(source.raw_sha256),
        "size_bytes": source.size_bytes,
    }
    table.add_publication(cursor, row)
    if isinstance(outcome, Reading):
        table.add_reading(cursor, recorded.stream_id, recorded.position)


def _again(cursor: Cursor, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Publication.Reread | Publication.FoundUnreadable)
    outcome = event.reading if isinstance(event, Publication.Reread) else event.defect
    table.replace_outcome(cursor, recorded.stream_id, _outcome(recorded, outcome))
    if isinstance(outcome, Reading):
        table.add_reading(cursor, recorded.stream_id, recorded.position)


PROJECTION = RelationalProjection(
    name="publications",
    version=2,
    tables=table.TABLES,
    handlers={
        Publication.Ingested: _created,
        Publication.Quarantined: _created,
        Publication.Reread: _again,
        Publication.FoundUnreadable: _again,
    },
)
