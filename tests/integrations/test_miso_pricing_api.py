"""Prices of MISO's pricing API, in the layout that its published definitions and public clients of it show."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.isos.catalogue import name_facts, survey
from tests.integrations.samples import only_payload, read, refusal, rows_of

NAME = "da_expost_lmp_20260308.json"
HOUR = timedelta(hours=1)
FIVE_MINUTES = timedelta(minutes=5)
MIDNIGHT = datetime(2026, 3, 8)


def row(node: str, start: datetime, length: timedelta = HOUR, **changes: Any) -> dict[str, Any]:
    stamps = {"start": start.isoformat(), "end": (start + length).isoformat(), "value": start.isoformat()}
    prices = {"lmp": 20.75, "mec": 20.0, "mcc": -0.25, "mlc": 1.0}
    return {"node": node, "timeInterval": {"resolution": "hourly"} | stamps} | prices | changes


def day(node: str, **changes: Any) -> list[dict[str, Any]]:
    return [row(node, MIDNIGHT + hour * HOUR, **changes) for hour in range(24)]


def answer(*rows: dict[str, Any], **page: Any) -> bytes:
    found: dict[str, Any] = {"data": list(rows)}
    return json.dumps(found | ({"page": page} if page else {})).encode()


@pytest.mark.parametrize(
    ("name", "feed"),
    [
        (NAME, "da_expost_lmp"),
        ("miso_lmp-exante_2026-03-08.json", "da_exante_lmp"),
        ("Day Ahead ExPost.json", "da_expost_lmp"),
    ],
)
def test_day_ahead_prices_of_an_answer_are_those_that_its_name_says(name: str, feed: str) -> None:
    content = answer(*day("A.HUB"), *day("B.HUB"))
    found = read(name, content)
    assert (found.market, found.feed, found.vintage, found.gaps.num_rows) == ("DA", feed, "final", 0)
    assert name_facts(only_payload(name, content)) == {"market": "DA", "feed": feed}
    rows = rows_of(found)
    assert [r["interval_start_utc"].hour for r in rows[:24]] == [(5 + hour) % 24 for hour in range(24)]
    assert (rows[0]["node"], rows[0]["node_type"], rows[0]["lmp_usd_per_mwh"]) == ("A.HUB", "", 20.75)
    assert [rows[0][f"{part}_usd_per_mwh"] for part in ("energy", "congestion", "loss")] == [20.0, -0.25, 1.0]


@pytest.mark.parametrize("name", ["x.json", "rt_lmp_expost.json"])
def test_what_neither_rows_nor_name_tell_is_refused_with_the_remedy(name: str) -> None:
    assert "call it YYYYMMDD_da_expost_lmp.json" in refusal(name, answer(*day("A"))).reason


@pytest.mark.parametrize(("written", "vintage"), [("Preliminary", "preliminary"), ("Final", "final")])
def test_real_time_prices_of_hours_and_five_minutes(written: str, vintage: str) -> None:
    hourly = read("x.json", answer(*day("A", preliminaryFinal=written)))
    assert (hourly.market, hourly.feed, hourly.vintage) == ("RTH", "rt_lmp", vintage)
    start = datetime(2026, 5, 6, 23, 55)
    short = read("x.json", answer(row("A", start, FIVE_MINUTES, preliminaryFinal=written)))
    assert (short.market, short.feed, short.vintage) == ("RT5", "rt_five_min_lmp", vintage)
    assert rows_of(short)[0]["interval_start_utc"] == datetime(2026, 5, 7, 4, 55, tzinfo=UTC)


def test_five_minutes_that_may_be_labelled_late_are_refused() -> None:
    """MISO's definitions of the API: until 6 May 2026 all labels of five minutes were five minutes late."""
    start = datetime(2026, 5, 5, 23, 55)
    found = refusal("x.json", answer(row("A", start, FIVE_MINUTES, preliminaryFinal="Final")))
    assert "five minutes late until 6 May 2026" in found.reason
    assert "YYYYMMDD_5MIN_LMP.zip of LMPs" in found.reason


def test_five_minute_prices_before_the_fact_are_another_product() -> None:
    found = survey("a.json", answer(row("A", datetime(2026, 6, 1), FIVE_MINUTES)), named=False)
    assert [skipped.reason for skipped in found.skipped] == [
        "MISO's five-minute ex-ante LMPs: not one of the price products read here"
    ]


