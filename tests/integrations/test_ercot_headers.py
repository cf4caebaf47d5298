"""A report whose header has changed is quarantined with the column named, and not skipped as another report."""

from __future__ import annotations

import pytest

from integrations.isos.catalogue import survey
from tests.integrations.samples import refusal, text

FORECAST = "DeliveryDate,HourEnding,North,South,West,Houston,SystemTotal,DSTFlag"
MEASURED = "OperDay,HourEnding,NORTH,SOUTH,WEST,HOUSTON,TOTAL,DSTFlag"
BY_MODEL = (
    "DeliveryDate,HourEnding,Coast,East,FarWest,North,NorthCentral,SouthCentral,Southern,West,SystemTotal,Model,"
    "InUseFlag,DSTFlag"
)
WIND = "DELIVERY_DATE,HOUR_ENDING,SYSTEM_WIDE_GEN,STWPF_SYSTEM_WIDE,GEN_LZ_WEST,DSTFlag"
DEMAND = "DeliveryDate,TimeEnding,Demand,DSTFlag"
PRICES = "DeliveryDate,HourEnding,AncillaryType,MCPC,DSTFlag"
HISTORY = "Delivery Date,Hour Ending,Repeated Hour Flag,REGDN,REGUP,RRS,NSPIN,ECRS"
ADDERS = "SCEDTimestamp,RepeatedHourFlag,BatchID,SystemLambda,PRC,RTORPA,RTOFFPA,RTOLCAP,RTOFFCAP,RTORDPA"
CONSTRAINTS = "SCEDTimeStamp,RepeatedHourFlag,ConstraintID,ConstraintName,ContingencyName,ShadowPrice,MaxShadowPrice"
METERED = "Interval Time,Interval Number,Resource Code,Interval Value"
BUSES = "DeliveryDate,HourEnding,BusName,LMP,DSTFlag"


@pytest.mark.parametrize(
    ("header", "column", "named"),
    [
        *((FORECAST, column, column) for column in ("DeliveryDate", "HourEnding", "North", "Houston")),
        *((MEASURED, column, column) for column in ("OperDay", "HourEnding", "WEST", "TOTAL")),
        *((BY_MODEL, column, column) for column in ("DeliveryDate", "FarWest", "SystemTotal", "Model")),
        (WIND, "HOUR_ENDING", "HourEnding"),
        *((DEMAND, column, column) for column in ("DeliveryDate", "TimeEnding")),
        (PRICES, "AncillaryType", "AncillaryType"),
        (PRICES, "HourEnding", "HourEnding"),
        *((HISTORY, column, column) for column in ("REGUP", "NSPIN")),
        (HISTORY, "Hour Ending", "HourEnding"),
        *((ADDERS, column, column) for column in ("SCEDTimestamp", "RTORPA", "RTOFFPA", "RTOLCAP")),
        *((CONSTRAINTS, column, column) for column in ("ConstraintName", "ShadowPrice")),
        (BUSES, "BusName", "BusName"),
    ],
)
def test_a_missing_column_is_named(header: str, column: str, named: str) -> None:
    columns = [each for each in header.split(",") if each != column]
    error = refusal("x.csv", text(",".join(columns), ",".join("1" for _ in columns)))
    assert error.column == named
    assert "the column is missing" in error.reason


@pytest.mark.parametrize(
    ("header", "column"),
    [(FORECAST, "North"), (MEASURED, "WEST"), (WIND, "GEN_LZ_WEST"), (HISTORY, "ECRS"), (BY_MODEL, "FarWest")],
)
def test_a_column_of_another_name_is_not_lost(header: str, column: str) -> None:
    error = refusal("x.csv", text(header.replace(column, "Foo"), ",".join("1" for _ in header.split(","))))
    assert error.column == "Foo"
    assert "the report has no such column: keep the operator's header" in error.reason


@pytest.mark.parametrize(
    ("header", "twice"),
    [
        (FORECAST, "South"),
        (FORECAST, "SystemTotal"),
        (MEASURED, "SystemTotal"),
        (WIND, "GEN_SYSTEM_WIDE"),
        (WIND, "genLoadZoneWest"),
        (WIND, "STWPF_SYSTEM_WIDE"),
        ("SCED Time Stamp,Repeated Hour Flag,Resource Name,HSL,Base Point", "HSL"),
    ],
)
def test_two_columns_of_one_value_are_refused(header: str, twice: str) -> None:
    content = text(f"{header},{twice}", ",".join("1" for _ in header.split(",")) + ",1")
    assert "two columns for one value" in refusal("x.csv", content).reason


def test_without_a_column_of_days_an_hour_is_none() -> None:
    error = refusal("x.csv", text(WIND.removeprefix("DELIVERY_DATE,"), "1,2,3,4,N"))
    assert (error.line, error.column) == (2, "HOUR_ENDING")
    assert "keep the operator's DeliveryDate" in error.reason


@pytest.mark.parametrize(
    "header",
    [
        "DeliveryDate,HourEnding,AncillaryType,Quantity,DSTFlag",
        "DeliveryDate,HourEnding,SystemLambda,DSTFlag",
        "DeliveryDate,HourEnding,Coast,East,FarWest,North,NorthCentral,SouthCentral,Southern,West,DSTFlag",
        "IntervalEnding,Coast,East,FarWest,North,NorthCentral,SouthCentral,Southern,West,SystemTotal,Model,DSTFlag",
    ],
)
def test_other_reports_of_the_like_columns_are_skipped_unless_they_are_named_as_one(header: str) -> None:
    """The plan of ancillary services, the day-ahead lambda, the weather and the load of the next minutes."""
    content = text(header, ",".join("1" for _ in header.split(",")))
    assert not survey("x.csv", content, named=False).payloads
    name = "cdr.00012329.0000000000000000.20240612.123000.DAMCPCNP4188.csv"
    assert "named as a report that is read, but has no such header" in refusal(name, content).reason


@pytest.mark.parametrize("digit", ["²", "１", "٣"])
@pytest.mark.parametrize(
    ("header", "row", "column"),
    [
        (DEMAND, "06/12/2024,1:{},5,N", "TimeEnding"),
        (DEMAND, "06/12/202{},00:15,5,N", "DeliveryDate"),
        (WIND, "06/12/2024,{},2,3,4,N", "HOUR_ENDING"),
        (
            "Interval Time,Interval Number,Resource Code,Interval Value",
            "06/12/2024 00:14:59,{},U1,2",
            "Interval Number",
        ),
        ("SCEDTimestamp,SettlementPoint,LMP", "06/12/2024 00:0{}:15,HB,2", "SCEDTimestamp"),
    ],
)
def test_digits_of_other_scripts_tell_no_time(header: str, row: str, column: str, digit: str) -> None:
    error = refusal("x.csv", text(header, row.format(digit)))
    assert (error.line, error.column) == (2, column)
    assert "could not be read" not in error.reason


@pytest.mark.parametrize(
    "header",
    [
        "Year,North,South,West,Total",
        "Delivery Date,Hour Ending,LMP",
        "Site,Resource Type,SOC,HSL",
        "Time,Base Point,HSL,HSL",
        "Interval,GMTIntervalEnd,Constraint Name,Constraint Type,NERCID,Shadow Price,Contingent Facility",
        "Interval,GMTIntervalEnd,Reserve Zone,RegUP,RegDN,Spin,Supp",
        "Model,Region,Demand,Forecast",
    ],
)
def test_tables_of_others_are_none_of_ercots(header: str) -> None:
    assert not survey("x.csv", text(header, ",".join("1" for _ in header.split(","))), named=False).payloads
