"""Curves: a row a built curve. Its points go to the columnar side."""

from __future__ import annotations

from infra.event_mapper import RecordedEvent
from projections.changing import tenant_parts
from projections.relational import RelationalProjection
from read_models import curves as table
from read_models.batch import Batch, json_text
from write_model.curves import Curve


def _built(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Curve.Built)
    batch.insert(
        table.CurveRow(
            curve_id=recorded.stream_id,
            tenant=recorded.metadata.tenant,
            hub=event.shape.hub,
            scenario=event.computation.parameters["scenario"],
            first_month=event.shape.first_month,
            last_quoted_month=event.shape.last_quoted_month,
            last_month=event.shape.last_month,
            report=json_text(event.report),
            parameters=json_text(event.computation.parameters),
            digest=event.computation.digest,
            artifact_sha256=event.computation.artifact_sha256,
            code_version=event.computation.code_version,
            recorded_at=recorded.metadata.recorded_at,
            log_position=recorded.position,
        )
    )


PROJECTION = RelationalProjection(
    name="curves", version=1, tables=table.TABLES, handlers={Curve.Built: _built}, parts=tenant_parts
)
