"""MISO hourly LMP reports."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from integrations.isos.catalogue import name_facts, parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.gaps import EMPTY_COMPONENT, EMPTY_PRICE, MISSING_INTERVAL
from tests.integrations.samples import (
    MISO_HEADER,
    MISO_NAME,
    MISO_PREAMBLE,
    miso_file,
    miso_rows,
    only_payload,
    read,
    refusal,
    rows_of,
    text,
)

REAL_TIME = ["Realtime Market LMPs", "06/12/2024", "", ",,,All Hours-Ending are Eastern Standard Time (EST)"]


def test_hours_end_in_eastern_standard_time_and_energy_is_derived() -> None:
    publication = read("x.csv", miso_file())
    assert (publication.iso, publication.market, publication.feed) == ("MISO", "DA", "da_expost_lmp")
    assert (publication.vintage, publication.published_at) == ("final", None)
    assert (publication.parser, publication.parser_version) == ("miso.lmp", 1)
    rows = rows_of(publication)
    assert len(rows) == 48
    assert rows[0] == {
        "node": "ALTW",
        "node_type": "Hub",
        "interval_start_utc": datetime(2024, 6, 12, 5, tzinfo=UTC),
        "interval_end_utc": datetime(2024, 6, 12, 6, tzinfo=UTC),
        "lmp_usd_per_mwh": 21.0,
        "energy_usd_per_mwh": 21.75,
        "congestion_usd_per_mwh": -1.25,
        "loss_usd_per_mwh": 0.5,
        "ghg_usd_per_mwh": None,
        "source_version": 0,
    }
    assert rows[-1]["interval_end_utc"] == datetime(2024, 6, 13, 5, tzinfo=UTC)
    assert publication.gaps.num_rows == 0


@pytest.mark.parametrize("day", ["03/10/2024", "11/03/2024"])
def test_both_days_of_the_clock_change_have_24_hours(day: str) -> None:
    rows = rows_of(read("x.csv", miso_file([MISO_PREAMBLE[0], day, *MISO_PREAMBLE[2:]])))
    starts = sorted({row["interval_start_utc"] for row in rows})
    assert len(starts) == 24
    assert {after - before for before, after in pairwise(starts)} == {timedelta(hours=1)}
    assert starts[0].hour == 5


@pytest.mark.parametrize(
    ("title", "feed", "market"),
    [
        ("Day Ahead Market ExPost LMPs", "da_expost_lmp", "DA"),
        ("Day Ahead Market ExAnte LMPs", "da_exante_lmp", "DA"),
        ("Day-Ahead Market Ex-Post LMPs", "da_expost_lmp", "DA"),
        ("Realtime Market LMPs", "rt_lmp", "RTH"),
        ("Real-Time Market LMPs", "rt_lmp", "RTH"),
    ],
)
def test_the_title_gives_market_and_feed_and_nothing_is_taken_from_the_name(title: str, feed: str, market: str) -> None:
    payload = only_payload("20190101_da_exante_lmp.csv", miso_file([title, *MISO_PREAMBLE[1:]]))
    publication = read("20190101_da_exante_lmp.csv", miso_file([title, *MISO_PREAMBLE[1:]]))
    assert (publication.feed, publication.market) == (feed, market)
    assert rows_of(publication)[0]["interval_start_utc"].year == 2024  # the content's date, not the name's
    assert name_facts(payload) == {}


def test_without_a_preamble_the_operators_name_gives_date_market_and_feed() -> None:
    content = text(MISO_HEADER, *miso_rows())
    payload = only_payload("20221201_da_exante_lmp.csv", content)
    publication = read("20221201_da_exante_lmp.csv", content)
    assert (publication.market, publication.feed) == ("DA", "da_exante_lmp")
    assert rows_of(publication)[0]["interval_start_utc"] == datetime(2022, 12, 1, 5, tzinfo=UTC)
    assert name_facts(payload) == {"date": "2022-12-01", "market": "DA", "feed": "da_exante_lmp"}
    assert name_facts(only_payload("20221201_da_exante_lmp (1).csv", content)) == name_facts(payload)


def test_the_one_day_ahead_price_before_march_2015_is_the_one_that_settled() -> None:
    preamble = ["Day Ahead Market LMPs", "07/16/2011", "", MISO_PREAMBLE[3]]
    titled = read("x.csv", miso_file(preamble))
    assert (titled.feed, titled.market) == ("da_expost_lmp", "DA")
    assert rows_of(titled)[0]["interval_start_utc"] == datetime(2011, 7, 16, 5, tzinfo=UTC)
    name, content = "20150228_da_lmp.csv", miso_file([])
    assert read(name, content).feed == "da_expost_lmp"
    assert name_facts(only_payload(name, content)) == {"date": "2015-02-28", "market": "DA", "feed": "da_expost_lmp"}
    for later in refusal("x.csv", miso_file([preamble[0], "03/01/2015"])), refusal("20150301_da_lmp.csv", content):
        assert "says which report this is" in later.reason


def test_without_a_preamble_and_without_the_operators_name_it_is_refused() -> None:
    error = refusal("prices.csv", text(MISO_HEADER, *miso_rows()))
    assert "gives the day" in error.reason
    assert "prices.csv" in error.reason
    assert name_facts(only_payload("prices.csv", text(MISO_HEADER, *miso_rows()))) == {}


def test_a_date_without_a_title_still_needs_the_feed_from_the_name() -> None:
    content = text("06/12/2024", MISO_HEADER, *miso_rows())
    assert "which report" in refusal("prices.csv", content).reason
    assert name_facts(only_payload("20240101_rt_lmp_final.csv", content)) == {"market": "RTH", "feed": "rt_lmp"}


@pytest.mark.parametrize(
    ("name", "vintage", "facts"),
    [
        ("20240612_rt_lmp_final.csv", "final", {}),
        ("download.csv", "final", {}),
        ("20240612_rt_lmp_prelim.csv", "preliminary", {"vintage": "preliminary"}),
    ],
)
def test_only_the_name_tells_a_preliminary_report(name: str, vintage: str, facts: dict[str, str]) -> None:
    content = miso_file(REAL_TIME)
    assert read(name, content).vintage == vintage
    assert name_facts(only_payload(name, content)) == facts


def test_a_title_that_says_preliminary_needs_no_name() -> None:
    content = miso_file(["Realtime Preliminary Market LMPs", *REAL_TIME[1:]])
    assert read("x.csv", content).vintage == "preliminary"
    assert name_facts(only_payload("20240612_rt_lmp_prelim.csv", content)) == {}


def test_rows_may_come_in_any_order_and_columns_too() -> None:
    plain = rows_of(read("x.csv", miso_file()))
    assert rows_of(read("x.csv", miso_file(rows=miso_rows()[::-1]))) == plain
    lines = [line.split(",") for line in [MISO_HEADER, *miso_rows()]]
    turned = text(*MISO_PREAMBLE, *(",".join(cells[::-1]) for cells in lines))
    assert rows_of(read("x.csv", turned)) == plain


def test_bom_crlf_quotes_and_blank_lines_do_not_matter() -> None:
    plain = rows_of(read("x.csv", miso_file()))
    quoted = [",".join(f'"{cell}"' for cell in line.split(",")) for line in [MISO_HEADER, *miso_rows()]]
    content = b"\xef\xbb\xbf" + "\r\n".join([*MISO_PREAMBLE, *quoted, "", ",,,", "  ", ""]).encode()
    assert rows_of(read("x.csv", content)) == plain


def test_a_missing_final_newline_is_fine() -> None:
    assert read("x.csv", miso_file().rstrip()).rows.num_rows == 48


def test_the_quarterly_archive_carries_the_day_in_a_column() -> None:
    header = MISO_HEADER.replace("HE ", "HE").upper().replace("NODE", "MARKET_DAY,NODE", 1)
    rows = [f"01/0{day}/2024,{row}" for day in (1, 2, 3) for row in miso_rows(["A", "B"][: 1 + day % 2])]
    publication = read("2024-Jan-Mar_RT_LMPs.csv", text("Real Time LMPs", header, *rows))
    assert publication.rows.num_rows == (2 + 1 + 2) * 24
    assert publication.gaps.num_rows == 24
    gap = publication.gaps.to_pylist()[0]
    assert (gap["node"], gap["cause"], gap["interval_start_utc"].day) == ("B", MISSING_INTERVAL, 2)


def test_an_empty_price_is_a_gap_and_an_empty_component_leaves_the_price() -> None:
    rows = [row.split(",") for row in miso_rows(["A"])]
    rows[0][3 + 4] = ""  # LMP of hour 5
    rows[1][3 + 6] = "  "  # congestion of hour 7
    publication = read("x.csv", miso_file(rows=[",".join(row) for row in rows]))
    gaps = sorted((gap["interval_start_utc"].hour - 5, gap["cause"]) for gap in publication.gaps.to_pylist())
    assert gaps == [(4, EMPTY_PRICE), (6, EMPTY_COMPONENT)]
    found = {row["interval_start_utc"].hour - 5: row for row in rows_of(publication)}
    assert len(found) == 23
    assert 4 not in found
    assert (found[6]["lmp_usd_per_mwh"], found[6]["loss_usd_per_mwh"]) == (27.0, 0.5)
    assert (found[6]["energy_usd_per_mwh"], found[6]["congestion_usd_per_mwh"]) == (None, None)


def test_a_file_of_empty_prices_is_refused() -> None:
    rows = [f"A,Hub,{value}," + "," * 23 for value in ("LMP", "MCC", "MLC")]
    assert "every price cell is empty" in refusal("x.csv", miso_file(rows=rows)).reason


@pytest.mark.parametrize("cell", ["abc", "nan", "NaN", "inf", "-Infinity", "1e999", "12.3.4", "1_0", "0x1F"])
def test_text_in_a_number_names_line_and_column(cell: str) -> None:
    rows = [row.split(",") for row in miso_rows()]
    rows[2][9] = cell
    error = refusal(MISO_NAME, miso_file(rows=[",".join(row) for row in rows]))
    assert (error.line, error.column) == (8, "HE 7")
    assert f"{MISO_NAME} line 8, column HE 7" in error.reason
    assert cell in error.reason


def test_blank_lines_count_when_a_line_is_named() -> None:
    rows = miso_rows()
    broken = text(*MISO_PREAMBLE, MISO_HEADER, rows[0], "", "", rows[1], rows[2].replace("-1.25", "?", 1), *rows[3:])
    assert refusal("x.csv", broken).line == 10


def test_a_file_cut_within_a_line_is_refused() -> None:
    whole = miso_file()
    error = refusal("x.csv", whole[: whole.rindex(b",")])
    assert (error.line, error.column) == (11, "HE 24")
    assert "cut short" in error.reason


def test_a_file_cut_within_its_last_number_is_refused() -> None:
    whole = miso_file(rows=miso_rows([f"N{node}" for node in range(20)])).rstrip()
    for missing in (1, 2, 3):
        error = refusal("x.csv", whole[:-missing])
        assert (error.line, error.column) == (65, "HE 24")


def test_a_file_cut_at_the_end_of_a_line_lacks_rows_of_a_node() -> None:
    error = refusal("x.csv", miso_file(rows=miso_rows()[:-1]))
    assert (error.line, error.column) == (7, "Value")
    assert "no MLC row" in error.reason


def test_a_row_that_is_there_twice_is_refused() -> None:
    rows = miso_rows()
    error = refusal("x.csv", miso_file(rows=[*rows, rows[0]]))
    assert (error.line, error.column) == (12, "Value")
    assert "lines 6 and 12" in error.reason


def test_an_unknown_value_is_refused() -> None:
    error = refusal("x.csv", miso_file(rows=[*miso_rows(), miso_rows()[0].replace("LMP", "MEC")]))
    assert (error.line, error.column) == (12, "Value")


def test_an_empty_node_is_refused() -> None:
    error = refusal("x.csv", miso_file(rows=[*miso_rows(), miso_rows()[0].replace("ALTW", " ")]))
    assert (error.line, error.column) == (12, "Node")


@pytest.mark.parametrize(("old", "new", "column"), [("HE 17", "HE 71", "HE 17"), ("Value", "Valu", "Value")])
def test_a_renamed_column_is_named(old: str, new: str, column: str) -> None:
    content = text(*MISO_PREAMBLE, MISO_HEADER.replace(old, new), *miso_rows())
    error = refusal("x.csv", content)
    assert (error.line, error.column) == (5, column)


def test_a_title_without_a_table_and_a_header_without_rows_are_refused() -> None:
    assert "no header" in refusal("x.csv", text(*MISO_PREAMBLE)).reason
    assert "no row" in refusal("x.csv", text(*MISO_PREAMBLE, MISO_HEADER)).reason


def test_ancillary_prices_of_the_same_shape_are_not_taken_for_lmps() -> None:
    header = MISO_HEADER.replace("Node,Type,Value", ",,MCP Type")
    lines = text("Dayahead Market MCPs.", "", "01/01/2023", "", header, *miso_rows())
    (payload,) = survey("20230101_asm_expost_damcp.csv", lines, named=False).payloads
    with pytest.raises(UnreadablePublication, match="is no type of clearing price"):
        parse(payload)
