"""Curve points: the months of each built curve."""

from __future__ import annotations

from infra.canonical import from_parquet
from infra.clickhouse_rows import Rows
from infra.event_mapper import RecordedEvent
from infra.objects import Objects
from projections.changing import tenant_parts
from projections.columnar_build import ColumnarProjection
from read_models.curve_points import VERSION, create_curve_point_table, curve_point_table, curve_rows
from write_model.curves import Curve


def curve_points_projection(objects: Objects) -> ColumnarProjection:
    """The projection of `ch.forward_curve_points`; points are read from the object store."""

    def rows_of(recorded: RecordedEvent) -> Rows:
        event = recorded.event
        assert isinstance(event, Curve.Built)
        return curve_rows(
            from_parquet(objects.get("curves", event.computation.artifact_sha256)),
            curve_id=recorded.stream_id,
            hub=event.shape.hub,
            recorded_at=recorded.metadata.recorded_at,
            log_position=recorded.position,
        )

    return ColumnarProjection(
        name="curve_points",
        version=VERSION,
        table=curve_point_table(),
        create=create_curve_point_table,
        rows_of={Curve.Built: rows_of},
        parts=tenant_parts,
    )
