"""PJM Data Miner hourly LMPs."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from integrations.isos.gaps import EMPTY_PRICE, MISSING_INTERVAL
from tests.integrations.samples import PJM_HEADER, PJM_NAME, pjm_file, pjm_row, read, refusal, rows_of, text


def bus(stamp: str, pnode: int, equipment: str, **more: object) -> str:
    energy = float(str(more.get("energy", 30.0)))
    return pjm_row(
        stamp,
        "ALDENE",
        pnode=pnode,
        voltage="230 KV",
        equipment=equipment,
        kind="LOAD",
        energy=energy,
        total=energy + 1.5,
        version=more.get("version", 1),
    )


def test_a_row_is_a_tick_that_begins_at_its_utc_stamp() -> None:
    publication = read(PJM_NAME, pjm_file())
    assert (publication.iso, publication.market, publication.feed) == ("PJM", "DA", "da_hrl_lmps")
    assert (publication.vintage, publication.published_at) == ("final", None)
    assert rows_of(publication)[0] == {
        "node": "WESTERN HUB",
        "node_type": "HUB",
        "interval_start_utc": datetime(2024, 6, 12, 4, tzinfo=UTC),
        "interval_end_utc": datetime(2024, 6, 12, 5, tzinfo=UTC),
        "lmp_usd_per_mwh": 31.5,
        "energy_usd_per_mwh": 30.0,
        "congestion_usd_per_mwh": 1.25,
        "loss_usd_per_mwh": 0.25,
        "ghg_usd_per_mwh": None,
        "source_version": 1,
    }


def test_the_price_columns_tell_real_time_which_is_verified() -> None:
    publication = read("x.csv", pjm_file().replace(b"_da", b"_rt"))
    assert (publication.market, publication.feed, publication.vintage) == ("RTH", "rt_hrl_lmps", "verified")


@pytest.mark.parametrize(
    "stamp",
    [
        "6/12/2024 4:00:00 PM",
        "06/12/2024 04:00:00 pm",
        "2024-06-12T16:00:00",
        "2024-06-12T16:00:00.000",
        "2024-06-12 16:00:00Z",
        "6/12/2024 16:00",
    ],
)
def test_stamps_of_the_user_interface_and_of_the_api(stamp: str) -> None:
    rows = rows_of(read("x.csv", pjm_file(pjm_row(stamp))))
    assert rows[0]["interval_start_utc"] == datetime(2024, 6, 12, 16, tzinfo=UTC)


@pytest.mark.parametrize(("start", "hours"), [("2024-03-10T05", 23), ("2024-11-03T04", 25)])
def test_the_long_and_the_short_eastern_day(start: str, hours: int) -> None:
    first = datetime.fromisoformat(f"{start}:00:00")
    stamps = [first + timedelta(hours=hour) for hour in range(hours)]
    lines = [
        pjm_row(f"{at:%m/%d/%Y %I:%M:%S %p}", energy=30 + number, total=31.5 + number)
        for number, at in enumerate(stamps)
    ]
    publication = read("x.csv", pjm_file(*lines))
    assert [row["energy_usd_per_mwh"] for row in rows_of(publication)] == [30.0 + hour for hour in range(hours)]
    assert publication.gaps.num_rows == 0


def test_versions_of_an_hour_are_kept_apart() -> None:
    stamp = "6/12/2024 4:00:00 AM"
    rows = rows_of(read("x.csv", pjm_file(pjm_row(stamp, version=2, energy=31, total=32.5), pjm_row(stamp))))
    assert [(row["source_version"], row["lmp_usd_per_mwh"]) for row in rows] == [(1, 31.5), (2, 32.5)]


@pytest.mark.parametrize("off", [0.02, -0.02, 0.010001])
def test_components_may_be_off_by_the_tolerance(off: float) -> None:
    total = round(31.5 + off, 6)
    assert read("x.csv", pjm_file(pjm_row("6/12/2024 4:00:00 AM", total=total))).rows.num_rows == 1


@pytest.mark.parametrize("off", [0.0201, -0.0201, 10])
def test_components_off_by_more_name_line_and_column(off: float) -> None:
    good, bad = pjm_row("6/12/2024 4:00:00 AM"), pjm_row("6/12/2024 5:00:00 AM", total=round(31.5 + off, 6))
    error = refusal(PJM_NAME, pjm_file(good, bad))
    assert (error.line, error.column) == (3, "total_lmp_da")
    assert error.reason.startswith(f"{PJM_NAME} line 3, column total_lmp_da: ")


def test_buses_of_one_substation_are_told_apart_where_they_collide() -> None:
    first, second = "6/12/2024 4:00:00 AM", "6/12/2024 5:00:00 AM"
    lines = [
        bus(first, 48592, "T-10"),
        bus(first, 48593, "T-20", energy=40.0),
        bus(second, 48592, "T-10", energy=31.0),
        pjm_row(first),
    ]
    publication = read("x.csv", pjm_file(*lines))
    found = [(row["node"], row["node_type"], row["energy_usd_per_mwh"]) for row in rows_of(publication)]
    assert found == [
        ("ALDENE", "LOAD 230 KV T-10 48592", 30.0),
        ("ALDENE", "LOAD 230 KV T-10 48592", 31.0),
        ("ALDENE", "LOAD 230 KV T-20 48593", 40.0),
        ("WESTERN HUB", "HUB", 30.0),
    ]
    apart = rows_of(read("x.csv", pjm_file(lines[1], lines[2])))
    assert {row["node_type"] for row in apart} == {"LOAD 230 KV T-10 48592", "LOAD 230 KV T-20 48593"}
    alone = rows_of(read("x.csv", pjm_file(lines[0], lines[2])))
    assert {row["node_type"] for row in alone} == {"LOAD"}


def test_one_pricing_node_twice_is_refused_naming_both_lines() -> None:
    stamp = "6/12/2024 4:00:00 AM"
    error = refusal("x.csv", pjm_file(pjm_row(stamp), pjm_row(stamp, energy=31, total=32.5)))
    assert (error.line, error.column) == (3, "pnode_name")
    assert "lines 2 and 3" in error.reason


def test_columns_that_are_not_needed_may_be_missing() -> None:
    kept = [
        at for at, name in enumerate(PJM_HEADER.split(","))
        if name not in ("voltage", "equipment", "zone", "pnode_id", "row_is_current", "datetime_beginning_ept")
    ]  # fmt: skip
    lines = pjm_file().decode().splitlines()
    short = text(*(",".join(line.split(",")[at] for at in kept) for line in lines))
    assert rows_of(read("x.csv", short)) == rows_of(read("x.csv", pjm_file()))


@pytest.mark.parametrize(
    "column",
    ["datetime_beginning_utc", "pnode_name", "type", "total_lmp_da", "congestion_price_da", "version_nbr"],
)
def test_a_renamed_column_is_named(column: str) -> None:
    error = refusal("x.csv", pjm_file().replace(column.encode(), b"something"))
    assert (error.line, error.column) == (1, column)


@pytest.mark.parametrize("version", ["", "x", "1.5", "-1", "99999999999"])
def test_a_version_that_is_no_whole_number_is_refused(version: str) -> None:
    error = refusal(
        "x.csv", pjm_file(pjm_row("6/12/2024 4:00:00 AM"), pjm_row("6/12/2024 5:00:00 AM", version=version))
    )
    assert (error.line, error.column) == (3, "version_nbr")


@pytest.mark.parametrize(
    "stamp", ["6/12/2024", "13/12/2024 4:00:00 AM", "6/12/2024 13:00:00 AM", "6/31/2024 4:00:00 AM"]
)
def test_a_stamp_that_is_no_moment_is_refused(stamp: str) -> None:
    error = refusal("x.csv", pjm_file(pjm_row("6/12/2024 4:00:00 AM"), pjm_row(stamp)))
    assert (error.line, error.column) == (3, "datetime_beginning_utc")


FIVE_MINUTES = [f"6/12/2024 4:{minute:02d}:00 AM" for minute in range(0, 60, 5)]
UNVERIFIED_HEADER = "datetime_beginning_utc,datetime_beginning_ept,pnode_name,type," + ",".join(
    ("total_lmp_rt", "congestion_price_rt", "marginal_loss_price_rt")
)


def unverified(*stamps: str) -> bytes:
    return text(UNVERIFIED_HEADER, *(f"{stamp},{stamp},WESTERN HUB,HUB,31.5,1.25,0.25" for stamp in stamps))


def test_verified_five_minute_prices_have_the_columns_of_the_hourly_ones() -> None:
    publication = read("x.csv", pjm_file(*map(pjm_row, FIVE_MINUTES)).replace(b"_da", b"_rt"))
    assert (publication.market, publication.feed, publication.vintage) == ("RT5", "rt_fivemin_hrl_lmps", "verified")
    ends = [row["interval_end_utc"] - row["interval_start_utc"] for row in rows_of(publication)]
    assert ends == [timedelta(minutes=5)] * 12
    assert publication.gaps.num_rows == 0


def test_a_name_tells_five_minutes_where_the_only_stamp_is_on_the_hour() -> None:
    content = pjm_file(pjm_row("6/12/2024 4:00:00 AM")).replace(b"_da", b"_rt")
    assert read("rt_fivemin_hrl_lmps.csv", content).market == "RT5"
    assert read("rt_hrl_lmps.csv", content).market == "RTH"


def test_unverified_prices_are_preliminaries_of_the_verified_feed_and_their_energy_is_derived() -> None:
    hourly = read("x.csv", unverified("6/12/2024 4:00:00 AM", "6/12/2024 5:00:00 AM"))
    assert (hourly.market, hourly.feed, hourly.vintage) == ("RTH", "rt_hrl_lmps", "preliminary")
    assert rows_of(hourly)[0]["energy_usd_per_mwh"] == 30.0
    assert rows_of(hourly)[0]["source_version"] == 0
    five = read("x.csv", unverified(*FIVE_MINUTES))
    assert (five.market, five.feed, five.vintage) == ("RT5", "rt_fivemin_hrl_lmps", "preliminary")


def test_a_single_stamp_off_the_hour_is_a_fault_of_an_hourly_file() -> None:
    stamps = [f"6/12/2024 {hour}:00:00 AM" for hour in (4, 5, 6)] + ["6/12/2024 7:05:00 AM"]
    error = refusal("x.csv", pjm_file(*map(pjm_row, stamps)).replace(b"_da", b"_rt"))
    assert (error.line, error.column) == (5, "datetime_beginning_utc")


def test_gaps_span_the_files_own_range() -> None:
    lines = [pjm_row(f"6/12/2024 {hour}:00:00 AM") for hour in (4, 5, 7)]
    lines.append(pjm_row("6/12/2024 5:00:00 AM", "RETIRED", kind="GEN"))
    lines[0] = pjm_row("6/12/2024 4:00:00 AM", total="")
    gaps = {
        (gap["node"], gap["interval_start_utc"].hour): gap["cause"]
        for gap in read("x.csv", pjm_file(*lines)).gaps.to_pylist()
    }
    assert gaps == {
        ("WESTERN HUB", 4): EMPTY_PRICE,
        ("WESTERN HUB", 6): MISSING_INTERVAL,
        ("RETIRED", 4): MISSING_INTERVAL,
        ("RETIRED", 6): MISSING_INTERVAL,
        ("RETIRED", 7): MISSING_INTERVAL,
    }


def test_a_mangled_year_does_not_make_millions_of_gaps() -> None:
    lines = [pjm_row("6/12/2024 4:00:00 AM", f"N{node}") for node in range(50)]
    lines.append(pjm_row("6/12/2094 4:00:00 AM", "N0"))
    assert read("x.csv", pjm_file(*lines)).gaps.num_rows == 49


CHOSEN = "datetime_beginning_ept,pnode_id,pnode_name,total_lmp_da"


def test_a_download_of_chosen_columns_of_day_ahead_prices() -> None:
    rows = [f"6/12/2024 {hour}:00:00 AM,51288,WESTERN HUB,{30 + hour}" for hour in (1, 2)]
    found = read("x.csv", text(CHOSEN, *rows))
    assert (found.feed, found.gaps.num_rows) == ("da_hrl_lmps", 0)
    first = rows_of(found)[0]
    assert (first["interval_start_utc"].hour, first["node_type"], first["lmp_usd_per_mwh"]) == (5, "", 31.0)
    assert {first[f"{part}_usd_per_mwh"] for part in ("energy", "congestion", "loss")} == {None}
    items = [dict(zip(CHOSEN.split(","), row.split(","), strict=True)) for row in rows]
    assert rows_of(read("x.json", json.dumps(items).encode())) == rows_of(found)


def test_chosen_columns_that_do_not_do() -> None:
    repeated = text(CHOSEN, "11/2/2025 1:00:00 AM,51288,WESTERN HUB,30")
    assert "download it with datetime_beginning_utc" in refusal("x.csv", repeated).reason
    skipped_hour = text(CHOSEN, "3/8/2026 2:00:00 AM,51288,WESTERN HUB,30")
    assert "does not exist" in refusal("x.csv", skipped_hour).reason
    strange = text(f"{CHOSEN},lmp_congestion", "6/12/2024 1:00:00 AM,51288,WESTERN HUB,30,1")
    assert "the column is missing" in refusal("x.csv", strange).reason
    twice = text(CHOSEN, *["6/12/2024 1:00:00 AM,51288,WESTERN HUB,30"] * 2)
    assert "is there twice, in lines 2 and 3" in refusal("x.csv", twice).reason
    real_time = text(CHOSEN.replace("_da", "_rt"), "6/12/2024 1:00:00 AM,51288,WESTERN HUB,30")
    assert "the column is missing" in refusal("rt_hrl_lmps.csv", real_time).reason


UNVERIFIED = "datetime_beginning_utc,datetime_beginning_ept,name,type,five_min_rtlmp,hourly_lmp"


def test_unverified_prices_of_hubs_have_no_components() -> None:
    rows = [f"6/12/2024 4:0{minute}:00 AM,6/12/2024 12:0{minute}:00 AM,WESTERN HUB,HUB,21.5,20" for minute in (0, 5)]
    found = read("x.csv", text(UNVERIFIED, *rows))
    assert (found.market, found.feed, found.vintage) == ("RT5", "unverified_five_min_lmps", "preliminary")
    first = rows_of(found)[0]
    assert (first["node_type"], first["lmp_usd_per_mwh"], first["energy_usd_per_mwh"]) == ("HUB", 21.5, None)
    assert "in lines 2 and 3" in refusal("x.csv", text(UNVERIFIED, rows[0], rows[0])).reason
    assert "beginning of 5 minutes" in refusal("x.csv", text(UNVERIFIED, rows[0].replace(":00:00", ":01:00"))).reason
