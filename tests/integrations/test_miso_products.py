"""MISO's products besides hourly LMPs. Without a real file, one is written from the operator's specification."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.isos.catalogue import name_facts, parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication

MCP_LINES = [
    "Dayahead Market MCPs.",
    "",
    "01/01/2023,,All Hours-Ending are Eastern Standard Time (EST)",
    "",
    ",,MCP Type, " + ",".join(f"HE {hour}" for hour in range(1, 25)),
    "MISO Wide,-,GENREGMCP," + ",".join(str(hour) for hour in range(1, 25)),
    "",
    "",
    "Pnode,Zone,MCP Type, " + ",".join(f"HE {hour}" for hour in range(1, 25)),
    "ALTW.X,Zone 1,GENSPINMCP," + ",".join(str(hour / 10) for hour in range(1, 25)),
]


def read(name: str, content: str | bytes | dict[str, Any]) -> ParsedPublication:
    if isinstance(content, dict):
        content = json.dumps(content)
    raw = content.encode() if isinstance(content, str) else content
    (payload,) = survey(name, raw, named=True).payloads
    return parse(payload)


def refused(name: str, content: str | dict[str, Any]) -> str:
    with pytest.raises(UnreadablePublication) as found:
        read(name, content)
    return found.value.reason


def by(publication: ParsedPublication, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in publication.rows.to_pylist()]


def test_both_tables_of_ancillary_prices_are_read() -> None:
    """After the real report's layout."""
    found = read("20230101_asm_exante_damcp.csv", "\n".join(MCP_LINES))
    assert (found.dataset, found.feed, found.market, found.vintage) == ("ancillary", "asm_exante_damcp", "DA", "final")
    rows = by(found, "product", "area", "interval_start_utc", "price_usd_per_mw")
    assert len(rows) == 48
    assert rows[0] == ("GENREG", "MISO Wide", datetime(2023, 1, 1, 5, tzinfo=UTC), 1.0)
    assert rows[-1] == ("GENSPIN", "ALTW.X", datetime(2023, 1, 2, 4, tzinfo=UTC), 2.4)


@pytest.mark.parametrize(
    ("report", "feed", "market", "vintage"),
    [("asm_rtmcp_prelim", "asm_rtmcp", "RTH", "preliminary"), ("asm_rtmcp_final", "asm_rtmcp", "RTH", "final")],
)
def test_preliminary_and_final_are_versions_of_one_feed(report: str, feed: str, market: str, vintage: str) -> None:
    found = read(f"20230101_{report}.csv", "\n".join(MCP_LINES))
    assert (found.feed, found.market, found.vintage) == (feed, market, vintage)


def test_faults_of_ancillary_prices_are_named_with_their_line() -> None:
    name = "20230101_asm_expost_damcp.csv"
    assert "only MISO's file name" in refused("mcp.csv", "\n".join(MCP_LINES))
    twice = "\n".join([*MCP_LINES, MCP_LINES[-1]])
    assert "line 11, column MCP Type: the place has this type of price twice" in refused(name, twice)
    other = "\n".join(MCP_LINES).replace("GENSPINMCP", "GENSPIN")
    assert "line 10, column MCP Type: 'GENSPIN' is no type of clearing price" in refused(name, other)
    cut = "\n".join(MCP_LINES).replace("HE 24", "Total")
    assert "the column is missing" in refused(name, cut)


FIVE_MINUTES = """Five Minute LMPs

11/05/2023

MKTHOUR_EST,PNODENAME,LMP,CON_LMP,LOSS_LMP
11/05/2023 00:55,A,20.5,1.25,-0.25
11/05/2023 01:00,A,21.5,1.25,-0.25
11/05/2023 00:55,B,30,0,0
11/05/2023 01:00,B,31,0,0
"""


