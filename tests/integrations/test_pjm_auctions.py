"""The capacity workbooks where no real file is at hand: the layout to 2021/2022, after its description, and drift."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.isos.documents import Document
from integrations.isos.errors import UnreadablePublication
from integrations.isos.pjm import capacity, planning
from integrations.isos.pjm.documents import recognise
from integrations.isos.pjm.sheets import DeliveryYear, column_letters

EASTERN = ZoneInfo("America/New_York")
Rows = Sequence[Sequence[Any]]

SIDE_BY_SIDE: Rows = [
    ["2021/2022 RPM Base Residual Auction Results", "", ""],
    ["", "", ""],
    ["LDA", "Cleared MW (UCAP)", "Resource Clearing Price ($/MW-day)"],
    ["RTO", 163627.3, 140.0],
    ["COMED *", 22358.1, 195.55],
    ["* Cleared MW of an LDA include those of the LDAs within.", "", ""],
    ["Zone", "", 1.0],
]
SUMMARY: Rows = [
    ["2023/2024 BRA Summary of Auction Results", "", ""],
    ["Resource Clearing Prices [$/MW-day]", "", ""],
    ["LDA", "Base Residual Auction", ""],
    ["RTO", 34.13, ""],
    ["BGE", 69.95, ""],
    [" ", "", ""],
    ["Participant Buy Bids/Sell Offers Cleared", "", ""],
    ["LDA", "Base Residual Auction", ""],
    ["", "Participant Sell Offers Cleared", ""],
    ["RTO", 144870.6, ""],
]


def book(name: str, rows: Rows) -> Document:
    """A workbook of one sheet, as if its bytes had been opened."""
    document = Document("x.xlsx", b"", "workbook")
    document.__dict__["sheets"] = {name: rows}
    return document


def prices(document: Document) -> list[tuple[str, float, float | None]]:
    found = capacity.parse(document)
    return [(r["area"], r["price_usd_per_mw_day"], r["cleared_mw"]) for r in found.rows.to_pylist()]


def test_price_and_cleared_capacity_side_by_side() -> None:
    document = book("Results", SIDE_BY_SIDE)
    assert capacity.is_bra_results(document)
    assert prices(document) == [("RTO", 140.0, 163627.3), ("COMED", 195.55, 22358.1)]
    row = capacity.parse(document).rows.to_pylist()[0]
    assert row["auction"] == "2021/2022 BRA"
    assert row["interval_start_utc"] == datetime(2021, 6, 1, tzinfo=EASTERN)
    assert row["interval_end_utc"] == datetime(2022, 6, 1, tzinfo=EASTERN)


def test_tables_below_each_other() -> None:
    assert prices(book("Summary", SUMMARY)) == [("RTO", 34.13, 144870.6), ("BGE", 69.95, None)]


def test_a_price_that_is_none_names_sheet_row_and_column() -> None:
    rows = [list(row) for row in SUMMARY]
    rows[4][1] = "TBD"
    with pytest.raises(UnreadablePublication) as caught:
        capacity.parse(book("Summary", rows))
    assert (caught.value.line, caught.value.column) == (5, "B")
    assert caught.value.reason.startswith("x.xlsx sheet Summary line 5, column B: 'TBD' is not a number")


def test_a_workbook_without_the_table_is_refused() -> None:
    rows = [row for row in SUMMARY if not row[0].startswith("Resource")]
    with pytest.raises(UnreadablePublication, match="no table of resource clearing prices"):
        capacity.parse(book("Summary", rows))


def test_planning_parameters_without_the_row_of_areas_are_refused() -> None:
    rows: Rows = [
        ["2025/2026 RPM Base Residual Auction Planning Parameters"],
        ["Installed Reserve Margin (IRM)", 0.178],
    ]
    document = book("Planning Parameters", rows)
    assert planning.is_planning_parameters(document)
    with pytest.raises(UnreadablePublication, match="no row names the LDAs"):
        planning.parse(document)


@pytest.mark.parametrize("title", ["Budget 2024/2025", "2024/2026 BRA results", "BRA results", ""])
def test_other_workbooks_are_left_alone(title: str) -> None:
    assert recognise(book("Summary", [[title]])) is None


def test_a_delivery_year_is_two_years_that_follow_each_other() -> None:
    assert DeliveryYear.in_words("2026/2027 BRA") == DeliveryYear.in_words("2026-27") == DeliveryYear(2026)
    assert DeliveryYear.in_words("2026/2028") is None


def test_columns_are_named_as_a_spreadsheet_does() -> None:
    assert [column_letters(column) for column in (0, 25, 26, 701)] == ["A", "Z", "AA", "ZZ"]
