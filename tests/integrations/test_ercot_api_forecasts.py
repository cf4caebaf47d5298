"""Forecasts as ERCOT's public API answers them: load, wind and solar power, each hour with its publications."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.isos.ticks import ParsedPublication
from tests.integrations.samples import read, refusal, text
from tests.integrations.test_ercot_api_answers import answer

HOUR = ["postedDatetime", "deliveryDate", "hourEnding"]
ZONES = ["coast", "east", "farWest", "north", "northCentral", "southCentral", "southern", "west"]
FORECAST_ZONES = ["north", "south", "west", "houston"]
POSTED = "2026-06-13T12:30:07"
LATER = "2026-06-13T13:30:09"


def cells(found: ParsedPublication, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in found.rows.to_pylist()]


@pytest.mark.parametrize(
    ("feed", "zones", "behind", "areas"),
    [
        ("load_forecast_by_zone", FORECAST_ZONES, [], ["North", "South", "West", "Houston"]),
        ("load_forecast_by_weather_zone", ZONES, [],
         ["Coast", "East", "FarWest", "North", "NorthCentral", "SouthCentral", "Southern", "West"]),
        ("load_forecast_by_weather_zone_by_model", ZONES, ["model", "inUseFlag"],
         ["Coast", "East", "FarWest", "North", "NorthCentral", "SouthCentral", "Southern", "West"]),
    ],
)  # fmt: skip
def test_load_forecasts_bear_the_names_of_their_files(
    feed: str, zones: list[str], behind: list[str], areas: list[str]
) -> None:
    """NP3-560, NP3-561 and NP3-565."""
    numbers = list(range(1, len(zones) + 1))
    row = [POSTED, "2026-06-14", "24:00", *numbers, sum(numbers), *(["E3", True] if behind else []), False]
    found = read("answer", answer([*HOUR, *zones, "systemTotal", *behind, "DSTFlag"], [row]))
    assert (found.feed, found.dataset) == (feed, "fundamentals")
    assert cells(found, "area", "value") == [*zip(areas, numbers, strict=True), ("", sum(numbers))]
    assert set(cells(found, "series", "category", "unit", "interval_start_utc", "issued_at")) == {
        ("load_forecast", "E3" if behind else "", "MW", utc(6, 15, 4), utc(6, 13, 17, 30, 7))
    }
    assert found.published_at == utc(6, 13, 17, 30, 7)


def utc(month: int, day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("feed", "fields", "expected"),
    [
        ("wind_power", "genSystemWide COPHSLSystemWide STWPFSystemWide WGRPPSystemWide genLoadZoneSouthHouston"
         " HSLSystemWide",
         [("wind", "", ""), ("wind_forecast", "", "COP_HSL"), ("wind_forecast", "", "STWPF"),
          ("wind_forecast", "", "WGRPP"), ("wind", "LZ_SOUTH_HOUSTON", ""), ("wind_available", "", "")]),
        ("solar_power", "genSystemWide STPPFSystemWide PVGRPPSystemWide",
         [("solar", "", ""), ("solar_forecast", "", "STPPF"), ("solar_forecast", "", "PVGRPP")]),
        ("wind_power_by_region", "genPanhandle STWPFCoastal WGRPPWest",
         [("wind", "PANHANDLE", ""), ("wind_forecast", "COASTAL", "STWPF"), ("wind_forecast", "WEST", "WGRPP")]),
        ("solar_power_by_region", "actualSystemWide COPHSLFarWest STPPFCenterEast",
         [("solar", "", ""), ("solar_forecast", "FARWEST", "COP_HSL"), ("solar_forecast", "CENTEREAST", "STPPF")]),
    ],
)  # fmt: skip
def test_wind_and_sun_bear_the_names_of_their_files(
    feed: str, fields: str, expected: list[tuple[str, str, str]]
) -> None:
    """NP4-732, NP4-737, NP4-742 and NP4-745."""
    names = fields.split()
    row = [POSTED, "2026-06-12", 1, *range(len(names)), False]
    found = read("answer", answer([*HOUR, *names, "DSTFlag"], [row]))
    assert found.feed == feed
    assert cells(found, "series", "area", "category") == expected
    assert cells(found, "value") == [(number,) for number in range(len(names))]
    for series, start, issued in cells(found, "series", "interval_start_utc", "issued_at"):
        assert start == utc(6, 12, 5)
        assert issued == (utc(6, 13, 17, 30, 7) if series.endswith("forecast") else None)


def test_an_answer_reads_as_its_file_does() -> None:
    columns = "DELIVERY_DATE,HOUR_ENDING,SYSTEM_WIDE_GEN,STWPF_LZ_SOUTH_HOUSTON,WGRPP_LZ_WEST,SYSTEM_WIDE_HSL,DSTFlag"
    of_file = read("x.csv", text(columns, "06/12/2026,1,5,6,7,8,N"))
    fields = ["genSystemWide", "STWPFLoadZoneSouthHouston", "WGRPPLoadZoneWest", "HSLSystemWide"]
    of_answer = read("answer", answer([*HOUR, *fields, "DSTFlag"], [[POSTED, "2026-06-12", 1, 5, 6, 7, 8, False]]))
    assert of_answer.feed == of_file.feed
    key = ("series", "area", "category", "interval_start_utc", "value")
    assert cells(of_answer, *key) == cells(of_file, *key)


def test_each_publication_of_a_forecast_is_kept_and_what_was_measured_is_the_latest() -> None:
    names = [*HOUR, "genSystemWide", "STWPFSystemWide", "DSTFlag"]
    rows = [
        [LATER, "2026-06-12", 1, 11, 21, False],
        [POSTED, "2026-06-12", 1, 10, 20, False],
        [LATER, "2026-06-12", 2, None, 23, False],
        [POSTED, "2026-06-12", 2, 12, 22, False],
    ]
    found = read("answer", answer(names, rows))
    assert found.published_at is None
    assert sorted(cells(found, "series", "interval_start_utc", "value", "issued_at"), key=str) == sorted(
        [
            ("wind", utc(6, 12, 5), 11, None),
            ("wind", utc(6, 12, 6), 12, None),
            ("wind_forecast", utc(6, 12, 5), 21, utc(6, 13, 18, 30, 9)),
            ("wind_forecast", utc(6, 12, 5), 20, utc(6, 13, 17, 30, 7)),
            ("wind_forecast", utc(6, 12, 6), 23, utc(6, 13, 18, 30, 9)),
            ("wind_forecast", utc(6, 12, 6), 22, utc(6, 13, 17, 30, 7)),
        ],
        key=str,
    )
    twice = refusal("answer", answer(names, [*rows, rows[1]]))
    assert "rows 2 and 5" in twice.reason


def test_a_table_made_of_answers_is_read_as_well() -> None:
    header = ",".join([*HOUR, *ZONES, "systemTotal", "model", "inUseFlag", "DSTFlag"])
    lines = [f"{POSTED},2026-06-14,01:00,1,2,3,4,5,6,7,8,36,{model},{use},False" for model, use in (("E", 1), ("M", 0))]
    found = read("forecasts.csv", text(header, *lines))
    assert found.feed == "load_forecast_by_weather_zone_by_model"
    assert ("FarWest", "M", 3.0, utc(6, 13, 17, 30, 7)) in cells(found, "area", "category", "value", "issued_at")
    header = "operatingDay,hourEnding,coast,east,farWest,north,northC,southern,southC,west,total,DSTFlag"
    measured = read("load.csv", text(header, "2026-06-12,01:00,1,2,3,4,5,6,7,8,36,False"))
    assert ("FAR_WEST", 3.0) in cells(measured, "area", "value")
    assert ("", 36.0) in cells(measured, "area", "value")
    assert (measured.feed, measured.parser_version) == ("load_by_weather_zone", 2)


@pytest.mark.parametrize("posted", ["2026-11-01T01:30:07", "2026-03-08T02:30:00", "", "soon", "2026-06-13T17:30:07Z"])
def test_a_publication_that_has_no_moment_is_refused(posted: str) -> None:
    row = [posted, "2026-11-02", "01:00", 1, 2, 3, 4, 10, False]
    error = refusal("answer", answer([*HOUR, *FORECAST_ZONES, "systemTotal", "DSTFlag"], [row]))
    assert error.column == "postedDatetime"
    assert "row 1 of data" in error.reason
    if posted.startswith("2026-11"):
        assert "leave out what was published in that hour" in error.reason


def test_the_repeated_hour_is_told_by_its_flag() -> None:
    names = [*HOUR, *FORECAST_ZONES, "systemTotal", "DSTFlag"]
    rows = [[POSTED, "2026-11-01", "02:00", 1, 2, 3, 4, 10, flag] for flag in (False, True)]
    found = read("answer", answer(names, rows))
    assert sorted(set(cells(found, "interval_start_utc"))) == [(utc(11, 1, 6),), (utc(11, 1, 7),)]


@pytest.mark.parametrize(
    ("names", "column"),
    [
        ([*HOUR, "genSystemWide", "STWPFSystemWide", "capacity"], "capacity"),
        (["posted", *HOUR[1:], "genSystemWide", "STWPFSystemWide"], "posted"),
        ([*HOUR[1:], "genSystemWide", "STWPFSystemWide"], None),
        ([*HOUR, "north", "south", "systemTotal", "DSTFlag"], None),
        ([*HOUR, *FORECAST_ZONES, "panhandle", "systemTotal", "DSTFlag"], "panhandle"),
    ],
)
def test_forecasts_whose_fields_have_changed_are_quarantined(names: list[str], column: str | None) -> None:
    error = refusal("answer", answer(names, [[POSTED, "2026-06-12", 1, 2, 3, 4, 5, 6, 7, 8][: len(names)]]))
    assert error.column == column
    assert "the report" in error.reason