def test_weekly_five_minute_lmps_are_final_prices() -> None:
    """From the operator's specification: no real file is at hand. MISO's clock does not change in November."""
    found = read("20231120_5MIN_LMP.csv", FIVE_MINUTES)
    assert (found.dataset, found.market, found.vintage, found.gaps.num_rows) == ("prices", "RT5", "final", 0)
    first = found.rows.to_pylist()[0]
    assert first["interval_start_utc"] == datetime(2023, 11, 5, 5, 55, tzinfo=UTC)
    assert first["interval_end_utc"] - first["interval_start_utc"] == timedelta(minutes=5)
    assert (first["lmp_usd_per_mwh"], first["energy_usd_per_mwh"]) == (20.5, 19.5)
    twice = FIVE_MINUTES + "11/05/2023 01:00,B,31,0,0\n"
    assert "one node and interval is there twice, in lines 9 and 10" in refused("20231120_5MIN_LMP.csv", twice)
    assert "not on a five-minute mark" in refused("20231120_5MIN_LMP.csv", FIVE_MINUTES.replace("00:55", "00:56"))


def table(*nodes: dict[str, str]) -> dict[str, Any]:
    prices = {"HourAndMin": "02:25", "PricingNode": list(nodes)}
    return {"LMPData": {"RefId": "05-Nov-2023 - Interval 02:25 EST", "FiveMinLMP": prices}}


def test_the_consolidated_table_is_preliminary_five_minute_prices() -> None:
    """From the operator's specification: no real answer is at hand."""
    node = {"name": "MICHIGAN.HUB", "LMP": "25.10", "MLC": "0.60", "MCC": "-1.50"}
    found = read("GetLmpConsolidatedTable.json", table(node))
    assert (found.feed, found.market, found.vintage) == ("rt_five_min_lmp", "RT5", "preliminary")
    (row,) = found.rows.to_pylist()
    assert (row["node"], row["energy_usd_per_mwh"]) == ("MICHIGAN.HUB", 26.0)
    assert row["interval_end_utc"] == datetime(2023, 11, 5, 7, 25, tzinfo=UTC)
    assert "MICHIGAN.HUB is there twice" in refused("x.json", table(node, node))
    assert "entry 1: LMP 'NaN' is no number" in refused("x.json", table(node | {"LMP": "NaN"}))
    assert "RefId" in refused("x.json", {"LMPData": {"FiveMinLMP": {"PricingNode": []}, "RefId": "today"}})


def test_total_load_is_five_minute_load() -> None:
    """From the operator's specification: no real answer is at hand."""
    loads = [{"Load": {"Time": "00:00", "Value": "70000"}}, {"Load": {"Time": "00:05", "Value": "70100"}}]
    answer = {"LoadInfo": {"RefId": "05-Nov-2023 - Interval 00:05 EST", "FiveMinTotalLoad": loads}}
    found = read("RealTimeTotalLoad.json", answer)
    assert by(found, "series", "unit", "interval_start_utc", "value") == [
        ("load", "MW", datetime(2023, 11, 5, 5, tzinfo=UTC), 70000.0),
        ("load", "MW", datetime(2023, 11, 5, 5, 5, tzinfo=UTC), 70100.0),
    ]


def load_answer(*hours: dict[str, str], key: str = "HourEnding") -> dict[str, Any]:
    forecast = [{"Forecast": {key: hour["at"], "LoadForecast": hour["mw"]}} for hour in hours]
    loads = [{"Load": {"Time": "13:25", "Value": "70,125"}}]
    cleared = [{"ClearedMWHourly": {"Hour": "1", "Value": "68000"}}]
    return {
        "LoadInfo": {
            "RefId": "03-Sep-2026 - Interval 13:25 EST",
            "ClearedMW": cleared,
            "MediumTermLoadForecast": forecast,
            "FiveMinTotalLoad": loads,
        }
    }


@pytest.mark.parametrize("key", ["HourEnding", "HourEndEST"])
def test_total_load_brings_the_forecast_of_the_day_as_of_the_answer(key: str) -> None:
    found = read(
        "RealTimeTotalLoad.json", load_answer({"at": "1", "mw": "61000"}, {"at": "24", "mw": "64,500"}, key=key)
    )
    issued = datetime(2026, 9, 3, 18, 25, tzinfo=UTC)
    assert by(found, "series", "interval_start_utc", "interval_end_utc", "value", "issued_at") == [
        ("load_forecast", datetime(2026, 9, 3, 5, tzinfo=UTC), datetime(2026, 9, 3, 6, tzinfo=UTC), 61000.0, issued),
        ("load_forecast", datetime(2026, 9, 4, 4, tzinfo=UTC), datetime(2026, 9, 4, 5, tzinfo=UTC), 64500.0, issued),
        ("load", issued, issued + timedelta(minutes=5), 70125.0, None),
    ]
    for hour in ("0", "25", "1.5"):
        assert "is no hour of a day" in refused("x.json", load_answer({"at": hour, "mw": "1"}, key=key))
    assert "entry 1: LoadForecast '6,1' is no number" in refused(
        "x.json", load_answer({"at": "1", "mw": "6,1"}, key=key)
    )
    no_list = load_answer()
    no_list["LoadInfo"]["MediumTermLoadForecast"] = None
    assert "no list at LoadInfo.MediumTermLoadForecast" in refused("x.json", no_list)


