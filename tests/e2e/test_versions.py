"""The same again changes nothing; a restatement adds a version, and what was known before stays known."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from tests.e2e.market_files import DAY, miso_name, miso_text, pjm_text, rezip, write_miso, write_small_sample
from tests.e2e.program import Program, Row, Server

pytestmark = pytest.mark.enable_socket

HUB = "MICHIGAN.HUB"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One folder with a server for all of these tests; each has a day of its own."""
    with Program(tmp_path_factory.mktemp("versions") / "home").serve() as serving:
        yield serving


def ingest(server: Server, file: Path) -> tuple[str, int]:
    """Status and rows of a file that is one publication."""
    [answer] = server.ingest(file)
    return answer["status"], sum(event["data"]["reading"]["row_count"] for event in answer["events"])


def hour_of(server: Server, day: date, **options: object) -> list[Row]:
    """MISO's real-time hour from 12:00Z on."""
    return server.prices("MISO", f"{day}T12:00Z", f"{day}T13:00Z", market="RTH", **options)


def lmp(rows: Sequence[Row]) -> list[float]:
    return [float(row["lmp_usd_per_mwh"]) for row in rows]


def test_the_same_files_again_change_nothing_under_whatever_wrapper(server: Server, tmp_path: Path) -> None:
    prices = write_small_sample(tmp_path / "first", runs=1)
    first = server.program.json("ingest", prices)
    assert (first["publications"], first["unchanged"]) == (10, 0)
    before = server.get("/v1/projections")["head"]
    rows = server.prices("ERCOT", f"{DAY}", f"{DAY}T23:59Z")

    # As it was; then wrapped anew: plain files gzipped, archives packed anew, and all of it in one zip of folders.
    moved = shutil.copytree(prices, tmp_path / "renamed folder")
    for file in [path for path in moved.rglob("*") if path.is_file()]:
        if file.suffix == ".csv":
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=1))
            file.unlink()
        else:
            with zipfile.ZipFile(file) as archive:
                members = [(f"other/{name}", archive.read(name)) for name in reversed(archive.namelist())]
            rezip(file, members, zipfile.ZIP_STORED)
    everything = tmp_path / "everything.zip"
    rezip(
        everything, [(str(path.relative_to(moved)), path.read_bytes()) for path in moved.rglob("*") if path.is_file()]
    )

    for again in (prices, moved, everything):
        report = server.program.json("ingest", again)
        assert (report["publications"], report["rows"], report["unchanged"]) == (0, 0, 10), again
        assert (report["skipped"], report["quarantined"]) == ([], [])
    assert server.get("/v1/projections")["head"] == before
    assert server.prices("ERCOT", f"{DAY}", f"{DAY}T23:59Z") == rows


def test_the_newest_restatement_wins_and_the_old_one_stays_known(server: Server, tmp_path: Path) -> None:
    day = date(2026, 1, 5)
    original = write_miso(tmp_path / "a", "rt_lmp_final", {HUB: [30] * 24}, day)
    assert ingest(server, original) == ("done", 24)
    first = hour_of(server, day)
    assert lmp(first) == [30.0]
    known_then = first[0]["log_position"]
    recorded_then = first[0]["recorded_at"]

    restated = write_miso(tmp_path / "b", "rt_lmp_final", {HUB: [31] * 24}, day)
    assert ingest(server, restated) == ("done", 24)
    [winner] = hour_of(server, day)
    assert float(winner["lmp_usd_per_mwh"]) == 31.0
    assert int(winner["log_position"]) == int(known_then) + 1
    assert hour_of(server, day, as_of=known_then) == first
    assert hour_of(server, day, as_of=recorded_then) == first
    assert hour_of(server, day, as_of=winner["log_position"]) == [winner]
    assert hour_of(server, day, as_of=winner["recorded_at"]) == [winner]
    for known in (known_then, recorded_then):
        assert server.program.prices("MISO", f"{day}T12:00Z", f"{day}T13:00Z", "--as-of", known) == first
    assert hour_of(server, day, as_of=str(int(known_then) - 1)) == []
    assert hour_of(server, day, as_of="2001-01-01") == []

    # The first file once more is no news: it does not come back as the newest.
    assert ingest(server, original) == ("unchanged", 0)
    assert hour_of(server, day) == [winner]


def test_a_part_of_the_day_can_be_restated(server: Server, tmp_path: Path) -> None:
    day = date(2026, 6, 5)
    file = tmp_path / "rt_hrl_lmps.csv"
    for version, prices in ((1, [20.0] * 24), (2, [25.0] * 6)):
        file.write_text(pjm_text(prices, version=version, day=day))
        assert ingest(server, file) == ("done", len(prices))
    rows = server.prices("PJM", f"{day}", "2026-06-06", tz="market")
    assert lmp(rows) == [25.0] * 6 + [20.0] * 18
    assert [row["source_version"] for row in rows] == ["2"] * 6 + ["1"] * 18


def test_a_lower_version_of_the_source_never_hides_a_higher_one(server: Server, tmp_path: Path) -> None:
    day = date(2026, 6, 8)
    file = tmp_path / "rt_hrl_lmps.csv"
    for version, price in ((2, 25.0), (1, 20.0)):
        file.write_text(pjm_text([price] * 24, version=version, day=day))
        assert ingest(server, file) == ("done", 24)
    assert lmp(server.prices("PJM", f"{day}", "2026-06-09", tz="market")) == [25.0] * 24


def test_preliminary_prices_after_the_final_ones_never_hide_them(server: Server, tmp_path: Path) -> None:
    day = date(2026, 1, 8)
    final = write_miso(tmp_path, "rt_lmp_final", {HUB: [40] * 24}, day)
    late = write_miso(tmp_path, "rt_lmp_prelim", {HUB: [39] * 24, "MINN.HUB": [17] * 24}, day)
    ingest(server, final)
    [before] = hour_of(server, day)
    assert (before["vintage"], before["feed"]) == ("final", "rt_lmp")
    assert ingest(server, late) == ("done", 48)
    rows = hour_of(server, day)
    assert [(row["node"], float(row["lmp_usd_per_mwh"]), row["vintage"]) for row in rows] == [
        (HUB, 40.0, "final"),
        ("MINN.HUB", 17.0, "preliminary"),
    ]


def test_final_prices_after_the_preliminary_ones_win(server: Server, tmp_path: Path) -> None:
    day = date(2026, 1, 9)
    for report, price in (("rt_lmp_prelim", 39), ("rt_lmp_final", 40)):
        ingest(server, write_miso(tmp_path, report, {HUB: [price] * 24}, day))
    assert lmp(hour_of(server, day)) == [40.0]


def test_what_only_the_name_tells_is_part_of_the_identity(server: Server, tmp_path: Path) -> None:
    """A file without date above its header: equal bytes of two days are two publications."""
    days = (date(2026, 2, 2), date(2026, 2, 3))
    table = miso_text("rt_lmp_final", {HUB: [50] * 24}).split("\n", 4)[4]
    files = [tmp_path / miso_name("rt_lmp_final", day) for day in days]
    for file in files:
        file.write_text(table)
        assert ingest(server, file) == ("done", 24)
    assert [lmp(hour_of(server, day)) for day in days] == [[50.0], [50.0]]
    assert [ingest(server, file) for file in files] == [("unchanged", 0)] * 2
