"""The quality of what is no energy price: which checks apply to which dataset, and that none is invented."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from infra.clickhouse import ClickHouse
from integrations.isos.series import series_rows
from queries.quality import FeedToJudge, Quality, quality
from queries.quality_checks import CHECKS
from read_models.market_days import DAILY_DATASETS
from read_models.prices import PublicationFacts
from read_models.series import DATASETS, create_series_table, series_table_rows

DAY = date(2025, 6, 2)
MIDNIGHT = datetime(2025, 6, 2, 5, tzinfo=UTC)  # in Texas
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FEEDS = {"ancillary": ("dam_mcpc", "DA"), "ordc": ("rtm_price_adders", "RT15"), "fundamentals": ("load_by_zone", ""),
         "constraints": ("constraints", "RT5")}  # fmt: skip
LABELS = {
    "ancillary": {"product": "REGUP", "area": ""}, "ordc": {"adder": "RTRSVPOR"},
    "fundamentals": {"series": "load", "area": "NORTH", "category": "", "unit": "MW"},
    "constraints": {"constraint_name": "A", "contingency": "B"},
}  # fmt: skip


@pytest.fixture
def store(clickhouse: ClickHouse) -> Iterator[ClickHouse]:
    for name in CHECKS.keys() - {"prices"}:
        create_series_table(clickhouse, DATASETS[name])
    yield clickhouse
    clickhouse.command("DROP DATABASE ch SYNC")


def publish(
    store: ClickHouse, name: str, values: list[float], position: int = 1, *, start: datetime = MIDNIGHT,
    step: timedelta = HOUR, feed: str | None = None, **changes: Any,
) -> None:  # fmt: skip
    """One publication with an interval a value of one place."""
    starts = [start + number * step for number in range(len(values))]
    columns: dict[str, Any] = {label: [text] * len(values) for label, text in LABELS[name].items()}
    columns |= {"interval_start_utc": starts, "interval_end_utc": [time + step for time in starts]}
    columns |= {CHECKS[name].value: values}
    columns |= {column: [value] * len(values) for column, value in changes.items()}
    of_feed, market = FEEDS[name]
    facts = PublicationFacts(f"p{position}", "ERCOT", feed or of_feed, market, "final", None, MIDNIGHT, position)
    rows = series_table_rows(DATASETS[name], facts, series_rows(name, columns))
    store.insert_arrow(f"ch.{DATASETS[name].table}", rows, deduplication_token=f"{name}:{position}")


def judged(store: ClickHouse, name: str, *, feed: str | None = None, **changes: Any) -> Quality:
    of_feed, market = FEEDS[name]
    given: dict[str, Any] = {"now_utc": MIDNIGHT + 48 * HOUR, "through_position": 10**9} | changes
    return quality(store, "ERCOT", [DAY], [FeedToJudge(name, feed or of_feed, market, MIDNIGHT)], **given)


def kinds(found: Quality) -> list[str]:
    return [finding["kind"] for finding in found.findings]


def test_datasets_with_market_days_are_those_that_are_checked() -> None:
    assert set(CHECKS) == DAILY_DATASETS


STEPS = {"ancillary": HOUR, "ordc": 15 * MINUTE, "fundamentals": HOUR}


@pytest.mark.parametrize("name", STEPS)
def test_a_whole_day_is_in_order_and_a_missing_interval_is_a_gap(store: ClickHouse, name: str) -> None:
    count = int(24 * HOUR / STEPS[name])
    publish(store, name, [10.0] * count, step=STEPS[name])
    whole = judged(store, name)
    assert kinds(whole) == []
    (day,) = whole.days
    assert (day["expected_intervals"], day["received_intervals"], day["completeness"]) == (count, count, 1.0)
    publish(store, name, [10.0] * (count - 2), 2, step=STEPS[name], feed="other")
    found = judged(store, name, feed="other")
    assert [(f["kind"], f["interval_start_utc"]) for f in found.findings] == [
        ("gap", MIDNIGHT + (count - 2) * STEPS[name]), ("gap", MIDNIGHT + (count - 1) * STEPS[name]),
    ]  # fmt: skip
    assert found.findings[0]["detail"] == "no row at all"


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("ancillary", 15_001.0, "beyond -500 to 15,000 $/MW"),
        ("ancillary", -501.0, "beyond -500 to 15,000 $/MW"),
        ("ordc", 10_001.0, "beyond -2,000 to 10,000 $/MWh"),
        ("fundamentals", 250_001.0, "beyond -250,000 to 250,000 MW"),
        ("fundamentals", -250_001.0, "beyond -250,000 to 250,000 MW"),
        ("constraints", -15_001.0, "beyond -15,000 to 15,000 $/MWh"),
    ],
)
def test_what_no_market_has_is_marked(store: ClickHouse, name: str, value: float, detail: str) -> None:
    publish(store, name, [value], start=MIDNIGHT + HOUR, step=5 * MINUTE if name == "constraints" else STEPS[name])
    (found,) = [finding for finding in judged(store, name).findings if finding["kind"] == "range"]
    assert (found["value"], found["detail"], found["interval_start_utc"]) == (value, detail, MIDNIGHT + HOUR)
    assert found["place"] == ", ".join(f"{label}={text}" for label, text in LABELS[name].items())
    assert (found["node"], found["lmp_usd_per_mwh"]) == (None, None)


def test_limits_themselves_and_other_units_are_in_order(store: ClickHouse) -> None:
    publish(store, "constraints", [15_000.0, -15_000.0], step=5 * MINUTE)
    publish(store, "fundamentals", [1e9] * 24, unit="MWh/d")
    assert kinds(judged(store, "constraints")) == kinds(judged(store, "fundamentals")) == []


def test_a_power_beyond_the_limits_is_named(store: ClickHouse) -> None:
    publish(store, "ancillary", [5.0] * 24, cleared_mw=1.0, requirement_mw=300_000.0)
    found = judged(store, "ancillary").findings
    assert len(found) == 24
    assert {finding["detail"] for finding in found} == {"requirement_mw beyond -250,000 to 250,000 MW"}


def test_spikes_are_of_prices_only(store: ClickHouse) -> None:
    values = [10.0] * 17 + [900.0] + [10.0] * 6
    publish(store, "ancillary", values)
    publish(store, "fundamentals", values)
    (spike,) = judged(store, "ancillary").findings
    assert (spike["kind"], spike["value"], spike["interval_start_utc"]) == ("spike", 900.0, MIDNIGHT + 17 * HOUR)
    assert kinds(judged(store, "fundamentals")) == []


def test_a_series_that_is_said_again_is_counted_and_no_fault(store: ClickHouse) -> None:
    """A file of two days says again what yesterday's said; a forecast of another time is another version."""
    publish(store, "fundamentals", [10.0] * 24, 1)
    publish(store, "fundamentals", [10.0] * 24, 2)
    publish(store, "fundamentals", [11.0] * 24, 3)
    for position, issued in ((4, MIDNIGHT), (5, MIDNIGHT + HOUR)):
        publish(store, "fundamentals", [12.0] * 24, position, series="load_forecast", issued_at=issued)
    found = judged(store, "fundamentals")
    assert kinds(found) == []
    (day,) = found.days
    assert (day["repeated_rows"], day["restated_rows"], day["places"]) == (24, 24, 2)


