"""ERCOT's products of which no real file is at hand: files written from the operator's specification."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.isos.catalogue import name_facts, parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication

STAMP = "cdr.00013221.0000000000000000.20251205.000518.RTSCEDpriceAdderNP6323_20251205_000515.csv"


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


def read(name: str, *lines: str) -> ParsedPublication:
    (payload,) = survey(name, "\n".join(lines).encode(), named=True).payloads
    return parse(payload)


def refused(name: str, *lines: str) -> UnreadablePublication:
    with pytest.raises(UnreadablePublication) as found:
        read(name, *lines)
    return found.value


def by(publication: ParsedPublication, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in publication.rows.to_pylist()]


def test_prices_of_buses_have_the_type_bus() -> None:
    """NP6-787 and the day-ahead twin, from the specification."""
    sced = read("x.csv", "SCEDTimestamp,RepeatedHourFlag,ElectricalBus,LMP", "11/03/2024 01:05:15,Y,0001,21.5")
    assert (sced.market, sced.feed) == ("RT5", "sced_bus_lmp")
    assert by(sced, "node", "node_type", "interval_start_utc") == [("0001", "bus", utc(2024, 11, 3, 7, 5, 15))]
    rows = [f"08/05/2025,{hour:02}:00,CADICKS_804V,{hour},N" for hour in range(1, 25)]
    dam = read("x.csv", "DeliveryDate,HourEnding,BusName,LMP,DSTFlag", *rows)
    assert (dam.market, dam.feed, dam.gaps.num_rows) == ("DA", "dam_bus_lmp", 0)
    assert by(dam, "node", "node_type", "lmp_usd_per_mwh")[0] == ("CADICKS_804V", "bus", 1.0)


QUARTERS = "DeliveryDate,DeliveryHour,DeliveryInterval,RepeatedHourFlag,ASType,MCPC"


def test_real_time_ancillary_prices() -> None:
    """NP6-331 (quarters) and NP6-332 (runs; before and after the price was split), from the specification."""
    quarters = read("x.csv", QUARTERS, "12/05/2025,1,1,N,REGUP,3.5", "12/05/2025,1,1,N,NSPIN,0.25")
    assert (quarters.dataset, quarters.market, quarters.feed) == ("ancillary", "RT15", "rtm_mcpc")
    assert by(quarters, "product", "area", "interval_start_utc", "price_usd_per_mw") == [
        ("REGUP", "", utc(2025, 12, 5, 6), 3.5),
        ("NSPIN", "", utc(2025, 12, 5, 6), 0.25),
    ]
    runs = read("x.csv", "SCEDTimestamp,RepeatedHourFlag,ASType,MCPC", "12/05/2025 00:05:15,N,RRS,1")
    split = read(
        "x.csv", "SCEDTimestamp,RepeatedHourFlag,ASType,CappedMCPC,UncappedMCPC", "12/05/2025 00:05:15,N,RRS,1,9"
    )
    assert (runs.market, runs.feed) == ("RT5", "sced_mcpc")
    assert by(runs, "product", "price_usd_per_mw") == by(split, "product", "price_usd_per_mw") == [("RRS", 1.0)]
    assert by(runs, "interval_end_utc") == [(utc(2025, 12, 5, 6, 10),)]
    error = refused("x.csv", QUARTERS, "12/05/2025,1,1,N,RRS,1", "12/05/2025,1,1,N,RRS,1")
    assert (error.line, error.column) == (3, "ASType")
    assert "lines 2 and 3" in error.reason


@pytest.mark.parametrize(("day", "hours"), [("03/09/2025", 23), ("11/02/2025", 25)])
def test_a_year_of_ancillary_prices_has_a_column_a_service(day: str, hours: int) -> None:
    """The yearly history, from the specification: ECRS, which came in 2023, is empty before."""
    ordinary = [(hour, "N") for hour in range(1, 25) if hours == 25 or hour != 3]
    rows = [*ordinary, (2, "Y")] if hours == 25 else ordinary
    lines = [f"{day},{hour:02}:00,{flag},4.69,1.95,{hour},0.97," for hour, flag in rows]
    found = read("x.csv", "Delivery Date,Hour Ending,Repeated Hour Flag,REGDN,REGUP ,RRS,NSPIN,ECRS", *lines)
    assert (found.market, found.feed, found.rows.num_rows) == ("DA", "dam_mcpc", 4 * hours)
    starts = {start for product, start in by(found, "product", "interval_start_utc") if product == "RRS"}
    assert len(starts) == hours
    assert max(starts) - min(starts) == timedelta(hours=hours - 1)


BEFORE = "SCEDTimestamp,RepeatedHourFlag,SystemLambda,PRC,RTORPA,RTOFFPA,RTOLCAP,RTOFFCAP,RTORDPA"
AFTER = "SCEDTimestamp,RepeatedHourFlag,SystemLambda,RTRDPA,RTRDPARUS,RTRDPARDS,RTRDPARRS,RTRDPAECRS,RTRDPANSS"


def test_adders_of_the_reserve_demand_curve_with_the_reserves_behind_them() -> None:
    """NP6-323 until RTC+B, from the specification."""
    found = read("x.csv", BEFORE, "12/04/2025 23:55:15,N,30.5,6266,1.5,0.5,18130,4940,0")
    assert (found.dataset, found.market, found.feed) == ("ordc", "RT5", "sced_price_adders")
    assert by(found, "adder", "price_usd_per_mwh", "reserve_mw") == [
        ("SYSTEM_LAMBDA", 30.5, 6266.0),
        ("RTORPA", 1.5, 18130.0),
        ("RTOFFPA", 0.5, 4940.0),
        ("RTORDPA", 0.0, None),
    ]


def test_from_rtc_b_on_adders_are_for_reliability_deployments() -> None:
    """NP6-323 since 2025-12-05, from the specification."""
    found = read(STAMP, AFTER, "12/05/2025 00:05:15,N,30.5,0.1,1,2,3,4,5")
    assert found.published_at == utc(2025, 12, 5, 6, 5, 18)
    assert by(found, "adder", "price_usd_per_mwh") == [
        ("SYSTEM_LAMBDA", 30.5), ("RTRDPA", 0.1), ("RTRDPARUS", 1.0), ("RTRDPARDS", 2.0), ("RTRDPARRS", 3.0),
        ("RTRDPAECRS", 4.0), ("RTRDPANSS", 5.0),
    ]  # fmt: skip


def test_an_adder_is_read_only_while_it_was_in_force() -> None:
    """The end is midnight of 2025-12-05 in Central time: zeros beyond are no prices, other numbers are refused."""
    last, first = "12/04/2025 23:59:59,N,30,0,7,0,0,0,0", "12/05/2025 00:00:00,N,31,0,{},0,0,0,0"
    found = read("x.csv", BEFORE, last, first.format("0"))
    starts = {row[1] for row in by(found, "adder", "interval_start_utc") if row[0] == "RTORPA"}
    assert starts == {utc(2025, 12, 5, 5, 59, 59)}
    assert len([row for row in by(found, "adder") if row == ("SYSTEM_LAMBDA",)]) == 2
    error = refused("x.csv", BEFORE, last, first.format("7"))
    assert (error.line, error.column) == (3, "RTORPA")
    assert "ended on 2025-12-05" in error.reason
    error = refused("x.csv", AFTER, "12/04/2025 23:55:15,N,30.5,0.1,0,0,0,0,0")
    assert (error.line, error.column) == (2, "RTRDPA")
    assert "began on 2025-12-05" in error.reason


def test_adders_by_quarter_and_the_system_lambda() -> None:
    """NP6-324 on both sides of RTC+B, and NP6-322, from the specification."""
    header = "DeliveryDate,DeliveryHour,DeliveryInterval,RTRSVPOR,RTRSVPOFF,RTRDP,DSTFlag"
    found = read("x.csv", header, "11/02/2025,2,4,0.31,0.1,0,Y")
    assert (found.market, found.feed) == ("RT15", "rtm_price_adders")
    assert by(found, "adder", "interval_start_utc")[0] == ("RTRSVPOR", utc(2025, 11, 2, 7, 45))
    header = "DeliveryDate,DeliveryHour,DeliveryInterval,RTRDPA,RTRDPRU,RTRDPRD,RTRDPRRS,RTRDPECRS,RTRDPNS,DSTFlag"
    found = read("x.csv", header, "12/05/2025,1,1,0,1,2,3,4,5,N")
    assert [name for (name,) in by(found, "adder")] == [
        "RTRDPA", "RTRDPRU", "RTRDPRD", "RTRDPRRS", "RTRDPECRS", "RTRDPNS"
    ]  # fmt: skip
    for header in ("SystemLambda", "CappedSystemLambda"):
        found = read("x.csv", f"SCEDTimeStamp,RepeatedHourFlag,{header}", "08/04/2025 20:55:11,N,33.25")
        assert (found.feed, by(found, "adder", "price_usd_per_mwh")) == (
            "sced_system_lambda",
            [("SYSTEM_LAMBDA", 33.25)],
        )


@pytest.mark.parametrize(
    ("feed", "header", "line"),
    [
        ("load_by_weather_zone",
         "OperDay,HourEnding,COAST,EAST,FAR_WEST,NORTH,NORTH_C,SOUTHERN,SOUTH_C,WEST,TOTAL,DSTFlag",
         "11/03/2024,02:00,1,2,3,4,5,6,7,8,36,Y"),
        ("load_by_zone", "OperDay,HourEnding,NORTH,SOUTH,WEST,HOUSTON,TOTAL,DSTFlag", "11/03/2024,02:00,1,2,3,4,36,Y"),
        ("system_demand", "DeliveryDate,TimeEnding,Demand,DSTFlag", "11/03/2024,01:15,36,Y"),
    ],
)  # fmt: skip
def test_load(feed: str, header: str, line: str) -> None:
    """NP6-345, NP6-346 and NP6-235, from the specification."""
    found = read("x.csv", header, line)
    assert found.feed == feed
    rows = {area: (start, value, issued) for area, start, value, issued in
            by(found, "area", "interval_start_utc", "value", "issued_at")}  # fmt: skip
    assert rows[""] == (utc(2024, 11, 3, 7), 36.0, None)
    if feed == "load_by_weather_zone":
        assert rows["FAR_WEST"][1] == 3.0
    assert set(by(found, "series", "unit")) == {("load", "MW")}


def test_the_end_of_a_quarter_is_checked() -> None:
    header = "DeliveryDate,TimeEnding,Demand,DSTFlag"
    for time in ("00:01", "01:10", "24:15", "noon"):
        error = refused("x.csv", header, f"06/12/2024,{time},36,N")
        assert (error.line, error.column) == (2, "TimeEnding")
    found = read("x.csv", header, "06/12/2024,24:00,36,N")
    assert by(found, "interval_end_utc") == [(utc(2024, 6, 13, 5),)]


def test_load_forecasts_are_told_by_their_model() -> None:
    """NP3-565, from the specification."""
    zones = ["Coast", "East", "FarWest", "North", "NorthCentral", "SouthCentral", "Southern", "West"]
    header = f"DeliveryDate,HourEnding,{','.join(zones)},SystemTotal,Model,InUseFlag,DSTFlag"
    rows = ["06/12/2024,1:00,1,2,3,4,5,6,7,8,36,E,N,N", "06/12/2024,1:00,2,3,4,5,6,7,8,9,44,M,Y,N"]
    found = read("x.csv", header, *rows)
    assert found.feed == "load_forecast_by_weather_zone_by_model"
    assert {row[:2]: row[2] for row in by(found, "area", "category", "value")} == {
        **{(zone, "E"): number for number, zone in enumerate(zones, start=1)}, ("", "E"): 36,
        **{(zone, "M"): number for number, zone in enumerate(zones, start=2)}, ("", "M"): 44,
    }  # fmt: skip
    twice = refused("x.csv", header, rows[0], rows[1].replace("M", "E"))
    assert "lines 2 and 3" in twice.reason


def test_what_resources_did_is_read_without_their_offers() -> None:
    """60d_SCED_Gen_Resource_Data and 60d_DAM_Gen_Resource_Data, from the specification."""
    header = (
        '"SCED Time Stamp","Repeated Hour Flag","QSE","DME","Resource Name","Resource Type","SCED1 Curve-MW1",'
        '"SCED1 Curve-Price1","HSL","Telemetered Resource Status","Base Point","Telemetered Net Output",'
        '"Ancillary Service REGUP","State of Charge","Bid_Type"'
    )
    row = (
        '"06/04/2025 00:00:25","N","QSUE66","Y7VSOL","7RNCHSLR_UNIT1","PVGR","0","-250","139.2","ON","0","","1","7","X"'
    )
    found = read("60d_SCED_Gen_Resource_Data-03-AUG-25.csv", header, row)
    assert (found.dataset, found.market, found.feed) == ("disclosures", "RT5", "sced_disclosure")
    assert by(found, "resource", "resource_type", "quantity", "unit", "value") == [
        ("7RNCHSLR_UNIT1", "PVGR", "HSL", "MW", 139.2),
        ("7RNCHSLR_UNIT1", "PVGR", "Base Point", "MW", 0.0),
        ("7RNCHSLR_UNIT1", "PVGR", "Ancillary Service REGUP", "MW", 1.0),
        ("7RNCHSLR_UNIT1", "PVGR", "State of Charge", "MWh", 7.0),
    ]
    error = refused("x.csv", header, row, row)
    assert (error.line, error.column) == (3, "Resource Name")

    header = (
        "Delivery Date,Hour Ending,QSE,DME,Resource Name,Resource Type,QSE submitted Curve-MW1,HSL,Resource Status,"
    )
    header += "Awarded Quantity,Settlement Point Name,Energy Settlement Point Price,RegUp Awarded,RegUp MCPC"
    found = read("x.csv", header, "12/23/2024,1,QSUE66,Y7VSOL,UNIT1,PWRSTR,5,10,ON,-50,NODE,14,3,2.5")
    assert (found.market, found.feed) == ("DA", "dam_disclosure")
    assert by(found, "quantity", "unit", "value") == [
        ("HSL", "MW", 10.0), ("Awarded Quantity", "MW", -50.0), ("Energy Settlement Point Price", "USD/MWh", 14.0),
        ("RegUp Awarded", "MW", 3.0), ("RegUp MCPC", "USD/MW", 2.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stamp", "number", "start"),
    [
        ("06/04/2025 00:14:59", 1, utc(2025, 6, 4, 5)),
        ("06/04/2025 23:59:59", 96, utc(2025, 6, 5, 4, 45)),
        ("03/09/2025 03:14:59", 9, utc(2025, 3, 9, 8)),
        ("11/02/2025 01:14:59", 5, utc(2025, 11, 2, 6)),
        ("11/02/2025 01:14:59", 9, utc(2025, 11, 2, 7)),
        ("11/02/2025 23:59:59", 100, utc(2025, 11, 3, 5, 45)),
    ],
)
def test_metered_energy_is_told_by_the_number_of_its_quarter(stamp: str, number: int, start: datetime) -> None:
    """60d_SCED_SMNE_GEN_RES, from the specification: the number tells the passes of the repeated hour apart."""
    header = '"Interval Time","Interval Number","Resource Code","Interval Value"'
    found = read("x.csv", header, f'"{stamp}","{number}","UNIT1","12.5"')
    assert by(found, "quantity", "unit", "interval_start_utc") == [("Settlement Metered Net Energy", "MWh", start)]
    error = refused("x.csv", header, f'"{stamp}","{number + 1}","UNIT1","12.5"')
    assert (error.line, error.column) == (2, "Interval Number")


def test_the_map_of_settlement_points_needs_its_name() -> None:
    header = "ELECTRICAL_BUS,NODE_NAME,PSSE_BUS_NAME,VOLTAGE_LEVEL,SUBSTATION,SETTLEMENT_LOAD_ZONE,RESOURCE_NODE,"
    header += "HUB_BUS_NAME,HUB,PSSE_BUS_NUMBER"
    row = "0014_EB,0014,DOWG,14.4,DOWGEN,LZ_HOUSTON,DOW_G67,,,110123"
    name = "Settlement_Points_11112024_174625.csv"
    (payload,) = survey(name, f"{header}\n{row}\n".encode(), named=True).payloads
    assert name_facts(payload) == {"date": "2024-11-11"}
    assert by(parse(payload), "node", "node_type", "area") == [
        ("0014_EB", "bus", "LZ_HOUSTON"), ("DOW_G67", "RN", "LZ_HOUSTON"), ("LZ_HOUSTON", "LZ", ""),
    ]  # fmt: skip
    assert "only ERCOT's file name" in refused("map.csv", header, row).reason
    assert "the bus is there twice" in refused(name, header, row, row).reason


def supply(**changes: Any) -> dict[str, Any]:
    entry = {"timestamp": "2025-11-02 01:05:00-0600", "demand": 40000.0, "capacity": 50000.0, "forecast": 0} | changes
    return {"lastUpdated": "2025-11-02 01:06:00-0600", "data": [entry]}


def test_load_and_capacity_of_the_dashboard() -> None:
    """`supply-demand.json`, from the specification; the offset tells the passes of the repeated hour apart."""
    found = read("supply-demand.json", json.dumps(supply()))
    assert by(found, "series", "interval_start_utc", "value") == [
        ("load", utc(2025, 11, 2, 7, 5), 40000.0),
        ("committed_capacity", utc(2025, 11, 2, 7, 5), 50000.0),
    ]
    found = read("supply-demand.json", json.dumps(supply(forecast=1, timestamp="2025-11-02 01:05:00-0500")))
    assert by(found, "series", "interval_start_utc")[0] == ("load_forecast", utc(2025, 11, 2, 6, 5))
    assert "is no stamp" in refused("x.json", json.dumps(supply(timestamp="01:05"))).reason
    assert "is no power" in refused("x.json", json.dumps(supply(demand="much"))).reason
    assert "is not that of" in refused("x.json", json.dumps(supply(epoch=1))).reason


@pytest.mark.parametrize("kind", ["0", "no", None, 2, []])
def test_an_entry_is_forecast_or_not(kind: Any) -> None:
    assert "neither 0 nor 1" in refused("x.json", json.dumps(supply(forecast=kind))).reason


@pytest.mark.parametrize("stamp", ["9999-12-31 23:59:59-0600", "0001-01-01 00:00:00+2300", "1989-12-31 00:00:00-0600"])
def test_a_stamp_of_a_dashboard_lies_in_years_that_can_be(stamp: str) -> None:
    assert "of 1990 to 2099" in refused("x.json", json.dumps(supply(timestamp=stamp))).reason
    assert "of 1990 to 2099" in refused("x.json", json.dumps(supply() | {"lastUpdated": stamp})).reason


@pytest.mark.parametrize("entries", [[None], [1], [[{}]], [True], []])
def test_other_json_with_a_stamp_of_its_update_is_none_of_the_dashboards(entries: list[Any]) -> None:
    assert not survey("x.json", json.dumps(supply() | {"data": entries}).encode(), named=False).payloads
