"""Feeds end to end: the program asks an operator on loopback, in the operator's own addresses and files.

The files are written after the operators' layouts; nothing here is a real payload.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.market_files import miso_name, miso_text
from tests.e2e.operator_server import Operator, operator
from tests.e2e.program import Program, wait_until

pytestmark = pytest.mark.enable_socket

FEED = "miso/da_expost_lmp"
FIRST = date(2026, 3, 10)
STRETCH = ("--start", "2026-03-10T05:00Z", "--end", "2026-03-14T05:00Z")
OASIS_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,OPR_INTERVAL,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,"
    "LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,MW,GROUP"
)


def path_of(day: date) -> str:
    return f"/marketreports/{miso_name('da_expost_lmp', day)}"


DAYS = [FIRST + timedelta(days=number) for number in range(4)]


@pytest.fixture
def miso() -> Iterator[Operator]:
    with operator() as serving:
        for day in DAYS:
            serving.files[path_of(day)] = miso_text("da_expost_lmp", {"INDIANA.HUB": [30] * 24}, day).encode()
        yield serving


@pytest.fixture
def fetching(tmp_path: Path, miso: Operator) -> Program:
    """The program over an empty folder, which asks that operator."""
    sources = {
        "miso-reports": f"{miso.address}/marketreports",
        "miso-public-api": f"{miso.address}/api",
        "caiso-oasis": f"{miso.address}/oasisapi",
    }
    return Program(tmp_path / "home", CARBON254_SOURCES=json.dumps(sources))


def test_a_backfill_that_is_killed_goes_on_and_asks_nothing_twice(fetching: Program, miso: Operator) -> None:
    miso.held.add(path_of(DAYS[2]))
    verb = fetching.start("feeds", "backfill", FEED, *STRETCH)
    wait_until(lambda: path_of(DAYS[2]) in miso.asked or verb.poll() is not None)
    assert verb.poll() is None, verb.communicate()
    verb.kill()
    verb.communicate()
    miso.held.clear()

    done = fetching.json("feeds", "backfill", FEED, *STRETCH)
    assert (done["requests"], done["known"], done["fetched"], done["failed"]) == (4, 2, 2, [])
    # The one that had no answer when the program was killed is the only one that was asked for again.
    assert Counter(miso.asked) == {path_of(day): 1 + (day == DAYS[2]) for day in DAYS}

    again = fetching.json("feeds", "backfill", FEED, *STRETCH)
    assert (again["known"], again["fetched"], len(miso.asked)) == (4, 0, 5)
    assert len(fetching.prices("MISO", "2026-03-10T05:00Z", "2026-03-14T05:00Z")) == 96
    quality = fetching.json(
        "quality", "report", "--iso", "MISO", "--start", "2026-03-10", "--end", "2026-03-14", code=1
    )
    assert [row["completeness"] for row in quality["items"]] == [1.0] * 4
    assert quality["findings"] == []
    (fresh,) = quality["freshness"]  # the days are long past
    assert (fresh["feed"], fresh["arrives_by"], fresh["is_fresh"]) == (FEED, "fetch", False)
    assert (fresh["newest_interval_end_utc"], fresh["freshness_target_s"]) == ("2026-03-14T05:00:00Z", 93_600.0)
    then = ("quality", "report", "--iso", "MISO", "--start", "2026-03-10", "--end", "2026-03-14", "--as-of")
    assert [row["is_fresh"] for row in fetching.json(*then, "2026-03-15T07:00Z")["freshness"]] == []
    listed = fetching.json("quality", "list", "--iso", "MISO")
    assert [(row["market_day"], row["completeness"]) for row in listed] == [
        (f"2026-03-{day}", 1.0) for day in (13, 12, 11, 10)
    ]
    (listed,) = (feed for feed in fetching.json("feeds", "list") if feed["id"] == FEED)
    assert (listed["requests"], listed["bytes_fetched"]) == (4, sum(map(len, miso.files.values())))
    assert (listed["newest_interval_end_utc"], listed["is_fresh"]) == ("2026-03-14T05:00:00Z", False)


def test_what_a_source_gets_wrong_is_waited_out_or_named(fetching: Program, miso: Operator) -> None:
    busy, gone, page, broken = map(path_of, DAYS)
    miso.faults[busy] = [(429, {"Retry-After": "1"}, b"slow down")]
    del miso.files[gone]
    miso.faults[page] = [(200, {}, b"<html><body>maintenance</body></html>")]
    miso.files[broken] = miso.files[broken].replace(b"30,30\n", b"30,x\n")
    done = fetching.json("feeds", "backfill", FEED, *STRETCH, code=1)
    assert (done["fetched"], done["publications"], done["quarantined"]) == (3, 2, 1)
    (failed,) = done["failed"]
    assert failed["request"] == Path(gone).name
    assert "answered 404" in failed["reason"]
    assert Counter(miso.asked) == {busy: 2, gone: 1, page: 2, broken: 1}

    # What failed is asked for again, and so is what cannot be read, in case it was mended; what is known is not.
    miso.files[gone] = miso_text("da_expost_lmp", {"INDIANA.HUB": [31] * 24}, DAYS[1]).encode()
    later = fetching.json("feeds", "backfill", FEED, *STRETCH)
    assert (later["known"], later["unchanged"], later["fetched"], len(miso.asked)) == (2, 1, 1, 8)


def test_a_file_that_cannot_be_read_is_exit_code_3(fetching: Program, miso: Operator) -> None:
    miso.files[path_of(FIRST)] = miso.files[path_of(FIRST)].replace(b",30\n", b",x\n", 1)
    one_day = ("--start", "2026-03-10T05:00Z", "--end", "2026-03-11T05:00Z")
    assert fetching.json("feeds", "backfill", FEED, *one_day, code=3)["quarantined"] == 1


def test_caiso_is_asked_by_trade_day(fetching: Program, miso: Operator) -> None:
    query = (
        "/oasisapi/SingleZip?enddatetime=20260311T07:00-0000&grp_type=ALL&market_run_id=DAM&queryname=PRC_LMP"
        "&resultformat=6&startdatetime=20260310T07:00-0000&version=12"
    )
    miso.files[query] = oasis_zip(datetime(2026, 3, 10, 7, tzinfo=UTC))
    trade_day = ("--start", "2026-03-10T07:00Z", "--end", "2026-03-11T07:00Z")
    assert fetching.json("feeds", "backfill", "caiso/prc_lmp", *trade_day)["publications"] == 1
    assert miso.asked == [query]
    assert len(fetching.prices("CAISO", "2026-03-10T07:00Z", "2026-03-11T07:00Z")) == 24


def oasis_zip(start: datetime) -> bytes:
    lines = [OASIS_HEADER]
    for hour in range(24):
        begins = start + timedelta(hours=hour)
        for kind, price in (("LMP", 30), ("MCE", 28), ("MCC", 1), ("MCL", 1)):
            stamps = f"{begins:%Y-%m-%dT%H:%M:%S}-00:00,{begins + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}-00:00"
            lines.append(f"{stamps},2026-03-10,{hour + 1},0,N1,N1,N1,DAM,{kind},LMP_PRC,N1,ALL,0,{price},{hour}")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("20260310_20260310_PRC_LMP_DAM_v12.csv", "\n".join(lines) + "\n")
    return packed.getvalue()


def test_a_key_goes_to_its_source_and_nowhere_else(fetching: Program, miso: Operator, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "pjm_data_miner").write_text("s3cret-key\n")
    fetching.environment |= {
        "CARBON254_SOURCE_KEYS_DIR": str(tmp_path / "keys"),
        "CARBON254_SOURCES": json.dumps(
            {"pjm_data_miner": f"{miso.address}/api/v1", "miso-reports": f"{miso.address}/marketreports"}
        ),
    }
    day = ("--start", "2026-03-10T05:00Z", "--end", "2026-03-11T05:00Z")
    two_hours = ("--start", "2026-03-10T04:00Z", "--end", "2026-03-10T06:00Z")
    said = fetching.run("feeds", "backfill", "pjm/da_hrl_lmps", *two_hours, code=1)
    assert miso.keys == ["s3cret-key"]
    assert "answered 404" in said.stderr
    said_too = fetching.run("feeds", "backfill", FEED, *day)
    assert miso.keys == ["s3cret-key", None]
    listed = fetching.run("audit", "list", "--json").stdout + fetching.run("feeds", "list", "--json").stdout
    assert "s3cret" not in said.stdout + said.stderr + said_too.stdout + said_too.stderr + listed
    kept = [file for file in fetching.home.rglob("*") if file.is_file() and b"s3cret" in file.read_bytes()]
    assert kept == []


def fuel_mix(now: datetime) -> bytes:
    """The newest interval, stamped with its end in Eastern Standard Time."""
    est = now - timedelta(hours=5, minutes=now.minute % 5, seconds=now.second)
    coal = {"INTERVALEST": f"{est:%Y-%m-%d %I:%M:%S %p}", "CATEGORY": "Coal", "ACT": "23000"}
    return json.dumps({"RefId": f"{est:%d-%b-%Y} - Interval {est:%H:%M} EST", "Fuel": {"Type": [coal]}}).encode()


def test_polling_fetches_by_itself_and_shows_failures(fetching: Program, miso: Operator) -> None:
    miso.files["/api/FuelMix"] = fuel_mix(datetime.now(UTC))
    with fetching.serve("--poll", "miso/fuel_mix", "--poll", "miso/total_load") as server:

        def state(name: str) -> dict[str, object]:
            return dict(server.get(f"/v1/feeds/miso/{name}"))

        wait_until(lambda: state("fuel_mix")["requests"] == 1 and state("total_load")["failing_since"])
        fresh, failing = state("fuel_mix"), state("total_load")
        assert (fresh["is_polled"], fresh["failing_since"], fresh["last_failure"]) == (True, None, None)
        assert fresh["is_fresh"] is True
        assert "answered 404" in str(failing["last_failure"])
        assert failing["requests"] == 0
        assert state("da_expost_lmp")["is_polled"] is False
        assert server.stop() == 0
        assert "polling miso/total_load: " in server.said()
        assert "Traceback" not in server.said()