def test_a_page_of_several_has_no_missing_intervals_and_an_only_one_has_all_its_rows() -> None:
    hours = [*day("A"), *day("B")[:20]]
    assert read(NAME, answer(*hours)).gaps.num_rows == 4
    assert read(NAME, answer(*hours, totalElements=44, totalPages=1)).gaps.num_rows == 4
    assert read(NAME, answer(*hours, totalElements=48, totalPages=2)).gaps.num_rows == 0
    cut = refusal(NAME, answer(*hours, totalElements=48, totalPages=1))
    assert "has 44 rows and says that it has 48" in cut.reason


def test_empty_prices_are_gaps() -> None:
    hours = day("A")
    hours[3]["lmp"] = hours[4]["mcc"] = None
    found = read(NAME, answer(*hours))
    assert sorted(gap["cause"] for gap in found.gaps.to_pylist()) == ["empty component cell", "empty price cell"]
    assert found.rows.num_rows == 23


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"node": " "}, "the name is missing"),
        ({"node": "A\u0000"}, "control character"),
        ({"node": None}, "the name is missing"),
        ({"lmp": "20.75"}, "'20.75' is not a number"),
        ({"lmp": 1e300}, "is not a number"),
        ({"lmp": True}, "is not a number"),
        ({"mcc": 0.25}, "off from the sum of its components by 0.50000"),
        ({"timeInterval": None}, "no object with start and end"),
        ({"timeInterval": {"start": "2026-03-08", "end": "2026-03-09"}}, "'' is not a time of day"),
        ({"timeInterval": {"start": "2026-03-08T00:00:00", "end": "2026-03-09T00:00:00"}}, "lasts 86400 s"),
        ({"timeInterval": {"start": "2026-03-08T00:30:00", "end": "2026-03-08T01:30:00"}}, "off the mark"),
        ({"preliminaryFinal": "Final"}, "ask for preliminary and final prices apart"),
    ],
)
def test_one_wrong_row_is_named(changes: dict[str, Any], problem: str) -> None:
    hours = day("A")
    hours[1] |= changes
    found = refusal(NAME, answer(*hours))
    assert problem in found.reason
    assert "row 2: " in found.reason


def test_rows_that_do_not_go_together_are_refused() -> None:
    assert "row 25: A has this interval twice" in refusal(NAME, answer(*day("A"), *day("A"))).reason
    mixed = [*day("A", preliminaryFinal="Final"), *day("B", preliminaryFinal="Preliminary")]
    assert "row 25: 'Preliminary' where" in refusal("x.json", answer(*mixed)).reason
    assert "neither Preliminary nor Final" in refusal("x.json", answer(*day("A", preliminaryFinal="Now"))).reason
    lacking = day("A")
    del lacking[5]["mlc"]
    assert "column mlc: row 6" in refusal(NAME, answer(*lacking)).reason
    assert "row 2" in refusal(NAME, answer(day("A")[0], 7)).reason  # type: ignore[arg-type]


def mcp(product: str, zone: str, mcp: Any = 4.25, **changes: Any) -> dict[str, Any]:
    found = row("", MIDNIGHT) | {"product": product, "zone": zone, "mcp": mcp} | changes
    return {key: value for key, value in found.items() if key not in ("node", "lmp", "mec", "mcc", "mlc")}


def test_ancillary_prices_by_zone_and_product() -> None:
    rows = [mcp("Regulation", "Zone 1"), mcp("Ramp-up", "Zone 1", None), mcp("Regulation", "Zone 2", 0)]
    found = read("miso_asm-expost_2026-03-08.json", answer(*rows))
    assert (found.dataset, found.market, found.feed, found.vintage) == ("ancillary", "DA", "asm_expost_damcp", "final")
    start = datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert [tuple(r.values())[:5] for r in found.rows.to_pylist()] == [
        ("REGULATION", "Zone 1", start, start + HOUR, 4.25), ("REGULATION", "Zone 2", start, start + HOUR, 0.0),
    ]  # fmt: skip
    real_time = read("x.json", answer(*(each | {"preliminaryFinal": "Preliminary"} for each in rows)))
    assert (real_time.market, real_time.feed, real_time.vintage) == ("RTH", "asm_rtmcp", "preliminary")


def test_faults_of_ancillary_prices() -> None:
    name, good = "asm_expost.json", mcp("Spin", "Zone 1")
    assert "row 2: Zone 1 has this price of SPIN twice" in refusal(name, answer(good, good)).reason
    assert "call it YYYYMMDD_asm_expost_damcp.json" in refusal("x.json", answer(good)).reason
    assert "row 2: 'x' is not a number" in refusal(name, answer(good, mcp("Spin", "Zone 2", "x"))).reason
    assert "column zone: row 2" in refusal(name, answer(good, mcp("Spin", ""))).reason
    assert "has 1 rows and says that it has 2" in refusal(name, answer(good, totalElements=2, totalPages=1)).reason
