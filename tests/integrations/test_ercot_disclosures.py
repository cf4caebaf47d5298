"""ERCOT's disclosures whose columns have changed, and the day-ahead one of autumn's long day."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime

import pytest

from integrations.isos.catalogue import survey
from tests.integrations.samples import read, refusal, text

DISPATCH = (
    "SCED Time Stamp,Repeated Hour Flag,QSE,Resource Name,Resource Type,HSL,Telemetered Resource Status,Base Point,"
    "Telemetered Net Output"
)
RUN = "06/04/2025 00:00:25,N,QA,UNIT1,PVGR,100,ON,50,49.5"
DAY_AHEAD = (
    "Delivery Date,Hour Ending,QSE,Resource Name,Resource Type,HSL,Resource Status,Awarded Quantity,"
    "Settlement Point Name,Energy Settlement Point Price"
)
HOUR = "06/04/2025,1,QA,UNIT1,PVGR,100,ON,50,NODE,20"
METERED = "Interval Time,Interval Number,Resource Code,Interval Value"


@pytest.mark.parametrize(
    ("header", "row", "was", "now"),
    [
        (DISPATCH, RUN, "SCED Time Stamp", "Run Time"),
        (DISPATCH, RUN, "Resource Name", "Unit"),
        (DAY_AHEAD, HOUR, "Delivery Date", "Day"),
        (DAY_AHEAD, HOUR, "Resource Name", "Unit"),
        (DAY_AHEAD, HOUR, "Hour Ending", "Hour"),
        *((DISPATCH, RUN, was, "Foo") for was in ("HSL", "Base Point")),
        *((DAY_AHEAD, HOUR, was, "Foo") for was in ("HSL", "Awarded Quantity", "Energy Settlement Point Price")),
        (METERED, "06/04/2025 00:14:59,1,UNIT1,12.5", "Interval Time", "Quarter"),
        (METERED, "06/04/2025 00:14:59,1,UNIT1,12.5", "Resource Code", "Unit"),
    ],
)
def test_a_renamed_column_is_named_and_the_file_quarantined(header: str, row: str, was: str, now: str) -> None:
    assert read("x.csv", text(header, row)).rows.num_rows
    content = text(header.replace(was, now), row)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("member.csv", content)
    found = survey("60_Day_Disclosure.zip", archive.getvalue(), named=False)
    assert not found.skipped
    error = refusal("member.csv", content)
    assert (error.column or "").replace("HourEnding", "Hour Ending") == was
    assert "the column is missing" in error.reason


@pytest.mark.parametrize("hour", ["25", "25:00"])
def test_the_25th_hour_is_refused_with_what_to_do(hour: str) -> None:
    rows = [f"11/03/2024,{each},QA,UNIT1,PVGR,100,ON,50,NODE,20" for each in (1, hour)]
    error = refusal("60d_DAM_Gen_Resource_Data-02-JAN-25.csv", text(DAY_AHEAD, *rows))
    assert (error.line, error.column) == (3, "Hour Ending")
    assert "the last of 25 in order, or the repeated one" in error.reason
    assert "in a column DSTFlag" in error.reason


def test_the_repeated_hour_is_read_once_a_flag_tells_it() -> None:
    rows = [f"11/03/2024,{hour},QA,UNIT1,PVGR,100,ON,50,NODE,20" for hour in (1, 2, 2, 3)]
    error = refusal("x.csv", text(DAY_AHEAD, *rows))
    assert error.line == 3
    assert "in a column DSTFlag" in error.reason
    flagged = [f"{row},{flag}" for row, flag in zip(rows, "NNYN", strict=True)]
    found = read("x.csv", text(f"{DAY_AHEAD},DSTFlag", *flagged))
    hours = sorted({row["interval_start_utc"] for row in found.rows.to_pylist()})
    assert hours == [datetime(2024, 11, 3, hour, tzinfo=UTC) for hour in (5, 6, 7, 8)]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("deliveryDate,hourEnding,QSEName,resourceName,resourceType,HSL,LSL,resourceStatus,awardedQuantity,"
         "settlementPointName,energySettlementPointPrice,REGUPAwarded", "awardedQuantity"),
        ("SCEDTimestamp,repeatedHourFlag,QSE,resourceName,resourceType,HSL,telemeteredResourceStatus,basePoint,"
         "telemeteredNetOutput", "basePoint"),
        ("SCEDTimeStamp,ResourceName,TelemeteredNetOutput", "TelemeteredNetOutput"),
    ],
)  # fmt: skip
def test_quantities_that_are_spelt_otherwise_are_not_left_out(header: str, column: str) -> None:
    error = refusal("x.csv", text(header, ",".join("1" for _ in header.split(","))))
    assert error.column == column
    assert "give ERCOT's own file" in error.reason
