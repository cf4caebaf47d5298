"""CAISO OASIS locational prices."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from integrations.isos.catalogue import parse, survey
from integrations.isos.gaps import EMPTY_COMPONENT, EMPTY_PRICE, MISSING_INTERVAL
from tests.integrations.samples import (
    CAISO_HEADER,
    CAISO_NAME,
    caiso_file,
    caiso_row,
    caiso_tick,
    only_payload,
    read,
    refusal,
    rows_of,
    text,
    zipped,
)

FIRST, SECOND = "2024-06-12T07:00", "2024-06-12T08:00"
NODE = "TH_NP15_GEN-APND"


def file_of(*rows: str, header: str = CAISO_HEADER) -> bytes:
    return text(header, *rows)


def test_rows_of_a_node_and_hour_become_one_tick() -> None:
    publication = read(CAISO_NAME, caiso_file())
    assert (publication.iso, publication.market, publication.feed) == ("CAISO", "DA", "prc_lmp")
    assert (publication.vintage, publication.published_at) == ("final", None)
    rows = rows_of(publication)
    assert len(rows) == 3
    assert rows[1] == {
        "node": NODE,
        "node_type": "",
        "interval_start_utc": datetime(2024, 6, 12, 8, tzinfo=UTC),
        "interval_end_utc": datetime(2024, 6, 12, 9, tzinfo=UTC),
        "lmp_usd_per_mwh": 29.75,
        "energy_usd_per_mwh": 31.0,
        "congestion_usd_per_mwh": -1.5,
        "loss_usd_per_mwh": 0.25,
        "ghg_usd_per_mwh": None,
        "source_version": 0,
    }


@pytest.mark.parametrize(
    ("run", "end", "market", "feed"),
    [
        ("DAM", "08:00", "DA", "prc_lmp"),
        ("RTPD", "07:15", "RT15", "prc_rtpd_lmp"),
        ("HASP", "07:15", "RT15", "prc_hasp_lmp"),
    ],
)
@pytest.mark.parametrize("price", ["MW", "PRC", "VALUE"])
def test_the_run_gives_the_feed_whatever_the_price_column_is_called(
    run: str, end: str, market: str, feed: str, price: str
) -> None:
    rows = caiso_tick(FIRST, f"2024-06-12T{end}", NODE, 30.0, ghg=0.0, run=run)
    publication = read("x.csv", file_of(*rows, header=CAISO_HEADER.replace("MW", price)))
    assert (publication.market, publication.feed) == (market, feed)
    assert rows_of(publication)[0]["ghg_usd_per_mwh"] == 0.0


def test_advisory_five_minute_prices_are_left_alone() -> None:
    rows = caiso_tick(FIRST, "2024-06-12T07:05", NODE, 30.0, run="RTD")
    found = survey("x.csv", file_of(*rows, header=CAISO_HEADER.replace("MW", "VALUE")), named=False)
    assert found.payloads == []
    assert "RTD" in found.skipped[0].reason


@pytest.mark.parametrize(("start", "hours"), [("2024-03-10T08", 23), ("2024-11-03T07", 25)])
def test_the_long_and_the_short_pacific_day_come_from_the_gmt_stamps(start: str, hours: int) -> None:
    first = datetime.fromisoformat(f"{start}:00:00").replace(tzinfo=UTC).timestamp()
    stamps = [f"{datetime.fromtimestamp(first + 3600 * hour, UTC):%Y-%m-%dT%H:%M}" for hour in range(hours + 1)]
    rows = [row for at in range(hours) for row in caiso_tick(stamps[at], stamps[at + 1], NODE, 30.0 + at)]
    publication = read("x.csv", file_of(*rows))
    assert [row["energy_usd_per_mwh"] for row in rows_of(publication)] == [30.0 + hour for hour in range(hours)]
    assert publication.gaps.num_rows == 0


@pytest.mark.parametrize("counted", [2.0, -2.0, 0.0])
def test_greenhouse_gas_may_be_in_the_price_with_either_sign_or_not_at_all(counted: float) -> None:
    rows = caiso_tick(FIRST, SECOND, NODE, 30.0, ghg=2.0)
    rows[0] = caiso_row(FIRST, SECOND, NODE, "LMP", 28.75 + counted)
    assert rows_of(read("x.csv", file_of(*rows)))[0]["ghg_usd_per_mwh"] == 2.0


@pytest.mark.parametrize("off", [0.001, -0.001, 0.0, 0.00099])
def test_components_may_be_off_by_the_tolerance(off: float) -> None:
    rows = caiso_tick(FIRST, SECOND, NODE, 30.0)
    rows[0] = caiso_row(FIRST, SECOND, NODE, "LMP", round(28.75 + off, 5))
    assert read("x.csv", file_of(*rows)).rows.num_rows == 1


@pytest.mark.parametrize("off", [0.0011, -0.0011, 5.0])
def test_components_off_by_more_name_the_line_of_the_price(off: float) -> None:
    good = caiso_tick(SECOND, "2024-06-12T09:00", NODE, 30.0)
    rows = caiso_tick(FIRST, SECOND, NODE, 30.0)
    rows[0] = caiso_row(FIRST, SECOND, NODE, "LMP", round(28.75 + off, 5))
    error = refusal("x.csv", file_of(*good, *reversed(rows)))
    assert (error.line, error.column) == (9, "MW")
    assert "sum of its components" in error.reason


@pytest.mark.parametrize("kind", ["LMP", "MCE", "MCC", "MCL"])
def test_a_node_and_hour_without_one_of_its_rows_is_a_file_cut_short(kind: str) -> None:
    rows = caiso_tick(FIRST, SECOND, NODE, 30.0)
    rows = [row for row in rows if f",{kind}," not in row]
    error = refusal("x.csv", file_of(*rows))
    assert f"no {kind} row" in error.reason
    assert (error.line, error.column) == (2, "LMP_TYPE")


def test_greenhouse_gas_rows_for_some_intervals_of_a_node_only_are_a_file_cut_short() -> None:
    rows = [*caiso_tick(FIRST, SECOND, NODE, 30.0, 0.0), *caiso_tick(SECOND, "2024-06-12T09:00", NODE, 30.0)]
    assert "no MGHG row" in refusal("x.csv", file_of(*rows)).reason
    other = caiso_tick(FIRST, SECOND, "OTHER", 30.0)
    whole = [*caiso_tick(FIRST, SECOND, NODE, 30.0, 0.0), *other]
    assert [row["ghg_usd_per_mwh"] for row in rows_of(read("x.csv", file_of(*whole)))] == [None, 0.0]


def test_a_row_that_is_there_twice_is_refused() -> None:
    rows = caiso_tick(FIRST, SECOND, NODE, 30.0)
    error = refusal("x.csv", file_of(*rows, rows[1]))
    assert (error.line, error.column) == (6, "LMP_TYPE")


def test_gaps_are_missing_hours_and_empty_prices() -> None:
    third, fourth, fifth = "2024-06-12T09:00", "2024-06-12T10:00", "2024-06-12T11:00"
    rows = [*caiso_tick(FIRST, SECOND, NODE, 30.0), *caiso_tick(third, fourth, NODE, 31.0)]
    rows += caiso_tick(fourth, fifth, NODE, 32.0)
    rows[4] = caiso_row(third, fourth, NODE, "LMP", "")
    rows[-2] = caiso_row(fourth, fifth, NODE, "MCC", "")
    publication = read("x.csv", file_of(*rows))
    gaps = {gap["interval_start_utc"].hour: gap["cause"] for gap in publication.gaps.to_pylist()}
    missing = dict.fromkeys([8, *range(11, 24), *range(7)], MISSING_INTERVAL)
    assert gaps == {9: EMPTY_PRICE, 10: EMPTY_COMPONENT, **missing}
    assert [row["interval_start_utc"].hour for row in rows_of(publication)] == [7, 10]
    assert rows_of(publication)[1]["congestion_usd_per_mwh"] is None


@pytest.mark.parametrize(("day", "hours"), [("2024-06-12T07", 24), ("2024-03-10T08", 23), ("2024-11-03T07", 25)])
@pytest.mark.parametrize("lost", [0, -1])
def test_the_first_and_the_last_hour_of_the_trade_day_are_missed(day: str, hours: int, lost: int) -> None:
    first = datetime.fromisoformat(f"{day}:00:00")
    stamps = [f"{first + timedelta(hours=hour):%Y-%m-%dT%H:%M}" for hour in range(hours + 1)]
    pairs = list(itertools.pairwise(stamps))
    gone = pairs.pop(lost)
    publication = read("x.csv", file_of(*(row for start, end in pairs for row in caiso_tick(start, end, NODE, 30.0))))
    (gap,) = publication.gaps.to_pylist()
    assert f"{gap['interval_start_utc']:%Y-%m-%dT%H:%M}" == gone[0]
    assert f"{gap['interval_end_utc']:%Y-%m-%dT%H:%M}" == gone[1]


def test_fifteen_minute_reports_are_of_any_range() -> None:
    rows = caiso_tick(FIRST, "2024-06-12T07:15", NODE, 30.0, run="RTPD")
    rows += caiso_tick("2024-06-12T07:30", "2024-06-12T07:45", NODE, 30.0, run="RTPD")
    assert read("x.csv", file_of(*rows)).gaps.num_rows == 1


@pytest.mark.parametrize("column", ["INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT", "MARKET_RUN_ID", "LMP_TYPE", "MW"])
def test_a_renamed_column_is_named(column: str) -> None:
    header = CAISO_HEADER.replace(column, "SOMETHING")
    error = refusal("x.csv", file_of(*caiso_tick(FIRST, SECOND, NODE, 30.0), header=header))
    assert (error.line, error.column) == (1, column)


def test_columns_in_another_order_make_no_difference() -> None:
    lines = [line.split(",")[::-1] for line in caiso_file().decode().splitlines()]
    assert rows_of(read("x.csv", text(*(",".join(cells) for cells in lines)))) == rows_of(read("x.csv", caiso_file()))


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        (FIRST, "2024-06-32T07:00", "INTERVALSTARTTIME_GMT"),
        (FIRST, "1024-06-12T07:00", "INTERVALSTARTTIME_GMT"),
        (f"{SECOND}:00-00:00", f"{SECOND}:00-07:00", "INTERVALENDTIME_GMT"),
        (SECOND, "2024-06-12T08:05", "INTERVALENDTIME_GMT"),
    ],
)
def test_stamps_that_make_no_hour_are_refused(old: str, new: str, column: str) -> None:
    rows = [row.replace(old, new) for row in caiso_tick(FIRST, SECOND, NODE, 30.0)]
    error = refusal("x.csv", file_of(*rows))
    assert (error.line, error.column) == (2, column)


def test_a_file_that_mixes_runs_is_refused() -> None:
    rows = [*caiso_tick(FIRST, SECOND, NODE, 30.0), *caiso_tick(FIRST, SECOND, "B", 30.0, run="HASP")]
    error = refusal("x.csv", file_of(*rows))
    assert (error.line, error.column) == (6, "MARKET_RUN_ID")


def test_the_members_of_a_group_zip_are_one_publication() -> None:
    lines = caiso_file(nodes=["A", "B"]).decode().splitlines()
    members = {
        f"20240612_20240612_PRC_LMP_DAM_{kind}_v12.csv": text(
            lines[0], *(line for line in lines[1:] if f",{kind}," in line)
        )
        for kind in ("MCL", "LMP", "MCE", "MCC")
    }
    archive = zipped(members)
    payload = only_payload("20240612_20240612_DAM_LMP_GRP_N_N_v12_csv.zip", archive)
    assert payload.names == tuple(sorted(members))
    assert [payload.contents[at] for at in range(4)] == [members[name] for name in payload.names]
    assert rows_of(parse(payload)) == rows_of(read("x.csv", caiso_file(nodes=["A", "B"])))

    # In another order, and within another zip, the same payload.
    again = only_payload("x.zip", zipped({"deep/y.zip": zipped(dict(reversed(members.items())))}))
    assert (again.names, again.contents) == (payload.names, payload.contents)


def test_a_group_zip_without_a_component_is_refused_naming_the_member() -> None:
    lines = caiso_file().decode().splitlines()
    members = {
        f"20240612_20240612_PRC_LMP_DAM_{kind}_v12.csv": text(
            lines[0], *(line for line in lines[1:] if f",{kind}," in line)
        )
        for kind in ("LMP", "MCE", "MCC")
    }
    error = refusal("g.zip", zipped(members))
    assert "no MCL row" in error.reason
    assert "_LMP_v12.csv line 4" in error.reason


def test_two_days_in_one_zip_stay_two_publications() -> None:
    members = {CAISO_NAME: caiso_file(), CAISO_NAME.replace("20240612_2", "20240613_2"): caiso_file(2)}
    assert len(survey("two.zip", zipped(members), named=False).payloads) == 2


def test_other_reports_with_prices_of_nodes_are_left_alone() -> None:
    name = "20240612_20240612_PRC_MPM_RTM_LMP_RTPD_20240613_01_02_03_v1.csv"
    found = survey(name, caiso_file(), named=False)
    assert found.payloads == []
    assert "PRC_MPM_RTM_LMP_RTPD" in found.skipped[0].reason
