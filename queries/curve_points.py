"""The points of a built forward curve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pyarrow as pa

from infra.clickhouse import ClickHouse
from read_models.curve_points import POINTS_SCHEMA as POINTS_SCHEMA  # what a point has
from read_models.curve_points import curve_point_table

_POINTS = """
SELECT delivery_month, price_usd_per_mwh, is_extrapolated
FROM ch.{table:Identifier} WHERE curve_id = {curve_id:String} AND log_position <= {through:Int64}
ORDER BY delivery_month, log_position DESC LIMIT 1 BY delivery_month
"""
_POINTS_OF_CURVES = """
SELECT curve_id, delivery_month, price_usd_per_mwh, is_extrapolated
FROM ch.{table:Identifier} WHERE curve_id IN {curve_ids:Array(String)} AND log_position <= {through:Int64}
ORDER BY curve_id, delivery_month, log_position DESC LIMIT 1 BY curve_id, delivery_month
"""


def curve_points(ch: ClickHouse, curve_id: UUID | str, *, through_position: int) -> pa.Table:
    """One row a delivery month, in order: delivery_month (its first day), price_usd_per_mwh, is_extrapolated.

    Empty for a curve that is not known at `through_position` (inclusive; the projection's checkpoint).
    """
    values = {"table": curve_point_table(), "curve_id": str(curve_id), "through": through_position}
    return ch.query_arrow(_POINTS, values).cast(POINTS_SCHEMA)


def points_of_curves(ch: ClickHouse, curve_ids: Sequence[UUID], *, through_position: int) -> dict[UUID, pa.Table]:
    """The answer of `curve_points` for each of the curves, in one query."""
    ids = [str(curve_id) for curve_id in curve_ids]
    values = {"table": curve_point_table(), "curve_ids": ids, "through": through_position}
    found = ch.query_arrow(_POINTS_OF_CURVES, values)
    # The rows of a curve lie together, in the order of the ids' text.
    counts = Counter(found["curve_id"].cast(pa.string()).to_pylist())
    points = found.select(POINTS_SCHEMA.names).cast(POINTS_SCHEMA)
    tables, offset = {}, 0
    for curve_id, count in counts.items():
        tables[curve_id] = points.slice(offset, count)
        offset += count
    return {curve_id: tables.get(text, points.slice(0, 0)) for curve_id, text in zip(curve_ids, ids, strict=True)}
