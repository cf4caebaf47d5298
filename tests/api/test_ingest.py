"""One bad file never stops an ingest; each file is taken once, and in the order in which it was named."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.cli.connection import ApiError, Connection
from api.cli.found_files import find_files
from api.cli.ingest import ingest_paths
from infra.errors import PlatformError
from tests.e2e.market_files import write_miso

HUB = "INDIANA.HUB"
HOME = Path("/nonexistent")  # a data folder that is nowhere near


class Flaky(Connection):
    """Answers some requests itself; keeps the names of what was sent as a command, in order."""

    def __init__(self, api: Connection, *, status: int = 0, at: str = "", slow: str = "") -> None:
        self.__dict__ |= api.__dict__
        self.sent: list[str] = []
        self._status, self._at, self._slow = status, at, slow

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        if "json" in options:
            self.sent += options["json"]["names"]
        told = json.dumps(options, default=str)
        if self._status and self._at in path and "bad" in told:
            raise ApiError(self._status, "it was refused", "mend it")
        if self._slow and self._slow in told and "survey" in path:
            await asyncio.sleep(0.3)
        return await super().request(method, path, **options)


def write(folder: Path, name: str, day: int, price: float = 30) -> Path:
    file = write_miso(folder, "rt_lmp_final", {HUB: [price] * 24}, date(2026, 5, day))
    return file.rename(folder / name)


def test_what_cannot_be_read_is_reported_and_the_rest_goes_on(api: Connection, tmp_path: Path) -> None:
    write(tmp_path, "a.csv", 1)
    write(tmp_path, "z.csv", 2)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    (tmp_path / "folder").symlink_to(tmp_path)
    report = ingest_paths(api, [tmp_path, Path("/dev/null")])
    assert (report.files, report.publications) == (2, 2)
    assert {Path(e["file"]).name: (e["line"], e["column"]) for e in report.quarantined} == {
        "gone": (None, None),
        "loop": (None, None),
    }
    assert "No such file" in report.quarantined[0]["reason"]
    assert {Path(e["file"]).name for e in report.skipped} == {"pipe", "socket", "folder", "null"}


def test_a_file_that_vanishes_or_is_not_for_us_is_reported(
    api: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = write(tmp_path, "bad.csv", 3), write(tmp_path, "good.csv", 4)
    read = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path == bad:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", failing)
    report = ingest_paths(api, [bad, good])
    assert (report.publications, len(report.quarantined)) == (1, 1)
    assert report.quarantined[0]["reason"] == "it cannot be read: Permission denied"


def test_a_name_that_is_no_utf_8_is_ingested_and_shown(api: Connection, tmp_path: Path) -> None:
    write(tmp_path, "x.csv", 5).rename(tmp_path / os.fsdecode(b"\xff.csv"))
    (tmp_path / os.fsdecode(b"\xfe.txt")).write_text("a note\n")
    report = ingest_paths(api, [tmp_path])
    assert report.publications == 1
    assert [entry["file"] for entry in report.skipped] == [f"{tmp_path}/\\xfe.txt"]


@pytest.mark.parametrize("status", [413, 422, 500])
@pytest.mark.parametrize("at", ["survey", "ingest-publication"])
def test_a_problem_with_one_file_is_reported_and_the_rest_goes_on(
    api: Connection, tmp_path: Path, status: int, at: str
) -> None:
    write(tmp_path, "bad.csv", 6)
    write(tmp_path, "good.csv", 7)
    report = ingest_paths(Flaky(api, status=status, at=at), [tmp_path])
    assert report.publications + report.unchanged == 1
    assert report.quarantined == [
        {"file": str(tmp_path / "bad.csv"), "line": None, "column": None, "reason": "it was refused. mend it"}
    ]


def test_a_problem_of_all_files_ends_the_verb(api: Connection, tmp_path: Path) -> None:
    write(tmp_path, "bad.csv", 6)
    with pytest.raises(ApiError, match="it was refused"):
        ingest_paths(Flaky(api, status=401, at="survey"), [tmp_path])


def test_commands_are_sent_in_the_order_of_the_files(api: Connection, tmp_path: Path) -> None:
    """The original's survey takes longest, and still its restatement comes after it and wins."""
    original, restated = write(tmp_path, "b.csv", 8, price=1.0), write(tmp_path, "a.csv", 8, price=2.0)
    more = [write(tmp_path, f"c{n}.csv", 9 + n) for n in range(6)]
    flaky = Flaky(api, slow="b.csv")
    ingest_paths(flaky, [original, restated, *more])
    assert flaky.sent == ["b.csv", "a.csv", *(file.name for file in more)]
    (first, *_) = api.get("/v1/prices", iso="MISO", node=HUB, start="2026-05-08T05:00Z", end="2026-05-08T06:00Z")
    assert first["lmp_usd_per_mwh"] == 2.0


def test_files_of_a_folder_come_in_their_natural_order(tmp_path: Path) -> None:
    names = ["x.csv", "x (1).csv", "x (10).csv", "x_v2.zip", "x_v12.zip", "y/x.csv"]
    (tmp_path / "y").mkdir()
    for name in reversed(names):
        (tmp_path / name).touch()
    assert [str(f.relative_to(tmp_path)) for f in find_files([tmp_path], home=HOME).files] == names


def test_the_data_folder_itself_is_walked_past(tmp_path: Path) -> None:
    (tmp_path / "data" / "objects").mkdir(parents=True)
    for name in ("a.csv", "data/token", "data/objects/x"):
        (tmp_path / name).touch()
    found = find_files([tmp_path], home=tmp_path / "data")
    assert list(found.files) == [tmp_path / "a.csv"]
    assert [entry["reason"] for entry in found.skipped] == ["the data folder of 254Carbon itself"]


def test_a_file_named_twice_is_ingested_once(api: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "a.csv", 20)
    (tmp_path / "b").mkdir()
    paths = [Path("a.csv"), Path("b/../a.csv"), tmp_path / "a.csv", Path()]
    assert find_files(paths, home=HOME).files == {Path("a.csv"): True}
    assert find_files([tmp_path, tmp_path / "a.csv"], home=HOME).files == {tmp_path / "a.csv": True}
    report = ingest_paths(api, paths)
    assert (report.files, report.publications, report.unchanged) == (1, 1, 0)


def test_a_server_that_is_gone_ends_the_verb(tmp_path: Path) -> None:
    class Gone(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectError("refused")

    write(tmp_path, "a.csv", 1)
    with (
        Connection(httpx2.AsyncClient(transport=Gone(), base_url="http://x")) as connection,
        pytest.raises(PlatformError, match="does not answer"),
    ):
        ingest_paths(connection, [tmp_path])
