"""ERCOT's reports as they looked in other years: each file is written by hand in a layout that was published."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.integrations.samples import Row, read, refusal, text


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


def rows(*lines: str) -> list[Row]:
    found: list[Row] = read("x.csv", text(*lines)).rows.to_pylist()
    return found


def test_lmps_of_buses_since_the_price_was_split() -> None:
    content = text(
        "SCEDTimestamp,RepeatedHourFlag,ElectricalBus,CappedLMP,UncappedLMP",
        "03/02/2026 07:00:12,N,0001,5000,5250.75",
        "03/02/2026 07:00:12,N,0002,-3.5,-3.5",
    )
    prices = read("x.csv", content)
    assert (prices.feed, prices.market) == ("sced_bus_lmp", "RT5")
    assert [(row["node"], row["node_type"], row["lmp_usd_per_mwh"]) for row in prices.rows.to_pylist()] == [
        ("0001", "bus", 5000.0),
        ("0002", "bus", -3.5),
    ]
    both = content.replace(b"UncappedLMP", b"LMP")
    assert "two columns for one value" in refusal("x.csv", both).reason


def test_a_quarter_that_ends_at_midnight_is_of_the_day_before() -> None:
    found = rows("DeliveryDate,TimeEnding,Demand,DSTFlag", "06/12/2024,00:00,41000.5,N", "06/12/2024,00:15,40900,N")
    assert [(row["interval_start_utc"], row["value"]) for row in found] == [
        (utc(2024, 6, 12, 4, 45), 41000.5),
        (utc(2024, 6, 12, 5), 40900.0),
    ]


WIND_2014 = "HOUR_ENDING,ACTUAL_SYSTEM_WIDE,COP_HSL_SYSTEM_WIDE,STWPF_SYSTEM_WIDE,WGRPP_SYSTEM_WIDE"


def test_wind_and_solar_with_day_and_hour_in_one_cell() -> None:
    header = f"{WIND_2014},ACTUAL_SOUTH_HOUSTON,ACTUAL_WEST_NORTH,DSTFlag"
    wind = read("x.csv", text(header, "04/30/2014 00:00,100,110,120,90,40,60,N", "04/30/2014 01:00,101,,,,,,N"))
    assert wind.feed == "wind_power"
    assert [
        (row["series"], row["area"], row["category"], row["interval_start_utc"], row["value"])
        for row in wind.rows.to_pylist()
    ] == [
        ("wind", "", "", utc(2014, 4, 30, 4), 100.0),
        ("wind", "", "", utc(2014, 4, 30, 5), 101.0),
        ("wind_forecast", "", "COP_HSL", utc(2014, 4, 30, 4), 110.0),
        ("wind_forecast", "", "STWPF", utc(2014, 4, 30, 4), 120.0),
        ("wind_forecast", "", "WGRPP", utc(2014, 4, 30, 4), 90.0),
        ("wind", "SOUTH_HOUSTON", "", utc(2014, 4, 30, 4), 40.0),
        ("wind", "WEST_NORTH", "", utc(2014, 4, 30, 4), 60.0),
    ]
    solar = read("x.csv", text("HOUR_ENDING,ACTUAL_SYSTEM_WIDE,STPPF_SYSTEM_WIDE,DSTFlag", "02/08/2016 13:00,7,8,N"))
    assert (solar.feed, solar.rows["interval_start_utc"][0].as_py()) == ("solar_power", utc(2016, 2, 8, 18))


def test_the_repeated_hour_of_such_a_cell_is_told_by_its_flag() -> None:
    lines = [f"11/02/2014 {hour:02}:00,{hour},,,,{flag}" for hour, flag in [(1, "N"), (2, "N"), (2, "Y"), (3, "N")]]
    found = rows(f"{WIND_2014},DSTFlag", *lines)
    assert [row["interval_start_utc"].hour for row in found] == [5, 6, 7, 8]
    assert {row["interval_end_utc"] - row["interval_start_utc"] for row in found} == {
        utc(2014, 1, 1, 1) - utc(2014, 1, 1)
    }


@pytest.mark.parametrize("stamp", ["04/30/2014 00:30", "04/30/2014", "01:00", "03/09/2014 03:00"])
def test_such_a_cell_must_be_the_end_of_an_hour(stamp: str) -> None:
    error = refusal("x.csv", text(f"{WIND_2014},DSTFlag", f"{stamp},1,2,3,4,N"))
    assert (error.line, error.column) == (2, "HOUR_ENDING")


def test_what_was_arranged_by_market_participants_themselves() -> None:
    found = rows(
        '"Delivery Date","Hour Ending","QSE","Total Self-Arranged AS RegUp","Total Self-Arranged AS RRS for CLR"',
        '"03/02/2014","1","QABC","20.1",""',
        '"03/02/2014","2","QABC","","7"',
    )
    assert [(row["resource"], row["resource_type"], row["quantity"], row["unit"], row["value"]) for row in found] == [
        ("QABC", "QSE", "Total Self-Arranged AS RegUp", "MW", 20.1),
        ("QABC", "QSE", "Total Self-Arranged AS RRS for CLR", "MW", 7.0),
    ]
    found = rows("SCED Time Stamp,Repeated Hour Flag,QSE,REGUP,RRSGN,RRSLD,RRSNC", "03/02/2014 02:15:09,N,QABC,1,2,3,4")
    assert [(row["quantity"], row["value"]) for row in found] == [
        ("REGUP", 1.0), ("RRSGN", 2.0), ("RRSLD", 3.0), ("RRSNC", 4.0),
    ]  # fmt: skip


def test_ramp_rates_of_resources() -> None:
    header = "SCED Time Stamp,Repeated Hour Flag,QSE,DME,Resource Name,Resource Type,HSL,Ramp Rate Up,Ramp Rate Down"
    found = rows(header, "07/08/2026 00:00:21,N,QABC,YDEF,UNIT1,PVGR,50,2.5,3")
    assert [(row["resource"], row["quantity"], row["unit"], row["value"]) for row in found] == [
        ("UNIT1", "HSL", "MW", 50.0),
        ("UNIT1", "Ramp Rate Up", "MW/min", 2.5),
        ("UNIT1", "Ramp Rate Down", "MW/min", 3.0),
    ]


DISPATCH = (
    "SCEDTimeStamp,RepeatedHourFlag,ConstraintID,ConstraintName,ContingencyName,ShadowPrice,MaxShadowPrice,Limit,Value,"
    "ViolatedMW,FromStation,ToStation,FromStationkV,ToStationkV,CCTStatus"
)


def test_shadow_prices_of_the_dispatch_and_of_the_day_ahead_market() -> None:
    runs = read(
        "x.csv",
        text(
            DISPATCH,
            "03/02/2026 07:00:12,N,1,ABC_DEF_1,SXYZ5,14.5,3500,389.2,389.2,0,ABC,DEF,138,138,NONCOMP",
            "03/02/2026 07:00:12,N,2,N_TO_H,BASE CASE,0,5251,5468,5067.1,-401,,,0,0,COMP",
        ),
    )
    assert (runs.dataset, runs.feed, runs.market) == ("constraints", "sced_shadow_prices", "RT5")
    assert [tuple(row.values()) for row in runs.rows.to_pylist()] == [
        ("ABC_DEF_1", "SXYZ5", utc(2026, 3, 2, 13, 0, 12), utc(2026, 3, 2, 13, 5), 14.5, 389.2, 389.2, 0),
        ("N_TO_H", "BASE CASE", utc(2026, 3, 2, 13, 0, 12), utc(2026, 3, 2, 13, 5), 0.0, 5468.0, 5067.1, 0),
    ]
    header = (
        "DeliveryDate,HourEnding,ConstraintID,ConstraintName,ContingencyName,ConstraintLimit,ConstraintValue,"
        "ViolationAmount,ShadowPrice,FromStation,ToStation,FromStationkV,ToStationkV,DeliveryTime,DSTFlag"
    )
    line = "11/03/2024,02:00,4, ABC_DEF_1, SXYZ5, 38, 37.5, 0, 13.25, ABC, DEF, 69, 69, 11/03/2024 01:00:00,Y"
    hours = read("x.csv", text(header, line))
    assert (hours.feed, hours.market) == ("dam_shadow_prices", "DA")
    assert [tuple(row.values()) for row in hours.rows.to_pylist()] == [
        ("ABC_DEF_1", "SXYZ5", utc(2024, 11, 3, 7), utc(2024, 11, 3, 8), 13.25, 38.0, 37.5, 0)
    ]


def test_constraints_of_one_name_are_told_apart_by_their_number() -> None:
    lines = [f"03/02/2026 07:00:12,N,{number},ABC,BASE CASE,{number},3500,9,9,0,,,0,0,COMP" for number in (3, 8)]
    other = "03/02/2026 07:05:12,N,3,ABC,BASE CASE,5,3500,9,9,0,,,0,0,COMP"
    found = rows(DISPATCH, *lines, other)
    assert [row["constraint_name"] for row in found] == ["ABC (3)", "ABC (8)", "ABC"]
    assert "lines 2 and 3" in refusal("x.csv", text(DISPATCH, lines[0], lines[0])).reason
