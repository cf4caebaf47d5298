"""Entitlements: a row for each ISO and channel that was ever granted to a tenant."""

from __future__ import annotations

from collections.abc import Iterator

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import entitlements as table
from read_models.batch import Batch, Wanted
from write_model.entitlements import Entitlements


def _own_rows(recorded: RecordedEvent) -> Iterator[Wanted]:
    yield table.EntitlementRow, recorded.stream_id


def _granted(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Entitlements.Granted)
    held = {row.channel: row for row in batch.of(table.EntitlementRow, recorded.stream_id) if row.iso == event.iso}
    for channel in event.channels:
        row = table.EntitlementRow(
            entitlements_id=recorded.stream_id,
            tenant=event.tenant,
            iso=event.iso,
            channel=channel,
            valid_from=event.window.valid_from,
            valid_until=event.window.valid_until,
            granted_by=recorded.metadata.actor,
            granted_at=recorded.metadata.recorded_at,
            revoked_at=None,
            log_position=recorded.position,
        )
        if channel in held:
            batch.change(held[channel], **{column: getattr(row, column) for column in row.__struct_fields__})
        else:
            batch.insert(row)


def _revoked(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Entitlements.Revoked)
    for row in batch.of(table.EntitlementRow, recorded.stream_id):
        if row.iso == event.iso and row.channel in event.channels:
            batch.change(row, revoked_at=recorded.metadata.recorded_at, log_position=recorded.position)


PROJECTION = RelationalProjection(
    name="entitlements",
    version=1,
    tables=table.TABLES,
    handlers={Entitlements.Granted: _granted, Entitlements.Revoked: _revoked},
    finds={Entitlements.Granted: _own_rows, Entitlements.Revoked: _own_rows},
)
