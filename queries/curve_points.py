"""The points of a built forward curve."""

from __future__ import annotations

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


def curve_points(ch: ClickHouse, curve_id: UUID | str, *, through_position: int) -> pa.Table:
    """One row a delivery month, in order: delivery_month (its first day), price_usd_per_mwh, is_extrapolated.

    Empty for a curve that is not known at `through_position` (inclusive; the projection's checkpoint).
    """
    values = {"table": curve_point_table(), "curve_id": str(curve_id), "through": through_position}
    return ch.query_arrow(_POINTS, values).cast(POINTS_SCHEMA)
