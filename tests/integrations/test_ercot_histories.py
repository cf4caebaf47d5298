"""ERCOT's workbooks of history in layouts without a sample, written after what public readers tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.ercot.documents import recognise
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication

QUARTERS = [f"{minute // 60}:{minute % 60:02}" for minute in range(15, 1440, 15)] + ["0:00"]


def read(rows: Sequence[Sequence[Any]], sheet: str = "Jan15") -> ParsedPublication:
    document = Document("any name", b"", "workbook")
    document.__dict__["sheets"] = {"Disclaimer": [["ERCOT makes no warranty"]], sheet: rows}
    found = recognise(document)
    assert isinstance(found, RecognisedDocument)
    return found.parse(document)


def fuel_row(key: str, value: float) -> list[Any]:
    return [key, 96 * value, *[value + number for number in range(96)], 0.0, 0.0, 0.0, 0.0]


HEADER = ["Date-Fuel", "Total", *QUARTERS, "DST1", "DST2", "DST3", "DST4"]


@pytest.mark.parametrize("key", ["Date-Fuel", "Date - Fuel"])
def test_generation_with_day_and_fuel_in_one_column(key: str) -> None:
    """Both spellings, and the days of the clock change whose columns are shifted, as public readers found them."""
    rows = [
        [key, *HEADER[1:]],
        fuel_row("01/02/15_Coal", 10.0),
        fuel_row("01/02/15 - Gas-CC", 200.0),
        fuel_row("03/08/15_Coal", 10.0),
        fuel_row("11/01/15_Coal", 10.0),
        ["", *[""] * 101],
        ["Total", 5.0, *[""] * 100],
    ]
    found = read(rows)
    assert (found.feed, found.vintage, found.rows.num_rows) == ("int_gen_by_fuel", "final", 192)
    table = found.rows.to_pylist()
    assert {row["category"] for row in table} == {"coal", "gas-cc"}
    coal = sorted((row["interval_start_utc"], row["value"]) for row in table if row["category"] == "coal")
    assert coal[0] == (datetime(2015, 1, 2, 6, tzinfo=UTC), 10.0)
    assert coal[-1] == (datetime(2015, 1, 3, 5, 45, tzinfo=UTC), 105.0)


def test_a_mangled_day_with_fuel_is_refused() -> None:
    with pytest.raises(
        UnreadablePublication, match=r"sheet Jan15, Date-Fuel: '1/2/15 Coal' is not a day with a fuel"
    ) as caught:
        read([HEADER, fuel_row("01/02/15_Coal", 10.0), fuel_row("1/2/15 Coal", 10.0)])
    assert caught.value.line == 3
    twice = [HEADER, fuel_row("01/02/15_Coal", 10.0), fuel_row("01/02/15 - Coal", 11.0)]
    with pytest.raises(UnreadablePublication, match="coal has the interval from 2015-01-02 00:00:00-06:00 twice"):
        read(twice)


@pytest.mark.parametrize("text", ["O1/03/15_Coal", "Jan 3 Coal", ""])
def test_a_line_with_numbers_and_no_day_with_a_fuel_is_refused(text: str) -> None:
    with pytest.raises(UnreadablePublication, match="is not a day with a fuel") as caught:
        read([HEADER, fuel_row("01/02/15_Coal", 10.0), fuel_row(text, 10.0)])
    assert caught.value.line == 3
    assert read([HEADER, fuel_row("01/02/15_Coal", 10.0), fuel_row("Total", 10.0)]).rows.num_rows == 96


def test_a_number_beyond_the_largest_is_refused() -> None:
    for value in (1e300, float("inf"), -1.1e12):
        row = fuel_row("01/02/15_Coal", 10.0)
        row[5] = value
        with pytest.raises(UnreadablePublication, match=r"sheet Jan15, 1:00: .* is not a number up to 1e12") as caught:
            read([HEADER, row])
        assert caught.value.line == 2


def test_the_layout_to_2016_has_all_quarters() -> None:
    row = fuel_row("01/02/15_Coal", 10.0)
    with pytest.raises(UnreadablePublication, match="95 of the 96 quarters"):
        read([HEADER[:40] + HEADER[41:], row[:40] + row[41:]])
    with pytest.raises(UnreadablePublication, match="'23:75' is not the end of a quarter"):
        read([["23:75" if cell == "23:45" else cell for cell in HEADER], row])


def test_numbers_of_native_load_without_an_hour_are_refused() -> None:
    hours = [load_row(datetime(2016, 6, 1, 1), 1.0), load_row("", 2.0)]
    with pytest.raises(UnreadablePublication, match="numbers and no hour") as caught:
        read([LOAD, *hours], "native_Load_2016")
    assert (caught.value.line, caught.value.column) == (3, "Hour_End")
    assert read([LOAD, hours[0], [""] * 10], "native_Load_2016").rows.num_rows == 9


def test_generation_whose_column_is_called_fuel_type() -> None:
    header = ["Date", "Fuel Type", "Settlement Type", "Total", *QUARTERS]
    found = read([header, [datetime(2017, 5, 1), "Wind", "FINAL", 96.0, *[1.0] * 96]])
    assert (found.rows.num_rows, found.rows["category"].to_pylist()[0]) == (96, "wind")


LOAD = ["Hour_End", "COAST", "EAST", "FAR_WEST", "NORTH", "NORTH_C", "SOUTHERN", "SOUTH_C", "WEST", "ERCOT"]


def load_row(stamp: Any, value: float) -> list[Any]:
    return [stamp, *[value] * 9]


def test_native_load_with_moments_a_blink_off_the_hour() -> None:
    """To 2016 hours end at moments some thousandths of a second off, and the repeated hour has no mark."""
    blink = timedelta(milliseconds=3)
    midnight = datetime(2016, 11, 6)
    hours = [1, 2, 2, *range(3, 25)]
    rows = [LOAD, *(load_row(midnight + timedelta(hours=hour) + blink, 100.0 + n) for n, hour in enumerate(hours))]
    found = read(rows, "native_Load_2016")
    system = sorted((row["interval_start_utc"], row["value"]) for row in found.rows.to_pylist() if not row["area"])
    assert [value for _, value in system] == [100.0 + n for n in range(25)]
    assert system[0][0] == datetime(2016, 11, 6, 5, tzinfo=UTC)
    assert system[-1][0] == datetime(2016, 11, 7, 5, tzinfo=UTC)
    assert {later[0] - earlier[0] for earlier, later in pairwise(system)} == {timedelta(hours=1)}


def test_an_hour_that_occurs_once_may_not_stand_twice() -> None:
    twice = [LOAD, load_row(datetime(2016, 11, 7, 2), 1.0), load_row(datetime(2016, 11, 7, 2), 2.0)]
    with pytest.raises(UnreadablePublication, match="has the interval from 2016-11-07 01:00:00-06:00 twice"):
        read(twice, "native_Load_2016")


def test_ancillary_prices_below_a_logo_and_a_title() -> None:
    """The yearly workbook since October 2026: a title on line 6, the header on line 8."""
    header = ["Delivery Date", "Hour Ending", "Repeated Hour Flag", "REGDN", "REGUP ", "RRS", "NSPIN", "ECRS"]
    blank = [""] * len(header)
    above = [blank] * 5 + [["Historical DAM Clearing Prices for Capacity", *blank[1:]], blank]
    hours: list[list[Any]] = [["01/01/2026", f"{hour:02}:00", "N", 0.92, 0.87, 0.5, 1.97, 0.64] for hour in (1, 2)]
    found = read([*above, header, *hours], "DAMASMCPC_2026")
    assert (found.feed, found.market, found.rows.num_rows) == ("dam_mcpc", "DA", 10)
    prices = {row["product"]: row["price_usd_per_mw"] for row in found.rows.to_pylist()}
    assert prices == {"REGDN": 0.92, "REGUP": 0.87, "RRS": 0.5, "NSPIN": 1.97, "ECRS": 0.64}
    with pytest.raises(UnreadablePublication, match="'25:00' is not an hour from 1 to 24") as caught:
        read([*above, header, hours[0], ["01/01/2026", "25:00", *hours[0][2:]]], "DAMASMCPC_2026")
    assert caught.value.line == 10
