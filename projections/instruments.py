"""Instruments: a row a registered hub."""

from __future__ import annotations

from infra.event_mapper import RecordedEvent
from projections.changing import tenant_parts
from projections.relational import RelationalProjection
from read_models import instruments as table
from read_models.batch import Batch
from write_model.instruments import Instrument


def _registered(batch: Batch, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Instrument.Registered)
    hub = recorded.event.hub
    batch.insert(
        table.InstrumentRow(
            instrument_id=recorded.stream_id,
            tenant=recorded.metadata.tenant,
            name=hub.name,
            iso=hub.iso,
            node=hub.node,
            node_type=hub.node_type,
            market=hub.market,
            time_zone=hub.time_zone,
            recorded_at=recorded.metadata.recorded_at,
            log_position=recorded.position,
        )
    )


PROJECTION = RelationalProjection(
    name="instruments",
    version=1,
    tables=table.TABLES,
    handlers={Instrument.Registered: _registered},
    parts=tenant_parts,
)
