"""Cells of MISO's daily workbooks that are no numbers, or numbers as texts: no hour is lost in silence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.errors import UnreadablePublication
from integrations.isos.miso.documents import recognise
from integrations.isos.ticks import ParsedPublication

LOAD: list[Any] = ["Market Day", "HourEnding", "LRZ1 MTLF (MWh)", "LRZ1 ActualLoad (MWh)"]
DAY = datetime(2025, 3, 10)
FUELS: list[list[Any]] = [
    ["Market Date: 2025-03-10", "", ""],
    ["", "Central", ""],
    ["Market Hour Ending", "Coal", "Total MW"],
]


def read(sheet: str, rows: list[list[Any]]) -> ParsedPublication:
    document = Document("any name", b"", "workbook")
    document.__dict__["sheets"] = {sheet: rows}
    found = recognise(document)
    assert isinstance(found, RecognisedDocument)
    return found.parse(document)


def refused(sheet: str, rows: list[list[Any]]) -> str:
    with pytest.raises(UnreadablePublication) as caught:
        read(sheet, rows)
    return caught.value.reason


def values(found: ParsedPublication) -> list[tuple[str, float]]:
    return [(row["series"], row["value"]) for row in found.rows.to_pylist()]


def test_load_may_stand_there_as_text() -> None:
    rows = [["", "", "", ""], LOAD, ["03/10/2025", "", "", ""], [DAY, 1.0, 9700.0, 9650.5], [DAY, "2", "9710", ""]]
    assert values(read("Sheet1", rows)) == [("load_forecast", 9700.0), ("load", 9650.5), ("load_forecast", 9710.0)]


@pytest.mark.parametrize("cell", ["#REF!", "9,710", "nan", True, 1e300])
def test_a_cell_of_load_that_is_no_number_is_named(cell: Any) -> None:
    reason = refused("Sheet1", [LOAD, [DAY, 1.0, cell, 9650.5]])
    assert "line 2: sheet Sheet1, LRZ1: " in reason
    assert "is not a number" in reason


def test_an_hour_that_is_there_twice_is_refused() -> None:
    rows = [LOAD, [DAY, 1.0, 9700.0, ""], [DAY, 1.0, 9800.0, ""]]
    assert "load_forecast LRZ1 of 2025-03-10T05:00Z is there twice" in refused("Sheet1", rows)
    assert "25.0 is not an hour from 1 to 24" in refused("Sheet1", [LOAD, [DAY, 25.0, 9700.0, ""]])


def test_generation_may_stand_there_as_text_and_words_are_named() -> None:
    sheet = "RT Generation Fuel Mix"
    assert values(read(sheet, [*FUELS, [1.0, "100.5", 1], ["2", 90, 1]])) == [
        ("generation", 100.5),
        ("generation", 90.0),
    ]
    assert "line 4: sheet RT Generation Fuel Mix, coal: 'n/a' is not a number" in refused(
        sheet, [*FUELS, [1.0, "n/a", 1]]
    )
