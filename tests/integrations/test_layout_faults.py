"""Files of the old layouts that were cut, joined or relabelled: each is refused in words, none is read in part."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.errors import UnreadablePublication
from integrations.isos.miso.documents import recognise
from tests.integrations.samples import MISO_HEADER, miso_rows, read, refusal, text
from tests.integrations.test_miso_histories import FUEL_ROWS, FUELS, LOAD_ROWS, by
from tests.integrations.test_miso_histories import read as read_history
from tests.integrations.test_other_layouts import _daily as daily

HOURS = [f"{hour:02}00" for hour in range(1, 25)]


def test_a_daily_file_of_pjm_without_its_end_line_is_cut_short() -> None:
    whole = daily()
    end = whole.rindex(b"End")
    for cut in (whole[:end], whole[: end - 3]):
        error = refusal("x", cut)
        assert "the line 'End of … LMP Data' is missing: the file is cut short, fetch it again" in error.reason
        assert error.line == 6


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (daily(hours=[*HOURS[:2], "0200", *HOURS[2:]]), "hour 0200 has two columns totallmp, the second is column 14"),
        (daily().replace(b"0200,0200,0200", b",,"), "column 11 has no hour above it"),
        (daily(hours=HOURS[:5]), "the day has 24 hours and the header 5 of them"),
        (daily(hours=["0000", *HOURS[1:]]), "the hour '0000' is not written as 0100 to 2400"),
        (daily(hours=["HE1"], last="HE1"), "the hour 'HE1' is not written as 0100 to 2400"),
        (daily(hours=["100", *HOURS]), "hour 0100 is there twice"),
        (daily().replace(b"2400,2400,2400", b"2400,2400,2400,2500"), "more hours than the header has columns"),
    ],
)
def test_hours_of_a_daily_file_are_those_of_its_day(content: bytes, words: str) -> None:
    assert words in refusal("x", content).reason


def test_an_hour_the_clock_skips_is_empty_in_all_its_columns() -> None:
    content = daily("20150308", last="0300").replace(b",1,-0.5,,,,", b",1,-0.5,,1,,")
    assert "the clock skips that hour" in refusal("x", content).reason


def test_a_daily_file_of_pjm_with_market_in_its_title_is_pjms() -> None:
    content = daily().replace(b"Daily Day Ahead LMP", b"Daily Day Ahead Market LMP")
    assert read("x", content).iso == "PJM"


@pytest.mark.parametrize("name", ["DA_export_LMPs", "da_report_lmp", "DA_Chart_LMPs", "start_lmps", "da_vs_rt_lmp"])
def test_rt_lmp_within_a_word_or_beside_day_ahead_is_no_market(name: str) -> None:
    content = text("MARKET_DAY," + MISO_HEADER, *(f"01/01/2024,{row}" for row in miso_rows()))
    assert read("2024-Jan-Mar_RT_LMPs.csv", content).feed == "rt_lmp"
    assert "says which report this is" in refusal(f"2024_{name}.csv", content).reason


FUEL_ROW = ["01/01/2023", 1.0, "MISO", "Coal", 4.0, 1.0]
FUEL_ROW_AS_TEXT = ["01/01/2023", 2.0, "MISO", "Coal", "4.0", 1.0]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["2024-03-10", "", "LRZ1", "1.0", ""], "hourending is empty"),
        (["2024-03-10", 1.0, "", 1.0, 1.0], "loadresourcezone is empty"),
        ([datetime(1900, 1, 1), 1.0, "LRZ1", 1.0, 1.0], "1900-01-01 is no day of a market"),
        ([datetime(2524, 1, 1), 1.0, "LRZ1", 1.0, 1.0], "2524-01-01 is no day of a market"),
    ],
)
def test_a_row_of_a_history_without_hour_place_or_day_is_refused(row: list[Any], words: str) -> None:
    with pytest.raises(UnreadablePublication, match=words):
        read_history([*LOAD_ROWS[:8], row])


@pytest.mark.parametrize(
    ("sheets", "place"),
    [
        ([[FUELS, FUEL_ROW], [FUEL_ROW_AS_TEXT]], "line 1: sheet 2"),
        ([[["a title"], FUEL_ROW_AS_TEXT], [FUELS, FUEL_ROW]], "line 2: sheet 1"),
        ([[["", "notes"]], [FUEL_ROW_AS_TEXT, FUELS, FUEL_ROW]], "line 1: sheet 2"),
    ],
)
def test_rows_of_a_history_without_a_header_above_them_are_refused(sheets: list[list[list[Any]]], place: str) -> None:
    document = Document("any name", b"", "workbook")
    document.__dict__["sheets"] = {str(number): lines for number, lines in enumerate(sheets, start=1)}
    found = recognise(document)
    assert isinstance(found, RecognisedDocument)
    with pytest.raises(UnreadablePublication, match=f"{place}: rows without a header above them: copy that of the"):
        found.parse(document)


def test_a_sheet_of_a_history_that_is_a_summary_is_passed_over() -> None:
    document = Document("any name", b"", "workbook")
    summary = [["Summary"], ["", "hours", "", "", "8760"], ["MISO"]]
    document.__dict__["sheets"] = {"Contents": summary, "2023": FUEL_ROWS}
    found = recognise(document)
    assert isinstance(found, RecognisedDocument)
    assert by(found.parse(document), "value") == by(read_history(FUEL_ROWS), "value")


def test_totals_of_a_history_are_left_out_and_a_blank_fuel_is_refused() -> None:
    total = ["01/01/2023", 1.0, "MISO", "Total", 400.0, 1.0]
    assert by(read_history([*FUEL_ROWS, total]), "value") == by(read_history(FUEL_ROWS), "value")
    with pytest.raises(UnreadablePublication, match="fueltype is empty"):
        read_history([FUELS, ["01/01/2023", 1.0, "MISO", " ", 400.0, 1.0]])


def test_carriage_returns_alone_lose_no_row_of_a_week() -> None:
    rows = [f"11/05/2023 00:{minute:02},NODE.{node:04},20.5,1.25,-0.25" for node in range(400) for minute in (0, 5, 10)]
    content = "\r".join(["MKTHOUR_EST,PNODENAME,LMP,CON_LMP,LOSS_LMP", *rows])
    for tail in range(0, 40, 8):
        assert read("x.csv", (content + "\r" * tail).encode()).rows.num_rows == len(rows)
    assert read("x.csv", (content + "\rMISO makes no warranty\r").encode()).rows.num_rows == len(rows)
    assert refusal("x.csv", (content + "\rx11/05/2023 00:00,A,1,0,0\r").encode()).line == 1202


def test_a_line_of_megabytes_is_refused_for_its_length() -> None:
    header = "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag,Note"
    rows = ["06/12/2024,1:00,HB,1.5,N,", f"06/12/2024,2:00,HB,1.5,N,{'x' * 1_000_000}"]
    assert read("x.csv", text(header, *rows)).rows.num_rows == 2
    error = refusal("x.csv", text(header, *rows, f"06/12/2024,3:00,HB,1.5,N,{'x' * 2_500_000}"))
    assert error.line == 4
    assert "the line has 2500025 bytes, and up to 1048576 are read" in error.reason
