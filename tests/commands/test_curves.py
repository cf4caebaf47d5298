"""Which quotes a curve is built from, and what is said of those left out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from commands.curves import compute_curve
from commands.message import Refused
from queries.prices import PRICE_SCHEMA
from queries.quotes import NEWEST_QUOTES_SCHEMA

OLD, NEW = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 20, 17, tzinfo=UTC)
NO_HISTORY = pa.schema([PRICE_SCHEMA.field(n) for n in ("interval_start_utc", "lmp_usd_per_mwh")]).empty_table()
PARAMETERS: dict[str, Any] = {
    "time_zone": "America/New_York", "growth_per_year": 0.02, "seasonal_weight": 1.0, "valuation_date": "2026-11-20",
}  # fmt: skip


def quotes(*given: tuple[str, float, datetime]) -> pa.Table:
    rows = [
        {"hub": "WH", "product": product, "price_usd_per_mwh": price, "source": "x", "quoted_at": quoted_at,
         "sheet_id": "s", "log_position": 1}
        for product, price, quoted_at in given
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=NEWEST_QUOTES_SCHEMA)


def month(points: pa.Table, name: str) -> float:
    found = [p["price_usd_per_mwh"] for p in points.to_pylist() if str(p["delivery_month"])[:7] == name]
    return float(found[0])


def test_an_overlapping_set_is_met_and_ends_in_december_2050() -> None:
    points, report = compute_curve(
        quotes(("2027-01", 52.0, NEW), ("2027-Q1", 48.0, NEW), ("CAL-2027", 42.0, NEW)), NO_HISTORY, PARAMETERS
    )
    assert month(points, "2027-01") == pytest.approx(52.0, abs=1e-6)
    assert str(points["delivery_month"][-1]) == "2050-12-01"
    assert points.num_rows == 24 * 12
    assert report["max_abs_repricing_error_usd_per_mwh"] < 1e-6
    assert report["seasonal_fallback"] == "flat_too_little_history"
    assert report["seasonal_fallback_reason"]


def test_past_the_last_quote_the_scenario_grows_the_price() -> None:
    points, _ = compute_curve(quotes(("CAL-2027", 40.0, NEW)), NO_HISTORY, PARAMETERS)
    assert month(points, "2030-12") / month(points, "2029-12") == pytest.approx(1.02, rel=1e-12)


def test_quotes_of_delivered_months_are_left_out_and_named() -> None:
    points, report = compute_curve(quotes(("2026-10", 99.0, OLD), ("CAL-2027", 40.0, NEW)), NO_HISTORY, PARAMETERS)
    assert report["quotes_expired"] == ["2026-10 at 99"]
    assert str(points["delivery_month"][0]) == "2027-01-01"


def test_an_older_quote_gives_way_to_newer_ones_that_contradict_it() -> None:
    halves = [(f"2027-Q{q}", 50.0, NEW) for q in range(1, 5)]
    points, report = compute_curve(quotes(("CAL-2027", 40.0, OLD), *halves), NO_HISTORY, PARAMETERS)
    assert report["quotes_stale"] == ["CAL-2027 at 40"]
    whole_year = np.mean([month(points, f"2027-{m:02}") for m in range(1, 13)])
    assert whole_year == pytest.approx(50.0, abs=0.05)


def test_quotes_of_one_time_that_contradict_each_other_are_refused_by_name() -> None:
    quarters = [(f"2027-Q{q}", 50.0, NEW) for q in range(1, 5)]
    with pytest.raises(Refused, match="CAL-2027") as refused:
        compute_curve(quotes(("CAL-2027", 40.0, NEW), *quarters), NO_HISTORY, PARAMETERS)
    assert refused.value.remedy


def test_only_delivered_quotes_are_refused() -> None:
    with pytest.raises(Refused, match="over by 2026-11-20"):
        compute_curve(quotes(("2026-10", 40.0, NEW)), NO_HISTORY, PARAMETERS)


def test_the_same_inputs_give_the_same_bits() -> None:
    given = quotes(("2027-01", 52.0, NEW), ("CAL-2027", 42.0, NEW))
    first, second = (compute_curve(given, NO_HISTORY, PARAMETERS)[0] for _ in range(2))
    assert first.equals(second)
