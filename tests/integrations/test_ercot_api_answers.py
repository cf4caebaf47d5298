"""Answers of ERCOT's public API: what is let in, and how its faults are told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.isos.catalogue import survey
from tests.integrations.samples import read, refusal, text

FIELDS = ["deliveryDate", "hourEnding", "settlementPoint", "settlementPointPrice", "DSTFlag"]
ROW = ["2024-06-12", "01:00", "HB_NORTH", 20.5, False]


def answer(names: list[str], rows: Any, **meta: Any) -> bytes:
    return json.dumps({"_meta": meta, "fields": [{"name": name} for name in names], "data": rows}).encode()


@pytest.mark.parametrize(
    "names",
    [
        ["QSEName", "deliveryDate", "hourEnding", "regUp", "regDown"],
        ["QSEName", "resourceName", "deliveryDate", "hourEnding", "ancillaryType", "MCPC"],
        ["intervalTime", "intervalNumber", "resourceCode", "intervalValue"],
        ["SCEDTimestamp", "resourceCode", "rtOnLine", "systemLambda"],
        ["postedDatetime", "deliveryDate", "hourEnding", "valley", "model", "DSTFlag"],
    ],
)
def test_another_report_is_skipped(names: list[str]) -> None:
    found = survey("answer", answer(names, [["2024-06-12", "1", "1", "1", "1", "1"][: len(names)]]), named=False)
    assert not found.payloads
    assert "to another question" in found.skipped[0].reason


@pytest.mark.parametrize(
    ("names", "column"),
    [
        (["QSEName", "deliveryDate", "hourEnding", "ancillaryType", "MCPC"], "QSEName"),
        (["deliveryDate", "timeEnding", "demand", "forecast", "DSTFlag"], "forecast"),
        (["operDay", "hourEnding", "coast", "east", "total"], "operDay"),
        (["deliveryDate", "hour", "settlementPoint", "settlementPointPrice", "DSTFlag"], "hour"),
        (["SCEDTime", "repeatedHourFlag", "settlementPoint", "LMP", "deliveryDate"], "SCEDTime"),
        (["deliveryDate", "timeEnding", "demand"], None),
    ],
)
def test_a_report_whose_fields_have_changed_is_quarantined(names: list[str], column: str | None) -> None:
    error = refusal("answer", answer(names, [["2024-06-12", "1", "1", "1", "1"][: len(names)]]))
    assert error.column == column
    assert "the report" in error.reason


ZONES = ["coast", "east", "farWest", "north", "northC", "southern", "southC", "west", "total"]


def test_measured_load_is_let_in_under_the_names_of_its_csv() -> None:
    row = ["2024-11-03", "02:00", *range(1, 9), 36, True]
    load = read("answer", answer(["operatingDay", "hourEnding", *ZONES, "DSTFlag"], [row]))
    assert (load.feed, load.dataset) == ("load_by_weather_zone", "fundamentals")
    assert [row["area"] for row in load.rows.to_pylist()] == [
        "COAST", "EAST", "FAR_WEST", "NORTH", "NORTH_C", "SOUTHERN", "SOUTH_C", "WEST", "",
    ]  # fmt: skip
    assert load.rows["interval_start_utc"][0].as_py() == datetime(2024, 11, 3, 7, tzinfo=UTC)
    demand = read(
        "answer", answer(["deliveryDate", "timeEnding", "demand", "DSTFlag"], [["2024-06-12", "00:00", 5, False]])
    )
    assert (demand.feed, demand.rows["value"].to_pylist()) == ("system_demand", [5.0])


def test_of_capped_and_uncapped_numbers_the_capped_are_read() -> None:
    stamp = ["SCEDTimestamp", "repeatedHourFlag"]
    prices = read(
        "answer",
        answer(
            [*stamp, "electricalBus", "cappedLMP", "uncappedLMP"], [["2026-03-02T07:00:12", False, "B1", 5000, 5250]]
        ),
    )
    assert (prices.feed, prices.rows["lmp_usd_per_mwh"].to_pylist()) == ("sced_bus_lmp", [5000.0])
    system = read(
        "answer",
        answer([*stamp, "cappedSystemLambda", "uncappedSystemLambda"], [["2026-03-02T07:00:12", False, 21, 22]]),
    )
    assert (system.feed, system.rows["price_usd_per_mwh"].to_pylist()) == ("sced_system_lambda", [21.0])


def test_constraints_are_let_in() -> None:
    names = (
        "SCEDTimestamp repeatedHourFlag constraintID constraintName contingencyName shadowPrice limit value CCTStatus"
    )
    row = ["2026-03-02T07:00:12", False, 2, "ABC_1", "BASE CASE", 1.5, 171.5, 99, "NONCOMP"]
    found = read("answer", answer(names.split(), [row]))
    assert (found.feed, found.rows["limit_mw"].to_pylist()) == ("sced_shadow_prices", [171.5])


def test_adders_and_the_system_lambda_are_let_in() -> None:
    times = ["SCEDTimestamp", "repeatHourFlag", "batchId"]
    names = [*times, "systemLambda", "PRC", "RTORPA", "RTOFFPA", "RTOLCAP", "RTOFFCAP", "RTOLHSL"]
    row = ["2024-06-12T07:00:12", False, 0, 25.5, 5000, 0.5, 0.25, 6000, 3000, 7000]
    assert read("answer", answer(names, [row])).feed == "sced_price_adders"


def test_forecasts_without_a_kind_are_refused() -> None:
    content = text("DeliveryDate,HourEnding,STWPFX,DSTFlag", "06/12/2024,01:00,1,N")
    error = refusal("x.csv", content)
    assert (error.column, "the report has no such column" in error.reason) == ("STWPFX", True)


@pytest.mark.parametrize("data", [[], None, [{"id": 1}]])
def test_other_json_with_fields_and_data_is_skipped(data: Any) -> None:
    assert not survey("x.json", answer(["id"], data), named=False).payloads
    assert "no list of rows" in refusal("x.json", answer(FIELDS, None)).reason


def test_rows_are_told_by_their_number() -> None:
    error = refusal("answer", answer(FIELDS, [ROW, ["2024-06-12", "01:00", "LZ_WEST", 1, False], ROW]))
    assert "row 3 of data" in error.reason
    assert "rows 1 and 3" in error.reason
    error = refusal("answer", answer(["deliveryDate", *FIELDS[2:]], [["2024-06-12", *ROW[2:]]]))
    assert error.line is None
    assert "column HourEnding: fields: the column is missing" in error.reason
    error = refusal("answer", answer([*FIELDS[:3], "DSTFlag"], [[*ROW[:3], False]]))
    assert "column SettlementPointPrice: fields: the column is missing" in error.reason


@pytest.mark.parametrize("cell", [None, "", " "])
def test_an_empty_row_is_refused(cell: str | None) -> None:
    assert "row 2 of data is empty" in refusal("answer", answer(FIELDS, [ROW, [cell] * 5])).reason


def test_only_several_pages_have_no_gaps() -> None:
    for pages, gaps in ((None, 23), (1, 23), ("2", 23), (True, 23), (2, 0)):
        assert read("answer", answer(FIELDS, [ROW], totalPages=pages)).gaps.num_rows == gaps


def test_a_lone_surrogate_in_a_name_is_no_defect() -> None:
    assert "no such field" in refusal("x.json", answer([*FIELDS, "\ud800"], [[*ROW, 1]])).reason


@pytest.mark.parametrize("cell", [{}, [], {"a": 1}, True, "HB\nNORTH", "HB\u2028NORTH"])
def test_a_cell_that_no_file_can_have_is_refused(cell: Any) -> None:
    error = refusal("answer", answer(FIELDS, [ROW, [*ROW[:2], cell, *ROW[3:]]]))
    assert error.column == "settlementPoint"
    assert "row 2 of data: the cell is no text, number or flag" in error.reason


def test_a_field_without_a_name_is_refused() -> None:
    content = answer(FIELDS, [ROW]).replace(b'"name": "hourEnding"', b'"label": "Hour Ending"')
    assert refusal("answer", content).column == "unnamed"


@pytest.mark.parametrize(
    ("feed", "header", "row"),
    [
        ("rtm_spp",
         "deliveryDate,deliveryHour,deliveryInterval,settlementPoint,settlementPointType,settlementPointPrice,DSTFlag",
         "2024-06-12,1,1,HB_NORTH,HU,20.5,False"),
        ("dam_spp", "deliveryDate,hourEnding,settlementPoint,settlementPointPrice,DSTFlag",
         "2024-06-12,01:00,HB_NORTH,20.5,False"),
        ("sced_lmp", "SCEDTimestamp,repeatHourFlag,settlementPoint,LMP", "2024-06-12T00:00:15,False,HB_NORTH,20.5"),
        ("dam_mcpc", "deliveryDate,hourEnding,ancillaryType,MCPC,DSTFlag", "2024-06-12,01:00,REGUP,20.5,False"),
        ("system_demand", "deliveryDate,timeEnding,demand,DSTFlag", "2024-06-12,00:15,20.5,False"),
    ],
)  # fmt: skip
def test_tables_made_of_answers_are_read_as_the_files(feed: str, header: str, row: str) -> None:
    found = read("x.csv", text(header, row))
    assert (found.feed, found.rows.num_rows) == (feed, 1)
