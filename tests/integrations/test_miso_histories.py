"""MISO's yearly workbooks of load and generation, written after what public readers tell of their columns."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.errors import UnreadablePublication
from integrations.isos.miso.documents import recognise
from integrations.isos.ticks import ParsedPublication

LOAD = ["MarketDay", "HourEnding", "LoadResource Zone", "MTLF (MWh)", "ActualLoad (MWh)"]
LOAD_ROWS: list[list[Any]] = [
    ["FORECASTED AND", "", "", "", ""],
    ["", "", "", "", ""],
    LOAD,
    LOAD,
    ["2024-03-10 00:00:00", "1", "LRZ1", "9729", "11097.2"],
    [datetime(2024, 3, 10), 24.0, "LRZ8_9_10", 9538.0, ""],
    LOAD,
    [date(2024, 11, 3), 2.0, "MISO", 80000.0, 81000.5],
    ["", "", "", "", ""],
    ["MISO MAKES NO REPRESENTATIONS", "", "", "", ""],
]
FUELS = [
    "Market Date",
    "HourEnding",
    "Region",
    "Fuel Type",
    "DA Cleared UDS Generation",
    "[RT Generation State Estimator",
]
FUEL_ROWS: list[list[Any]] = [
    ["Historical", "", "", "", "", ""],
    FUELS,
    ["01/01/2023", 1.0, "Central", "Natural Gas", 100.0, 110.5],
    ["01/01/2023", 1.0, "MISO", "Coal", 300.0, -1.0],
]


def read(rows: list[list[Any]]) -> ParsedPublication:
    document = Document("any name", b"", "workbook")
    document.__dict__["sheets"] = {"Sheet1": rows}
    found = recognise(document)
    assert isinstance(found, RecognisedDocument)
    return found.parse(document)


def by(publication: ParsedPublication, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in publication.rows.to_pylist()]


def test_the_history_of_load() -> None:
    """Headers that stand there again, numbers as texts and a disclaimer are what public readers take out."""
    found = read(LOAD_ROWS)
    assert (found.feed, set(found.rows["unit"].to_pylist())) == ("df_al", {"MWh"})
    assert by(found, "series", "area", "interval_start_utc", "value") == [
        ("load_forecast", "LRZ1", datetime(2024, 3, 10, 5, tzinfo=UTC), 9729.0),
        ("load", "LRZ1", datetime(2024, 3, 10, 5, tzinfo=UTC), 11097.2),
        ("load_forecast", "LRZ8_9_10", datetime(2024, 3, 11, 4, tzinfo=UTC), 9538.0),
        ("load_forecast", "MISO", datetime(2024, 11, 3, 6, tzinfo=UTC), 80000.0),
        ("load", "MISO", datetime(2024, 11, 3, 6, tzinfo=UTC), 81000.5),
    ]


def test_the_history_of_generation() -> None:
    """Areas and fuels are spelt as the daily report's reader spells them, so that both are one series."""
    found = read(FUEL_ROWS)
    assert (found.feed, set(found.rows["unit"].to_pylist())) == ("sr_gfm", {"MW"})
    assert by(found, "series", "area", "category", "value") == [
        ("cleared_generation", "central", "natural_gas", 100.0),
        ("generation", "central", "natural_gas", 110.5),
        ("cleared_generation", "total", "coal", 300.0),
        ("generation", "total", "coal", -1.0),
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["2024-03-10", 25.0, "LRZ1", 1.0, 1.0], "sheet Sheet1: 25.0 is not an hour from 1 to 24"),
        (["2024-03-10", "x", "LRZ1", 1.0, 1.0], "hourending: 'x' is not a number"),
        (["10 March", 1.0, "LRZ1", 1.0, 1.0], "'10 March' is not a date"),
        (["2024-03-10", 1.0, "LRZ2_7", "n/a", 1.0], "mtlf(mwh): 'n/a' is not a number"),
        (["2024-03-10", 1.0, "LRZ1", 1.0, 1.0], "LRZ1 has this hour twice"),
    ],
)
def test_faults_of_a_history_name_sheet_and_line(row: list[Any], words: str) -> None:
    with pytest.raises(UnreadablePublication) as caught:
        read([*LOAD_ROWS[:8], row])
    assert words in caught.value.reason
    assert caught.value.line == 9
