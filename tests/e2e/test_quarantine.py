"""What can't be read whole is quarantined with file, line, column and reason; everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.e2e.market_files import miso_name, miso_text, pjm_text, rezip, write_miso
from tests.e2e.program import Program, Server

pytestmark = pytest.mark.enable_socket

HUB = "INDIANA.HUB"
GOOD_DAY, BAD_DAY = date(2026, 4, 1), date(2026, 4, 2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Program(tmp_path_factory.mktemp("quarantine") / "home").serve() as serving:
        yield serving


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good files among six that can't be read and three that are none of ours."""
    folder = tmp_path_factory.mktemp("mixed")
    write_miso(folder, "da_expost_lmp", {HUB: [30] * 24, "MINN.HUB": [29] * 24}, GOOD_DAY)
    (folder / "rt_hrl_lmps.csv").write_text(pjm_text([20.0] * 24, version=1, day=GOOD_DAY))

    whole = miso_text("da_expost_lmp", {HUB: [30] * 24, "MINN.HUB": [29] * 24}, BAD_DAY)
    (folder / miso_name("da_expost_lmp", BAD_DAY)).write_text(whole[:-60])  # ends in the midst of a row
    prices = [*["31.5"] * 2, "n/a?", *["31.5"] * 21]
    write_miso(folder, "rt_lmp_final", {"MINN.HUB": [31] * 24, HUB: prices}, BAD_DAY)
    other_column = pjm_text([20.0] * 24, version=1, day=BAD_DAY).replace("total_lmp_rt", "total_price")
    (folder / "rt_hrl_lmps (1).csv").write_text(other_column)
    page = "<!DOCTYPE html>\n<html><body>Too many requests</body></html>\n"
    (folder / miso_name("rt_lmp_final", date(2026, 4, 3))).write_text(page)
    (folder / miso_name("rt_lmp_final", date(2026, 4, 4))).write_bytes(b"")
    archive = folder / "20260401_20260401_PRC_LMP_DAM_20260331_13_00_00_v12.zip"
    rezip(archive, [(archive.name.replace(".zip", ".csv"), whole.encode())])
    archive.write_bytes(archive.read_bytes()[:-90])  # without its table of contents

    (folder / "notes.txt").write_text("call the operator\n")
    (folder / "20260401_20260402_PRC_LMP_DAM.xml").write_text("<?xml version='1.0'?><OASISReport/>\n")
    (folder / "20260401_ms_vlr_srw.csv").write_text("Region,Commitments\nNorth,2\n")
    return folder


def test_good_files_load_and_bad_ones_are_named_with_line_and_column(server: Server, mixed: Path) -> None:
    report = server.program.json("ingest", mixed, code=3)
    assert (report["files"], report["publications"], report["rows"]) == (11, 2, 72)
    found = {Path(entry["file"]).name: entry for entry in report["quarantined"]}
    assert all(Path(entry["file"].split("!")[0]).is_file() for entry in report["quarantined"])
    [archive] = [name for name in found if "DAM" in name]
    assert set(found) == {
        archive, miso_name("da_expost_lmp", BAD_DAY), miso_name("rt_lmp_final", BAD_DAY), "rt_hrl_lmps (1).csv",
        miso_name("rt_lmp_final", date(2026, 4, 3)), miso_name("rt_lmp_final", date(2026, 4, 4)),
    }  # fmt: skip
    assert all(list(entry) == ["file", "line", "column", "reason"] and entry["reason"] for entry in found.values())
    # Five lines stand above the rows, and a node has three: the row of LMPs is the fourth, the last row the sixth.
    assert found[miso_name("da_expost_lmp", BAD_DAY)]["line"] == 11
    text = found[miso_name("rt_lmp_final", BAD_DAY)]
    assert (text["line"], text["column"]) == (9, "HE 3")
    assert "n/a?" in text["reason"]
    wrong = found["rt_hrl_lmps (1).csv"]
    assert (wrong["line"], wrong["column"]) == (1, "total_lmp_rt")
    assert "HTML" in found[miso_name("rt_lmp_final", date(2026, 4, 3))]["reason"]
    assert "empty" in found[miso_name("rt_lmp_final", date(2026, 4, 4))]["reason"]
    assert "archive" in found[archive]["reason"] or "zip" in found[archive]["reason"]
    assert all(name.split("!")[0] in entry["reason"] for name, entry in found.items())

    skipped = {Path(entry["file"]).name: entry["reason"] for entry in report["skipped"]}
    assert set(skipped) == {"notes.txt", "20260401_20260402_PRC_LMP_DAM.xml", "20260401_ms_vlr_srw.csv"}
    assert all(skipped.values())


