"""Instruments: a row a registered hub."""

from __future__ import annotations

from dataclasses import asdict

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import instruments as table
from read_models.relational import Cursor, insert
from write_model.instruments import Instrument


def _registered(cursor: Cursor, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Instrument.Registered)
    row = asdict(recorded.event.hub) | {
        "instrument_id": recorded.stream_id,
        "tenant": recorded.metadata.tenant,
        "recorded_at": recorded.metadata.recorded_at,
        "log_position": recorded.position,
    }
    insert(cursor, "instrument", row)


PROJECTION = RelationalProjection(
    name="instruments", version=1, tables=table.TABLES, handlers={Instrument.Registered: _registered}
)
