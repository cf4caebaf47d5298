"""The audit log: one row an event, refusals included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import audit as table
from read_models.batch import Batch
from write_model.event_logs import EventLogMove, EventLogRestore
from write_model.publications import Publication
from write_model.refusals import Refusal

# Of the events that say why: what they say.
_REASONS: Mapping[type, Callable[[Any], str]] = {
    Refusal.Recorded: lambda event: event.reason,
    Publication.Quarantined: lambda event: event.defect.reason,
    Publication.FoundUnreadable: lambda event: event.defect.reason,
    EventLogMove.Moved: lambda event: f"from {event.source} to {event.target}",
    EventLogRestore.Restored: lambda event: f"from {event.backup}, as of position {event.extent.position}",
}


def _any_event(batch: Batch, recorded: RecordedEvent) -> None:
    metadata, event = recorded.metadata, recorded.event
    correlation_id, causation_id = metadata.correlation_id, metadata.causation_id
    command = metadata.command_id.int  # to compare two UUIDs themselves takes as long as writing one
    reason_of = _REASONS.get(type(event))
    batch.insert(
        table.AuditEntry(  # in the order of its columns: by their names takes five times as long
            recorded.position,
            metadata.recorded_at,
            metadata.tenant,
            metadata.actor,
            metadata.command,
            recorded.name,
            metadata.status,
            reason_of(event) if reason_of else None,
            event.target_id if type(event) is Refusal.Recorded else recorded.stream_id,
            metadata.command_id,
            correlation_id if correlation_id.int != command else None,
            causation_id if causation_id.int != command else None,
        )
    )


PROJECTION = RelationalProjection(name="audit", version=3, tables=table.TABLES, handlers={}, every=_any_event)
