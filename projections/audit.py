"""The audit log: one row an event, refusals included."""

from __future__ import annotations

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import audit as table
from read_models.batch import Batch
from write_model.publications import Publication
from write_model.refusals import Refusal


def _reason(recorded: RecordedEvent) -> str | None:
    event = recorded.event
    if isinstance(event, Refusal.Recorded):
        return event.reason
    if isinstance(event, Publication.Quarantined | Publication.FoundUnreadable):
        return event.defect.reason
    return None


def _any_event(batch: Batch, recorded: RecordedEvent) -> None:
    metadata, event = recorded.metadata, recorded.event
    batch.insert(
        table.AuditEntry(
            position=recorded.position,
            recorded_at=metadata.recorded_at,
            tenant=metadata.tenant,
            actor=metadata.actor,
            command=metadata.command,
            event=recorded.name,
            outcome=metadata.status,
            reason=_reason(recorded),
            stream_id=recorded.stream_id,
            target_id=event.target_id if isinstance(event, Refusal.Recorded) else recorded.stream_id,
            command_id=metadata.command_id,
            correlation_id=metadata.correlation_id,
            causation_id=metadata.causation_id,
        )
    )


PROJECTION = RelationalProjection(name="audit", version=1, tables=table.TABLES, handlers={}, every=_any_event)
