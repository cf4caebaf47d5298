"""`ch.forward_curve_points`: curves go in once and come out as they were known."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pyarrow as pa
import pytest

from infra.clickhouse import ClickHouse
from queries.curve_points import curve_points
from read_models.curve_points import POINTS_SCHEMA, curve_rows
from tests.plugins_clickhouse import RECORDED_AT


def points(*prices: float) -> pa.Table:
    months = [date(2049 + i // 12, i % 12 + 1, 1) for i in range(len(prices))]
    columns = {
        "delivery_month": months,
        "price_usd_per_mwh": prices,
        "is_extrapolated": [i > 1 for i in range(len(prices))],
    }
    return pa.table(columns).cast(POINTS_SCHEMA)


def load(store: ClickHouse, curve_id: UUID, position: int, table: pa.Table) -> None:
    rows = curve_rows(table, curve_id=curve_id, hub="INDIANA", recorded_at=RECORDED_AT, log_position=position)
    store.insert_arrow("ch.forward_curve_points", rows, deduplication_token=f"curve_points:{position}")


def test_points_come_back_in_order_and_once(price_store: ClickHouse) -> None:
    curve_id, other = uuid4(), uuid4()
    shuffled = points(*range(24)).take(pa.array([*range(12, 24), *range(12)]))
    for _ in range(2):
        load(price_store, curve_id, 7, shuffled)
    load(price_store, other, 8, points(99.5))
    assert curve_points(price_store, curve_id, through_position=8).equals(points(*range(24)))
    assert curve_points(price_store, other, through_position=8).to_pylist() == [
        {"delivery_month": date(2049, 1, 1), "price_usd_per_mwh": 99.5, "is_extrapolated": False}
    ]
    (row,) = price_store.query_arrow("SELECT count() AS c, any(hub) AS hub FROM ch.forward_curve_points").to_pylist()
    assert row == {"c": 25, "hub": "INDIANA"}


def test_nothing_is_read_past_the_position(price_store: ClickHouse) -> None:
    curve_id = uuid4()
    load(price_store, curve_id, 7, points(1.0))
    assert curve_points(price_store, curve_id, through_position=6).num_rows == 0
    assert curve_points(price_store, curve_id, through_position=7).num_rows == 1
    assert curve_points(price_store, "' OR 1 = 1 --", through_position=7).schema.equals(POINTS_SCHEMA)


def test_other_columns_are_refused(price_store: ClickHouse) -> None:
    with pytest.raises(ValueError, match="its points have the columns"):
        load(price_store, uuid4(), 1, points(1.0).drop_columns(["is_extrapolated"]))
