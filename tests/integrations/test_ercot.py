"""ERCOT settlement point prices and SCED LMPs."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from integrations.isos.catalogue import name_facts, survey
from integrations.isos.ercot.formats import published_at
from integrations.isos.gaps import EMPTY_PRICE, MISSING_INTERVAL
from tests.integrations.samples import (
    DAM_HEADER,
    DAM_NAME,
    RTM_HEADER,
    SCED_HEADER,
    dam_file,
    dam_hours,
    only_payload,
    read,
    refusal,
    rows_of,
    text,
)

ORDINARY = [(f"{hour:02d}:00", "N") for hour in range(1, 25)]
SPRING = [pair for pair in ORDINARY if pair[0] != "03:00"]
AUTUMN = [*ORDINARY[:2], ("02:00", "Y"), *ORDINARY[2:]]


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


def test_day_ahead_hours_end_in_central_prevailing_time() -> None:
    publication = read(DAM_NAME, dam_file())
    assert (publication.iso, publication.market, publication.feed) == ("ERCOT", "DA", "dam_spp")
    assert (publication.vintage, publication.parser) == ("final", "ercot.dam_spp")
    rows = rows_of(publication)
    assert len(rows) == 48
    assert rows[0] == {
        "node": "HB_NORTH",
        "node_type": "",
        "interval_start_utc": utc(2024, 6, 12, 5),
        "interval_end_utc": utc(2024, 6, 12, 6),
        "lmp_usd_per_mwh": 0.5,
        "energy_usd_per_mwh": None,
        "congestion_usd_per_mwh": None,
        "loss_usd_per_mwh": None,
        "ghg_usd_per_mwh": None,
        "source_version": 0,
    }
    assert rows[-1]["interval_end_utc"] == utc(2024, 6, 13, 5)
    assert publication.gaps.num_rows == 0
    assert name_facts(only_payload(DAM_NAME, dam_file())) == {}


@pytest.mark.parametrize(("day", "hours", "first"), [("03/10/2024", SPRING, 6), ("11/03/2024", AUTUMN, 5)])
def test_the_short_and_the_long_day_are_whole(day: str, hours: list[tuple[str, str]], first: int) -> None:
    publication = read("x.csv", text(DAM_HEADER, *dam_hours(day, hours)))
    assert publication.gaps.num_rows == 0
    rows = [row for row in rows_of(publication) if row["node"] == "HB_NORTH"]
    assert [row["lmp_usd_per_mwh"] for row in rows] == [number + 0.5 for number in range(len(hours))]
    starts = [row["interval_start_utc"] for row in rows]
    assert starts[0].hour == first
    assert {after - before for before, after in pairwise(starts)} == {timedelta(hours=1)}


def test_an_hour_that_does_not_exist_is_refused() -> None:
    error = refusal("x.csv", text(DAM_HEADER, *dam_hours("03/10/2024", ORDINARY, ["A"])))
    assert (error.line, error.column) == (4, "HourEnding")
    assert "does not exist" in error.reason


@pytest.mark.parametrize("flagged", ["01:00", "03:00", "24:00"])
def test_a_flag_on_an_hour_that_occurs_once_is_refused(flagged: str) -> None:
    hours = [*ORDINARY, (flagged, "Y")]
    error = refusal("x.csv", text(DAM_HEADER, *dam_hours("11/03/2024", hours, ["A"])))
    assert (error.line, error.column) == (26, "HourEnding")
    assert "occurs once" in error.reason


def test_the_repeated_hour_twice_under_one_flag_is_refused() -> None:
    hours = [*ORDINARY[:2], ("02:00", "N"), *ORDINARY[2:]]
    error = refusal("x.csv", text(DAM_HEADER, *dam_hours("11/03/2024", hours, ["A"])))
    assert (error.line, error.column) == (4, "SettlementPoint")
    assert "lines 3 and 4" in error.reason


def test_hour_25_is_refused_because_it_may_mean_two_things() -> None:
    error = refusal("x.csv", text(DAM_HEADER, *dam_hours("11/03/2024", [*ORDINARY, ("25:00", "N")], ["A"])))
    assert (error.line, error.column) == (26, "HourEnding")


def without_flag(header: str, rows: list[str]) -> bytes:
    return text(*(line.rpartition(",")[0] for line in [header, *rows]))


@pytest.mark.parametrize(("day", "hours"), [("06/12/2024", ORDINARY), ("03/10/2024", SPRING)])
def test_old_files_without_a_flag_are_read(day: str, hours: list[tuple[str, str]]) -> None:
    rows = dam_hours(day, hours)
    assert rows_of(read("x.csv", without_flag(DAM_HEADER, rows))) == rows_of(read("x.csv", text(DAM_HEADER, *rows)))


def test_without_a_flag_the_repeated_hour_cannot_be_told() -> None:
    error = refusal("x.csv", without_flag(DAM_HEADER, dam_hours("11/03/2024", ORDINARY, ["A"])))
    assert (error.line, error.column) == (3, "HourEnding")
    assert "occurs twice" in error.reason


def test_hours_may_be_written_shorter_and_flags_as_words() -> None:
    short = [(hour.lstrip("0"), "false") for hour, _ in ORDINARY]
    bare = [(str(number), "N") for number in range(1, 25)]
    plain = rows_of(read("x.csv", dam_file()))
    for hours in (short, bare):
        assert rows_of(read("x.csv", text(DAM_HEADER, *dam_hours("6/12/2024", hours)))) == plain
    assert rows_of(read("x.csv", text(DAM_HEADER, *dam_hours("2024-06-12", ORDINARY)))) == plain


def test_a_header_padded_or_spelt_with_blanks_is_the_same() -> None:
    header = "Delivery Date, Hour Ending, Settlement Point, Settlement Point Price,DSTFlag    "
    rows = dam_hours("06/12/2024", ORDINARY)
    assert rows_of(read("x.csv", text(header, *rows))) == rows_of(read("x.csv", text(DAM_HEADER, *rows)))


def test_missing_hours_and_empty_prices_are_gaps_of_the_whole_day() -> None:
    rows = dam_hours("06/12/2024", ORDINARY[:22], ["A", "B"])
    rows[3] = rows[3].replace(" 11.5", " ")
    publication = read("x.csv", text(DAM_HEADER, *rows))
    gaps = {(gap["node"], gap["interval_start_utc"]): gap["cause"] for gap in publication.gaps.to_pylist()}
    last = {utc(2024, 6, 13, 3), utc(2024, 6, 13, 4)}
    assert gaps == {(node, hour): MISSING_INTERVAL for node in "AB" for hour in last} | {
        ("B", utc(2024, 6, 12, 6)): EMPTY_PRICE
    }
    assert publication.rows.num_rows == 43


@pytest.mark.parametrize("cut", [1, 2, 3, 10])
def test_a_file_cut_within_its_last_line_is_refused(cut: int) -> None:
    error = refusal("x.csv", dam_file()[: -1 - cut])
    assert error.line == 49


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        (",N", ",?", "DSTFlag"),
        (" 0.5", " abc", "SettlementPointPrice"),
        (" 0.5", " NaN", "SettlementPointPrice"),
        ("06/12/2024", "06/31/2024", "DeliveryDate"),
        ("06/12/2024", "2024", "DeliveryDate"),
        ("01:00", "0:00", "HourEnding"),
        ("01:00", "01:30", "HourEnding"),
        ("HB_NORTH", "", "SettlementPoint"),
    ],
)
def test_a_bad_cell_names_line_and_column(old: str, new: str, column: str) -> None:
    lines = dam_file().decode().splitlines()
    lines[1] = lines[1].replace(old, new)
    error = refusal("x.csv", text(*lines))
    assert (error.line, error.column) == (2, column)


@pytest.mark.parametrize("column", DAM_HEADER.split(",")[:4])
def test_a_renamed_day_ahead_column_is_named(column: str) -> None:
    error = refusal("x.csv", dam_file().replace(column.encode() + b",", b"Something,", 1))
    assert (error.line, error.column) == (1, column)


def rtm_file(day: str, slots: list[tuple[int, int, str]], *points: tuple[str, str]) -> bytes:
    rows = [
        f"{day},{hour},{quarter},{name},{kind},{number}.25,{flag}"
        for number, (hour, quarter, flag) in enumerate(slots)
        for name, kind in points or [("LZ_WEST", "LZ"), ("LZ_WEST", "LZEW")]
    ]
    return text(RTM_HEADER, *rows)


def test_real_time_points_are_keyed_by_name_and_type() -> None:
    publication = read("x.csv", rtm_file("01/30/2022", [(24, 4, "N")]))
    assert (publication.market, publication.feed, publication.parser) == ("RT15", "rtm_spp", "ercot.rtm_spp")
    rows = rows_of(publication)
    assert [(row["node"], row["node_type"]) for row in rows] == [("LZ_WEST", "LZ"), ("LZ_WEST", "LZEW")]
    assert (rows[0]["interval_start_utc"], rows[0]["interval_end_utc"]) == (
        utc(2022, 1, 31, 5, 45),
        utc(2022, 1, 31, 6),
    )


@pytest.mark.parametrize(("day", "skip", "again", "quarters"), [("03/10/2024", 3, 0, 92), ("11/03/2024", 0, 2, 100)])
def test_real_time_quarters_of_the_short_and_the_long_day(day: str, skip: int, again: int, quarters: int) -> None:
    slots = [
        (hour, quarter, flag)
        for hour in range(1, 25)
        for flag in ("N", "Y")
        for quarter in range(1, 5)
        if hour != skip and (flag == "N" or hour == again)
    ]
    publication = read("x.csv", rtm_file(day, slots, ("HB_NORTH", "HU")))
    starts = [row["interval_start_utc"] for row in rows_of(publication)]
    assert len(starts) == quarters
    assert publication.gaps.num_rows == 0
    assert [row["lmp_usd_per_mwh"] for row in rows_of(publication)] == [n + 0.25 for n in range(quarters)]


def test_real_time_intervals_within_the_files_range_are_gaps() -> None:
    publication = read("x.csv", rtm_file("06/12/2024", [(1, 1, "N"), (1, 3, "N")], ("A", "RN")))
    assert [gap["interval_start_utc"] for gap in publication.gaps.to_pylist()] == [utc(2024, 6, 12, 5, 15)]


def test_a_real_time_interval_past_four_is_refused() -> None:
    error = refusal("x.csv", rtm_file("06/12/2024", [(1, 1, "N"), (1, 5, "N")], ("A", "RN")))
    assert (error.line, error.column) == (3, "DeliveryInterval")


def sced_file(*runs: tuple[str, str], points: tuple[str, ...] = ("HB_NORTH",)) -> bytes:
    return text(SCED_HEADER, *(f"{stamp},{flag},{point},        6.97" for stamp, flag in runs for point in points))


@pytest.mark.parametrize(
    ("stamp", "end"),
    [
        ("00:05:15", (0, 10)),
        ("00:04:55", (0, 10)),
        ("00:05:00", (0, 10)),
        ("00:02:29", (0, 5)),
        ("00:02:30", (0, 10)),
        ("23:59:50", (24, 5)),
    ],
)
def test_a_run_holds_until_five_minutes_past_the_nearest_mark(stamp: str, end: tuple[int, int]) -> None:
    publication = read("x.csv", sced_file((f"01/29/2023 {stamp}", "N")))
    assert (publication.market, publication.feed, publication.parser) == ("RT5", "sced_lmp", "ercot.sced_lmp")
    row = rows_of(publication)[0]
    hour, minute, second = map(int, stamp.split(":"))
    midnight = utc(2023, 1, 29, 6)
    assert row["interval_start_utc"] == midnight + timedelta(hours=hour, minutes=minute, seconds=second)
    assert row["interval_end_utc"] == midnight + timedelta(hours=end[0], minutes=end[1])
    assert (row["node_type"], row["lmp_usd_per_mwh"]) == ("", 6.97)


def test_two_runs_within_one_mark_stay_two() -> None:
    runs = (("01/29/2023 00:04:55", "N"), ("01/29/2023 00:05:15", "N"), ("01/29/2023 00:06:40", "N"))
    rows = rows_of(read("x.csv", sced_file(*runs)))
    assert [row["interval_start_utc"].second for row in rows] == [55, 15, 40]
    assert {row["interval_end_utc"].minute for row in rows} == {10}


def test_runs_of_the_repeated_hour_are_told_by_their_flag() -> None:
    rows = rows_of(read("x.csv", sced_file(("11/03/2024 01:05:15", "N"), ("11/03/2024 01:05:15", "Y"))))
    assert [row["interval_start_utc"] for row in rows] == [utc(2024, 11, 3, 6, 5, 15), utc(2024, 11, 3, 7, 5, 15)]


@pytest.mark.parametrize(
    ("stamp", "flag"),
    [("03/10/2024 02:05:15", "N"), ("11/03/2024 02:05:15", "Y"), ("06/12/2024 25:00:00", "N"), ("06/12/2024", "N")],
)
def test_a_run_at_no_moment_is_refused(stamp: str, flag: str) -> None:
    error = refusal("x.csv", sced_file(("06/12/2024 01:05:15", "N"), (stamp, flag)))
    assert (error.line, error.column) == (3, "SCEDTimestamp")


def test_a_run_that_lacks_a_point_is_a_gap_and_a_point_twice_is_refused() -> None:
    whole = sced_file(("06/12/2024 01:00:15", "N"), ("06/12/2024 01:05:12", "N"), points=("A", "B"))
    lines = whole.decode().splitlines()
    gaps = read("x.csv", text(*lines[:-1])).gaps.to_pylist()
    assert [(gap["node"], gap["interval_start_utc"], gap["interval_end_utc"]) for gap in gaps] == [
        ("B", utc(2024, 6, 12, 6, 5, 12), utc(2024, 6, 12, 6, 10))
    ]
    error = refusal("x.csv", text(*lines, lines[1]))
    assert (error.line, error.column) == (6, "SettlementPoint")


def test_a_run_cut_within_its_last_price_is_refused() -> None:
    whole = sced_file(("06/12/2024 01:00:15", "N"), points=tuple(f"P{point}" for point in range(20))).rstrip()
    assert read("x.csv", whole).rows.num_rows == 20
    for missing in (1, 2, 3, 8):
        assert (refusal("x.csv", whole[:-missing]).line, refusal("x.csv", whole[:-missing]).column) == (21, "LMP")


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        (DAM_NAME, utc(2024, 6, 11, 17, 29, 21)),
        ("cdr.00012300.0000000000000000.20230129.000026269.LMPSROSNODENP6788_20230129_000020.csv",
         utc(2023, 1, 29, 6, 0, 26)),
        ("cdr.00012301.0000000000000000.20241103.013206.SPPHLZNP6905_20241103_0130.csv", utc(2024, 11, 3, 6, 32, 6)),
        ("cdr.00012301.0000000000000000.20241103.013206xhr.SPPHLZNP6905_20241103_0130.csv", utc(2024, 11, 3, 7, 32, 6)),
        ("cdr.00012301.0000000000000000.20240310.023206.SPPHLZNP6905_20240310_0230.csv", None),
        ("cdr.00012301.0000000000000000.20241332.013206.SPPHLZNP6905.csv", None),
        ("spp.csv", None),
    ],
)  # fmt: skip
def test_the_operators_name_says_when_it_was_published(name: str, moment: datetime | None) -> None:
    assert published_at(name) == moment
    assert read(name, dam_file()).published_at == moment


def test_other_ercot_products_are_left_alone() -> None:
    for header in (
        "RTDTimestamp,RepeatedHourFlag,IntervalId,IntervalEnding,SettlementPoint,SettlementPointType,LMP",
        "DeliveryDate,HourEnding,SASMID,AncillaryType,Price,Quantity,DSTFlag",
        "Delivery Date,Hour Ending,Settlement Point,QSE Name,Energy Only Bid MW1,Energy Only Bid Price1,Bid ID",
        "INTERVAL_ENDING,SYSTEM_WIDE,LZ_SOUTH_HOUSTON,LZ_WEST,LZ_NORTH,A,DSTFlag",
    ):
        found = survey("x.csv", text(header, "1,2,3,4,5,6,7"), named=False)
        assert found.payloads == [], header
        assert "ERCOT" in found.skipped[0].reason
