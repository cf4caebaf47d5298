"""The quality report over rows that no reader would let in, or that come at odd seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from infra.clickhouse import ClickHouse
from queries.quality import FeedToJudge, Quality, quality
from tests.plugins_clickhouse import HOUR, publish, tick_rows

DAY = date(2024, 7, 1)
MIDNIGHT = datetime(2024, 7, 1, 5, tzinfo=UTC)
FEED = FeedToJudge("prices", "rt_lmp", "RTH", MIDNIGHT)


def judged(store: ClickHouse, feed: FeedToJudge = FEED, **changes: Any) -> Quality:
    given: dict[str, Any] = {"now_utc": MIDNIGHT + 48 * HOUR, "through_position": 10**9}
    return quality(store, "MISO", [DAY], [feed], **(given | changes))


def kinds(found: Quality) -> list[str]:
    return [finding["kind"] for finding in found.findings]


THEIRS = {"feed": "rt_lmp", "market": "RTH"}


def with_components(rows: pa.Table, *, loss_usd_per_mwh: float) -> pa.Table:
    """Rows of 30 $/MWh: 29 of energy, half of congestion."""
    for name, value in (("energy", 29.0), ("congestion", 0.5), ("loss", loss_usd_per_mwh)):
        column = f"{name}_usd_per_mwh"
        values = pa.array([value] * rows.num_rows)
        rows = rows.set_column(rows.schema.get_field_index(column), rows.schema.field(column), values)
    return rows


def test_a_total_off_from_its_components_is_marked(price_store: ClickHouse) -> None:
    whole = with_components(tick_rows(["A"], MIDNIGHT, count=24), loss_usd_per_mwh=0.5)
    publish(price_store, 1, whole, **THEIRS)
    assert kinds(judged(price_store)) == []
    hour = with_components(tick_rows(["A"], MIDNIGHT + HOUR, source_version=1), loss_usd_per_mwh=0.6)
    publish(price_store, 2, hour, **THEIRS)
    (found,) = judged(price_store).findings
    assert (found["kind"], found["interval_start_utc"]) == ("component", MIDNIGHT + HOUR)
    assert found["detail"] == "off from its components by 0.1 $/MWh"


def test_runs_count_by_the_five_minutes_that_they_end(price_store: ClickHouse) -> None:
    """As ERCOT's SCED: a run begins at any second, now and then there are two, and the one at 01:00 is missing."""
    feed = FeedToJudge("prices", "sced_lmp", "RT5", MIDNIGHT)
    of_sced = {"feed": "sced_lmp", "market": "RT5"}
    for number in (n for n in range(288) if n != 12):
        end = MIDNIGHT + timedelta(minutes=5 * number + 5)
        run = tick_rows(["A"], end - timedelta(seconds=300 + 5), step=timedelta(seconds=305))
        publish(price_store, number + 1, run, **of_sced)
    again = tick_rows(["A"], MIDNIGHT + timedelta(seconds=15), step=timedelta(seconds=285))
    publish(price_store, 1000, again, **of_sced)
    found = judged(price_store, feed)
    assert [(f["kind"], f["interval_start_utc"]) for f in found.findings] == [("gap", MIDNIGHT + HOUR)]
    assert found.days[0]["completeness"] == 287 / 288


def test_a_final_after_a_preliminary_is_no_repeat(price_store: ClickHouse) -> None:
    for position, vintage in ((1, "preliminary"), (2, "final")):
        publish(price_store, position, tick_rows(["A"], MIDNIGHT, count=24), vintage=vintage, **THEIRS)
    assert kinds(judged(price_store)) == []
    publish(price_store, 3, tick_rows(["A"], MIDNIGHT, count=2), **THEIRS)
    assert kinds(judged(price_store)) == ["repeat"]
    assert kinds(judged(price_store, superseded=[3])) == []
    assert kinds(judged(price_store, through_position=2)) == []


def test_what_an_answer_repeats_while_it_grows_is_no_fault(price_store: ClickHouse) -> None:
    """As an hour of five minutes that is asked for each five minutes."""
    for position, count in enumerate(range(1, 25), start=1):
        publish(price_store, position, tick_rows(["A", "B"], MIDNIGHT, count=count), **THEIRS)
    found = judged(price_store)
    assert kinds(found) == []
    assert found.days[0]["repeated_rows"] == 0
    publish(price_store, 25, tick_rows(["A", "B"], MIDNIGHT, count=24), **THEIRS)
    (repeat,) = judged(price_store).findings
    assert repeat["detail"].startswith("48 rows")


def test_another_price_of_the_same_version_is_a_restatement(price_store: ClickHouse) -> None:
    for position, price in ((1, 20.0), (2, 21.0)):
        publish(price_store, position, tick_rows(["A"], MIDNIGHT, count=24, lmp_usd_per_mwh=price), **THEIRS)
    found = judged(price_store)
    assert kinds(found) == []
    assert (found.days[0]["restated_rows"], found.days[0]["repeated_rows"]) == (24, 0)


def test_of_today_only_what_is_over_is_expected(price_store: ClickHouse) -> None:
    publish(price_store, 1, tick_rows(["A"], MIDNIGHT, count=3), **THEIRS)
    (day,) = judged(price_store, now_utc=MIDNIGHT + 3 * HOUR + timedelta(minutes=59)).days
    assert (day["expected_intervals"], day["completeness"]) == (3, 1.0)
    (tomorrow,) = judged(price_store, now_utc=MIDNIGHT - HOUR).days
    assert (tomorrow["expected_intervals"], tomorrow["completeness"], tomorrow["gaps"]) == (0, None, 0)


def test_nothing_is_expected_before_a_feed_began(price_store: ClickHouse) -> None:
    assert judged(price_store, FeedToJudge("prices", "rt_lmp", "RTH", MIDNIGHT + 24 * HOUR)).days == []
