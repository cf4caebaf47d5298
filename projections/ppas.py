"""PPAs: a row a contract, a row a valuation."""

from __future__ import annotations

import msgspec
from psycopg.types.json import Jsonb

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import ppas as table
from read_models.relational import Cursor, insert
from write_model.ppas import PpaContract, PpaValuation


def _registered(cursor: Cursor, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, PpaContract.Registered)
    row = {
        "ppa_id": recorded.stream_id,
        "tenant": recorded.metadata.tenant,
        "name": event.name,
        "hub": event.terms.hub,
        "side": event.terms.side,
        "terms": Jsonb(msgspec.to_builtins(event.terms)),
        "recorded_at": recorded.metadata.recorded_at,
        "log_position": recorded.position,
    }
    insert(cursor, "ppa", row)


def _priced(cursor: Cursor, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, PpaValuation.Priced)
    row = {
        "valuation_id": recorded.stream_id,
        "tenant": recorded.metadata.tenant,
        "ppa_id": event.ppa_id,
        "curve_id": event.curve_id,
        "figures": Jsonb(event.figures),
        "parameters": Jsonb(event.computation.parameters),
        "digest": event.computation.digest,
        "artifact_sha256": event.computation.artifact_sha256,
        "code_version": event.computation.code_version,
        "recorded_at": recorded.metadata.recorded_at,
        "log_position": recorded.position,
    }
    insert(cursor, "ppa_valuation", row)


PROJECTION = RelationalProjection(
    name="ppas",
    version=1,
    tables=table.TABLES,
    handlers={PpaContract.Registered: _registered, PpaValuation.Priced: _priced},
)