def test_a_quarantine_is_one_event_and_loads_nothing(server: Server, mixed: Path) -> None:
    server.program.json("ingest", mixed, code=3)
    log = server.audit()
    quarantined = [entry for entry in log if entry["outcome"] == "quarantined"]
    assert len(quarantined) == 6
    assert {entry["event"] for entry in quarantined} == {"publication.quarantined"}
    assert all(entry["reason"] for entry in quarantined)
    listed = server.get("/v1/publications", status="quarantined")["items"]
    assert {each["id"] for each in listed} == {entry["target_id"] for entry in quarantined}
    # Whole rows stood before the defect; none of them may be there.
    for iso in ("MISO", "CAISO", "PJM"):
        rows = server.prices(iso, "2026-03-01", "2026-05-01")
        assert {row["interval_start_utc"][:7] for row in rows} <= {"2026-04"}
        assert len(rows) == {"MISO": 48, "CAISO": 0, "PJM": 24}[iso]

    # Tried again, all are still unreadable for the same reason, which is no news.
    again = server.program.json("ingest", mixed, code=3)
    assert (again["publications"], again["unchanged"], len(again["quarantined"])) == (0, 2, 6)
    assert all(entry["reason"] for entry in again["quarantined"])
    assert len(server.audit()) == len(log)


def test_a_corrected_file_loads_and_the_bad_one_stays_on_record(server: Server, tmp_path: Path) -> None:
    day = date(2026, 4, 20)
    prices: list[object] = [31.5] * 24
    file = write_miso(tmp_path, "rt_lmp_final", {HUB: ["thirty", *prices[1:]]}, day)
    refused = server.program.run("ingest", file, code=3)
    assert "1 quarantined" in refused.stdout
    for named in (str(file), "6", "HE 1", "thirty"):
        assert named in refused.stderr
    assert server.prices("MISO", f"{day}", "2026-04-22") == []
    write_miso(tmp_path, "rt_lmp_final", {HUB: prices}, day)
    assert server.program.json("ingest", file)["rows"] == 24
    assert len(server.prices("MISO", f"{day}", "2026-04-22")) == 24
    statuses = [entry["outcome"] for entry in server.audit()][-2:]
    assert statuses == ["quarantined", "done"]


def test_an_unknown_file_is_quarantined_when_named_and_skipped_in_a_folder(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "holidays.csv"
    file.write_text("day,name\n2026-05-25,Memorial Day\n")
    before = len(server.audit())
    report = server.program.json("ingest", tmp_path)
    assert (report["quarantined"], len(report["skipped"])) == ([], 1)
    assert report["skipped"][0]["file"] == str(file)
    assert report["skipped"][0]["reason"]
    assert len(server.audit()) == before
    [named] = server.program.json("ingest", file, code=3)["quarantined"]
    assert named["file"] == str(file)
    assert named["reason"]
    assert len(server.audit()) == before + 1


def test_an_empty_cell_and_a_missing_hour_are_gaps_and_never_filled(server: Server, tmp_path: Path) -> None:
    day = date(2026, 6, 15)
    prices: list[object] = [30] * 24
    prices[5] = ""
    server.ingest(write_miso(tmp_path / "miso", "da_expost_lmp", {HUB: prices}, day))
    lines = pjm_text([20.0] * 24, version=1, day=day).splitlines(keepends=True)
    file = tmp_path / "rt_hrl_lmps.csv"
    file.write_text("".join(lines[:4] + lines[5:]))  # without the hour that begins at 3:00
    server.ingest(file)
    starts = {"MISO": f"{day}T10:00:00Z", "PJM": f"{day}T07:00:00Z"}
    for iso, start in starts.items():
        newest = server.get("/v1/publications", iso=iso)["items"][0]
        assert (newest["row_count"], newest["gap_count"]) == (23, 1)
        [gap] = server.get(f"/v1/publications/{newest['id']}")["gaps"]
        assert gap["interval_start_utc"] == start
        assert gap["cause"]
        assert gap["cause"] in server.program.run("publications", "show", newest["id"]).stdout
        rows = server.prices(iso, f"{day}", "2026-06-17")
        assert len(rows) == 23
        assert start not in {row["interval_start_utc"] for row in rows}
