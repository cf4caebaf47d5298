"""Answers of MISO's public API and of its data broker before, in the layouts in which public clients recorded them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.isos.catalogue import name_facts, survey
from tests.integrations.samples import only_payload, read, refusal, rows_of, text

REFERENCE = "02-Oct-2026 - Interval 16:45 EST"
AT = datetime(2026, 10, 2, 21, 45, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)
HEADERS = ["INTERVAL", "CPNODE", "LMP", "MLC", "MCC"]


def table(*rows: list[Any], headers: list[Any] | None = None) -> bytes:
    return json.dumps({"headers": HEADERS if headers is None else headers, "data": list(rows)}).encode()


def tick(node: str, minute: int = 5, **changes: Any) -> list[Any]:
    cells = {"at": f"2026-10-01T00:{minute:02}:00", "node": node, "lmp": "20.75", "mlc": "1.00", "mcc": "-0.25"}
    return list((cells | changes).values())


def test_the_table_of_five_minute_prices_is_stamped_with_their_end() -> None:
    found = read("Rolling.json", table(tick("A.HUB"), tick("B", lmp="-3", mlc=None), tick("A.HUB", 10, lmp=21)))
    assert (found.market, found.feed, found.vintage) == ("RT5", "rt_five_min_lmp", "preliminary")
    first = rows_of(found)[0]
    assert first["interval_end_utc"] == datetime(2026, 10, 1, 5, 5, tzinfo=UTC)
    assert first["interval_end_utc"] - first["interval_start_utc"] == FIVE_MINUTES
    assert (first["energy_usd_per_mwh"], first["congestion_usd_per_mwh"]) == (20.0, -0.25)
    assert sorted(gap["cause"] for gap in found.gaps.to_pylist()) == ["empty component cell", "missing interval"]


def test_columns_of_the_table_may_stand_in_another_order() -> None:
    order = [1, 0, 4, 3, 2]
    turned = table([tick("A")[at] for at in order], headers=[HEADERS[at] for at in order])
    assert rows_of(read("x.json", turned)) == rows_of(read("x.json", table(tick("A"))))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (table(tick("A"), tick("A")), "row 2: one node and interval is there twice, in row 1 and row 2"),
        (table(tick("A"), tick("B")[:4]), "row 2: it has not the 5 cells"),
        (table(tick("A"), tick("B", lmp="NaN")), "column LMP: row 2: the cell is not a number"),
        (table(tick("A"), tick("B", lmp="1e300")), "column LMP: row 2: the cell is not a number"),
        (table(tick("A"), tick("B", lmp="1_000")), "column LMP: row 2: the cell is not a number"),
        (table(tick("A"), tick("B", lmp=True)), "row 2: 'True' is neither a text nor a number"),
        (table(tick("A"), tick("")), "row 2: the cell is empty"),
        (table(tick("A"), tick("B\x07")), "row 2: the cell has a control character"),
        (table(tick("A"), tick("B", 7)), "row 2: '2026-10-01T00:07:00' is not on a five-minute mark"),
        (table(), "no row of data"),
        (table([*tick("A"), "1"], headers=[*HEADERS, "Lmp"]), "column LMP: the header is there twice"),
    ],
)
def test_faults_of_the_table_of_five_minute_prices(content: bytes, problem: str) -> None:
    assert problem in refusal("x.json", content).reason


def test_ex_ante_prices_of_hubs_are_another_product() -> None:
    hub = {"name": "A.HUB", "LMP": "20.00", "loss": "1.00", "congestion": "0.00"}
    answer: dict[str, Any] = {"LMPData": {"RefId": REFERENCE, "ExAnteLMP": {"HourAndMin": "16:45", "Hub": [hub]}}}
    found = survey("GetExAnteLmp.json", json.dumps(answer).encode(), named=False)
    assert [skipped.reason for skipped in found.skipped] == [
        "MISO's ex-ante LMPs of hubs: not one of the price products read here"
    ]
    for wrong in ("7", "null", "[]", "[7]"):
        assert "RefId" in refusal("x.json", f'{{"LMPData": {wrong}}}'.encode()).reason


def ancillary(*zones: dict[str, Any]) -> bytes:
    of_the_day = {"HourEnding": "17", "Zone": [{"number": "1", "GenRegMCP": "9.00"}]}
    found = {
        "RefId": REFERENCE,
        "MktDay": "10-02-2026",
        "RealTimeMCP": {"Zone": list(zones)},
        "DayAheadMCP": of_the_day,
    }
    return json.dumps({"MCPData": found}).encode()


def test_ancillary_prices_of_five_minutes_by_zone() -> None:
    zone = {"GenRegMCP": "5.50", "DemandSpinMcp": "0.25", "StrMcp": "0.00", "RcpUpMcp": None}
    found = read("x.json", ancillary({"number": "1"} | zone, {"number": "2"} | zone))
    assert (found.dataset, found.market, found.feed, found.vintage) == (
        "ancillary", "RT5", "rt_five_min_mcp", "preliminary",
    )  # fmt: skip
    rows = [(row["product"], row["area"], row["price_usd_per_mw"]) for row in found.rows.to_pylist()]
    assert rows[:3] == [("GENREG", "Zone 1", 5.5), ("DEMSPIN", "Zone 1", 0.25), ("STR", "Zone 1", 0.0)]
    assert len(rows) == 6
    assert {row["interval_end_utc"] for row in found.rows.to_pylist()} == {AT}
    assert (
        "Zone 1 is there twice" in refusal("x.json", ancillary({"number": "1"} | zone, {"number": "1"} | zone)).reason
    )
    assert (
        "entry 1: GenRegMCP 'x' is no number" in refusal("x.json", ancillary({"number": "1", "GenRegMCP": "x"})).reason
    )


def power(hour: int, value: Any = "120.5") -> dict[str, Any]:
    return {"DateTimeEST": f"2026-10-02 {hour - 1}:00:00", "HourEndingEST": str(hour), "Value": value}


def answered(*hours: dict[str, Any]) -> bytes:
    return json.dumps({"instance": list(hours), "RefId": REFERENCE, "MktDay": "10-02-2026"}).encode()


@pytest.mark.parametrize("word", ["wind", "solar"])
def test_power_as_it_came_is_that_of_the_name(word: str) -> None:
    name = f"get{word}actual.json"
    found = read(name, answered(power(1), power(2)))
    assert name_facts(only_payload(name, answered(power(1)))) == {"feed": word}
    rows = [(row["series"], row["interval_start_utc"], row["value"]) for row in found.rows.to_pylist()]
    assert rows[1] == (word, datetime(2026, 10, 2, 6, tzinfo=UTC), 120.5)
    assert "solar of 2026-10-02T05:00Z is there twice" in refusal("solar.json", answered(power(1), power(1))).reason
    for wrong in ("1_000", "１", True, "", None):
        assert "entry 1: Value" in refusal("wind.json", answered(power(1, wrong))).reason
    assert survey("x.json", answered(power(1)), named=False).skipped


@pytest.mark.parametrize("numbers", [["60000", "60000"], ["60,000", "61,000"]])
def test_a_fuel_or_a_load_that_is_there_twice_is_refused(numbers: list[str]) -> None:
    fuels = [{"INTERVALEST": "2026-10-02 4:45:00 PM", "CATEGORY": "Coal", "ACT": number} for number in numbers]
    mix = json.dumps({"RefId": REFERENCE, "Fuel": {"Type": fuels}}).encode()
    assert "generation coal of 2026-10-02T21:40Z is there twice" in refusal("x.json", mix).reason
    loads = [{"Load": {"Time": "16:40", "Value": number}} for number in numbers]
    load = json.dumps({"LoadInfo": {"RefId": REFERENCE, "FiveMinTotalLoad": loads}}).encode()
    assert "load of 2026-10-02T21:40Z is there twice" in refusal("x.json", load).reason


@pytest.mark.parametrize(
    ("time", "problem"),
    [("16:50", "16:50 lies behind the RefId"), ("24:00", "is not a time of day"), ("1²:00", "is not a time of day")],
)
def test_a_load_after_the_answers_own_moment_is_of_another_day(time: str, problem: str) -> None:
    loads = [{"Load": {"Time": time, "Value": "60000"}}]
    load = json.dumps({"LoadInfo": {"RefId": REFERENCE, "FiveMinTotalLoad": loads}}).encode()
    assert problem in refusal("x.json", load).reason


FUELS = text(
    f"RefId,{REFERENCE}",
    "",
    "INTERVALEST,CATEGORY,ACT,TOTALMW",
    "2026-10-02 4:45:00 PM,Natural Gas,29000,82000",
    "2026-10-02 4:45:00 PM,Wind,4000,82000",
)
LOAD = text(
    f"RefId,{REFERENCE}",
    "",
    "ClearedMW",
    "Load_Hour,Load_Value",
    "1,65000",
    "MediumTermLoadForecast",
    "Hour_End,Load_Forecast",
    "1,68000",
    "24,66000",
    "FiveMinTotalLoad",
    "Load_Time,Load_Value",
    "00:00,69000",
    "00:05,68500",
)
POWER = text(
    f"RefId,{REFERENCE}",
    "",
    "ForecastDateTimeEST,ForecastHourEndingEST,ForecastWindValue,ForecastSolarValue,"
    "ActualDateTimeEST,ActualHourEndingEST,ActualWindValue,ActualSolarValue",
    "2026-10-02 12:00:00 AM,1,150.00,0.00,2026-10-02 12:00:00 AM,1,140.00,-1.50",
    "2026-10-02 1:00:00 AM,2,160.00,0.00,,,,",
)
PRICES = text(
    f"RefId,{REFERENCE}",
    "",
    ",FiveMinLMP at 16:45,,,,HourlyIntegratedLmp at HE 16,,",
    "Name,LMP,MLC,MCC,REGMCP,LMP,MLC,MCC",
    "A.HUB,20.75,1.00,-0.25,5.00,30.00,0.00,0.00",
)


def test_answers_as_csv_are_read_as_their_json() -> None:
    fuels = [(row["category"], row["value"], row["interval_end_utc"]) for row in read("x", FUELS).rows.to_pylist()]
    assert fuels == [("natural_gas", 29000.0, AT), ("wind", 4000.0, AT)]
    load = [(row["series"], row["value"], row["interval_start_utc"].hour) for row in read("x", LOAD).rows.to_pylist()]
    assert load == [
        ("load_forecast", 68000.0, 5), ("load_forecast", 66000.0, 4), ("load", 69000.0, 5), ("load", 68500.0, 5),
    ]  # fmt: skip
    power = sorted((row["series"], row["value"]) for row in read("x", POWER).rows.to_pylist())
    assert power == [
        ("solar", -1.5), ("solar_forecast", 0.0), ("solar_forecast", 0.0),
        ("wind", 140.0), ("wind_forecast", 150.0), ("wind_forecast", 160.0),
    ]  # fmt: skip
    (price,) = rows_of(read("x", PRICES))
    assert (price["node"], price["lmp_usd_per_mwh"], price["energy_usd_per_mwh"]) == ("A.HUB", 20.75, 20.0)
    assert price["interval_end_utc"] == AT


@pytest.mark.parametrize("line_break", [b"\r\n", b"\r"])
def test_line_breaks_and_a_bom_make_no_difference_in_answers_as_csv(line_break: bytes) -> None:
    for content in (FUELS, LOAD, POWER, PRICES):
        found = read("x", b"\xef\xbb\xbf" + content.replace(b"\n", line_break))
        assert found.rows.equals(read("x", content).rows)


def test_faults_of_answers_as_csv() -> None:
    assert "line 5: the line has 3 of 4 cells" in refusal("x", FUELS[: FUELS.rindex(b",")]).reason
    assert "entry 2: ACT 'x' is no number" in refusal("x", FUELS.replace(b"4000", b"x")).reason
    assert "RefId" in refusal("x", LOAD.replace(b"Interval 16:45", b"now")).reason
    assert "cannot be read as CSV" in refusal("x", FUELS.replace(b"Wind", b"W\xffnd")).reason
    turned = PRICES.replace(b"FiveMinLMP", b"HourlyIntegratedLmp")
    assert survey("x", turned, named=False).skipped
