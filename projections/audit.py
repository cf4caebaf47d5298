"""The audit log: one row an event, refusals included."""

from __future__ import annotations

from typing import Any, cast

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import audit as table
from read_models.batch import Batch
from write_model.event_logs import EventLogMove, EventLogRestore
from write_model.publications import Publication
from write_model.refusals import Refusal

_UNREADABLE = frozenset({Publication.Quarantined, Publication.FoundUnreadable})


def _any_event(batch: Batch, recorded: RecordedEvent) -> None:
    metadata, event, stream_id = recorded.metadata, cast(Any, recorded.event), recorded.stream_id
    target_id, reason = stream_id, None
    kind = type(event)  # `isinstance` takes far longer to say no
    if kind is Refusal.Recorded:
        target_id, reason = event.target_id, event.reason
    elif kind in _UNREADABLE:
        reason = event.defect.reason
    elif isinstance(event, EventLogMove.Moved):
        reason = f"from {event.source} to {event.target}"
    elif isinstance(event, EventLogRestore.Restored):
        reason = f"from {event.backup}, as of position {event.extent.position}"
    batch.insert(
        table.AuditEntry(
            position=recorded.position,
            recorded_at=metadata.recorded_at,
            tenant=metadata.tenant,
            actor=metadata.actor,
            command=metadata.command,
            event=recorded.name,
            outcome=metadata.status,
            reason=reason,
            stream_id=stream_id,
            target_id=target_id,
            command_id=metadata.command_id,
            correlation_id=metadata.correlation_id,
            causation_id=metadata.causation_id,
        )
    )


PROJECTION = RelationalProjection(name="audit", version=2, tables=table.TABLES, handlers={}, every=_any_event)