def test_what_binds_has_no_number_that_it_ought_to_have(store: ClickHouse) -> None:
    publish(store, "constraints", [20.0] * 3, step=5 * MINUTE)
    (day,) = judged(store, "constraints").days
    assert (day["expected_intervals"], day["completeness"], day["gaps"]) == (None, None, 0)


def test_nothing_is_missed_before_it_is_due(store: ClickHouse) -> None:
    publish(store, "fundamentals", [10.0] * 3)
    feed = FeedToJudge("fundamentals", "load_by_zone", "", MIDNIGHT, target=2 * HOUR)
    for hours, gaps in ((4, 0), (5, 0), (6, 1)):
        found = quality(store, "ERCOT", [DAY], [feed], now_utc=MIDNIGHT + hours * HOUR, through_position=10**9)
        assert len(found.findings) == gaps


@pytest.mark.parametrize(("begun", "expected"), [(False, 0), (True, 24)])
def test_a_day_ahead_day_is_due_once_it_has_begun(store: ClickHouse, begun: bool, expected: int) -> None:
    found = judged(store, "ancillary", now_utc=MIDNIGHT - (0 if begun else 1) * MINUTE)
    assert (found.days[0]["expected_intervals"], len(found.findings)) == (expected, expected)


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 3, 9), 23), (date(2025, 11, 2), 25)])
def test_days_of_the_clock_change(store: ClickHouse, day: date, hours: int) -> None:
    midnight = datetime(2025, day.month, day.day, 6 if day.month == 3 else 5, tzinfo=UTC)
    publish(store, "fundamentals", [10.0] * (hours - 1), start=midnight)
    feed = FeedToJudge("fundamentals", "load_by_zone", "", midnight)
    found = quality(store, "ERCOT", [day], [feed], now_utc=midnight + 48 * HOUR, through_position=10**9)
    assert (found.days[0]["expected_intervals"], found.days[0]["completeness"]) == (hours, (hours - 1) / hours)
    assert [finding["interval_start_utc"] for finding in found.findings] == [midnight + (hours - 1) * HOUR]


def test_more_findings_than_are_listed_are_counted(store: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queries.quality.MOST_FINDINGS", 5)
    publish(store, "ancillary", [20_000.0] * 20)
    found = judged(store, "ancillary")
    assert kinds(found) == ["gap"] * 4 + ["range"] * 5
    assert (found.findings_left_out, found.days[0]["wrong_prices"]) == (15, 20)
    monkeypatch.setattr("queries.quality.MOST_FINDINGS_IN_ALL", 3)
    found = judged(store, "ancillary")
    assert (len(found.findings), found.findings_left_out) == (3, 21)


def test_places_are_judged_in_runs_and_add_up(store: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queries.quality_places._ROWS_AT_ONCE", 50)
    for number, product in enumerate("ABCDE"):
        publish(store, "ancillary", [10.0] * (24 if product != "C" else 23), number + 1, product=product)
    found = judged(store, "ancillary")
    assert (found.days[0]["places"], found.days[0]["completeness"]) == (5, 119 / 120)
    assert [finding["detail"] for finding in found.findings] == ["1 of 5 places have no row"]


def test_a_feed_without_rows_that_day_has_nothing(store: ClickHouse) -> None:
    (day,) = judged(store, "constraints").days
    assert (day["places"], day["received_intervals"]) == (0, 0)
    found = judged(store, "fundamentals")
    assert kinds(found) == ["gap"] * 24
    assert found.days[0]["completeness"] == 0.0
