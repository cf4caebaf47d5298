"""Entitlements: a row for each ISO and channel that is granted to a tenant."""

from __future__ import annotations

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import entitlements as table
from read_models.relational import Cursor
from write_model.entitlements import Entitlements


def _granted(cursor: Cursor, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Entitlements.Granted)
    row = {
        "tenant": event.tenant,
        "iso": event.iso,
        "valid_from": event.window.valid_from,
        "valid_until": event.window.valid_until,
        "granted_by": recorded.metadata.actor,
        "recorded_at": recorded.metadata.recorded_at,
        "log_position": recorded.position,
    }
    for channel in event.channels:
        table.put_grant(cursor, row | {"channel": channel})


def _revoked(cursor: Cursor, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Entitlements.Revoked)
    table.remove_grants(cursor, event.tenant, event.iso, event.channels)


PROJECTION = RelationalProjection(
    name="entitlements",
    version=1,
    tables=table.TABLES,
    handlers={Entitlements.Granted: _granted, Entitlements.Revoked: _revoked},
)
