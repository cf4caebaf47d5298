"""PPAs: a row a contract, a row a valuation."""

from __future__ import annotations

from infra.event_mapper import RecordedEvent
from projections.changing import tenant_parts
from projections.relational import RelationalProjection
from read_models import ppas as table
from read_models.batch import Batch, json_text
from write_model.ppas import PpaContract, PpaValuation


def _registered(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, PpaContract.Registered)
    batch.insert(
        table.PpaRow(
            ppa_id=recorded.stream_id,
            tenant=recorded.metadata.tenant,
            name=event.name,
            hub=event.terms.hub,
            side=event.terms.side,
            terms=json_text(event.terms),
            recorded_at=recorded.metadata.recorded_at,
            log_position=recorded.position,
        )
    )


def _priced(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, PpaValuation.Priced)
    batch.insert(
        table.ValuationRow(
            valuation_id=recorded.stream_id,
            tenant=recorded.metadata.tenant,
            ppa_id=event.ppa_id,
            curve_id=event.curve_id,
            figures=json_text(event.figures),
            parameters=json_text(event.computation.parameters),
            digest=event.computation.digest,
            artifact_sha256=event.computation.artifact_sha256,
            code_version=event.computation.code_version,
            recorded_at=recorded.metadata.recorded_at,
            log_position=recorded.position,
        )
    )


PROJECTION = RelationalProjection(
    name="ppas",
    version=1,
    tables=table.TABLES,
    handlers={PpaContract.Registered: _registered, PpaValuation.Priced: _priced},
    parts=tenant_parts,
)