def hour_of(number: int, *, came: bool, **values: str) -> dict[str, str | None]:
    stamp = f"2026-09-10 {(number - 1) % 12 or 12}:00:00 {'AM' if number < 13 else 'PM'}"
    found: dict[str, str | None] = {}
    for kind, is_there in (("Forecast", True), ("Actual", came)):
        found[f"{kind}DateTimeEST"] = stamp if is_there else None
        found[f"{kind}HourEndingEST"] = str(number) if is_there else None
        for word, value in values.items():
            found[f"{kind}{word}Value"] = value if is_there else None
    return found


def test_wind_and_solar_power_as_forecast_and_as_it_came() -> None:
    hours = [hour_of(1, came=True, Wind="5100.50", Solar="0.00"), hour_of(14, came=False, Wind="900", Solar="7,250.25")]
    answer = {"MktDay": "09-10-2026", "RefId": "10-Sep-2026 - Interval 09:00 EST", "instance": hours}
    found = read("getcombinedwindsolar.json", answer)
    first, later = datetime(2026, 9, 10, 5, tzinfo=UTC), datetime(2026, 9, 10, 18, tzinfo=UTC)
    issued = datetime(2026, 9, 10, 14, tzinfo=UTC)
    assert found.feed == "wind_and_solar"
    assert by(found, "series", "interval_start_utc", "value", "issued_at") == [
        ("wind_forecast", first, 5100.5, issued),
        ("solar_forecast", first, 0.0, issued),
        ("wind_forecast", later, 900.0, issued),
        ("solar_forecast", later, 7250.25, issued),
        ("wind", first, 5100.5, None),
        ("solar", first, 0.0, None),
    ]
    hours[0]["ActualHourEndingEST"] = "2"
    assert "the hour ending 2 does not begin at" in refused("x.json", answer)
    del hours[0]["ActualWindValue"]
    assert "entry 1 has no ActualWindValue" in refused("x.json", answer)


def test_the_power_of_wind_or_sun_alone_is_told_by_the_name() -> None:
    hours = [hour_of(1, came=True, **{"": "5100.50"})]
    answer = {"MktDay": "09-10-2026", "RefId": "10-Sep-2026 - Interval 09:00 EST", "instance": hours}
    (payload,) = survey("getsolar.json", json.dumps(answer).encode(), named=True).payloads
    assert name_facts(payload) == {"feed": "solar"}
    found = parse(payload)
    assert (found.feed, by(found, "series", "value")) == ("solar", [("solar_forecast", 5100.5), ("solar", 5100.5)])
    assert "neither wind nor solar" in refused("power.json", answer)


def test_wind_and_sun_are_told_by_the_name_which_is_a_fact_of_the_publication() -> None:
    hours = [{"DateTimeEST": "2025-03-10 12:00:00 AM", "HourEndingEST": "1", "Value": "5.00"}]
    answer = {"MktDay": "03-10-2025", "RefId": "10-Mar-2025 - Interval 04:00 EST", "Forecast": hours}
    (payload,) = survey("getwindforecast.json", json.dumps(answer).encode(), named=True).payloads
    assert name_facts(payload) == {"feed": "wind_forecast"}
    assert by(parse(payload), "series", "issued_at") == [("wind_forecast", datetime(2025, 3, 10, 9, tzinfo=UTC))]
    assert "neither wind nor solar" in refused("forecast.json", answer)
    shifted = answer | {"Forecast": [hours[0] | {"HourEndingEST": "2"}]}
    assert "the hour ending 2 does not begin at" in refused("getwindforecast.json", shifted)
