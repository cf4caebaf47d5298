"""The disk of the object store is full: uploads are refused and told why, nothing is half there, and it recovers."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest

from infra.objects import Objects, open_s3
from infra.packing import unpacked
from tests.e2e.market_files import write_small_sample
from tests.e2e.on_engines import program_on_engines
from tests.e2e.program import PROGRAM, Program, Server
from tests.faults.checks import nothing_lost_or_doubled
from tests.faults.conftest import Tell
from tests.services.minio import BUCKET, Minio
from tests.services.service import free_ports
from tests.services.small_disk import is_possible, on_small_disk, seen_by

pytestmark = [
    pytest.mark.needs_engine("postgres", "clickhouse", "minio"),
    pytest.mark.enable_socket,
    pytest.mark.skipif(not is_possible(), reason="this machine gives its users no namespaces, and so no small disk"),
    pytest.mark.timeout(600),
]
PUBLICATIONS = 8 + 2 * 4
DISK_BYTES = 64 << 20
LEFT_BYTES = 40_000


class OnSmallDisk(Program):
    """Its server keeps objects on a disk of its own; whatever else it needs is elsewhere."""

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        if arguments[0] != "serve":
            return super().start(*arguments, **options)
        folder = self.home / "objects"
        command = on_small_disk([str(PROGRAM), *map(str, arguments)], folder, DISK_BYTES)
        return self.started(command, **options)


class MinioOnSmallDisk(Minio):
    def command(self) -> list[str]:
        return on_small_disk(super().command(), self.folder / "data", DISK_BYTES)


@dataclass(frozen=True)
class Disk:
    """The small disk as its process sees it; `objects` reads all that are on it, each with its name."""

    folder: Path
    objects: Callable[[], Iterator[tuple[str, bytes]]]

    def fill(self) -> None:
        """Leaves room for little."""
        with (self.folder / "ballast").open("wb", buffering=0) as file:
            with suppress(OSError):
                while file.write(bytes(LEFT_BYTES)):
                    pass
            file.truncate(max(0, file.tell() - LEFT_BYTES))

    def free(self) -> None:
        (self.folder / "ballast").unlink()


Place = Callable[[Path], Any]


@contextmanager
def in_folder(home: Path) -> Iterator[tuple[Server, Disk]]:
    on_engines = program_on_engines(home, CARBON254_OBJECTS="")
    on_engines.run("doctor")  # makes the data folder
    program = OnSmallDisk(home, **on_engines.environment)
    with program.serve() as server:
        folder = seen_by(server.process.pid, home / "objects")
        # Read as files: the store would look for the folder's real place, where this process has no such disk.
        yield server, Disk(folder, partial(read_files, folder))


@contextmanager
def on_minio(home: Path) -> Iterator[tuple[Server, Disk]]:
    minio = MinioOnSmallDisk(home.parent, *free_ports(1))
    try:
        minio.start()
        pid = minio.pid
        assert pid is not None
        environment = dict(minio.environment())
        url = environment.pop("TEST_OBJECTS")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            objects = Objects(open_s3(url))
        disk = Disk(seen_by(pid, minio.folder / "data"), partial(read_objects, objects))
        (disk.folder / BUCKET).mkdir()
        with program_on_engines(home, CARBON254_OBJECTS=url, **environment).serve() as server:
            yield server, disk
    finally:
        minio.remove()


@pytest.mark.parametrize("place", [in_folder, on_minio], ids=["folder", "minio"])
def test_a_full_disk_takes_nothing_by_halves(tmp_path: Path, place: Place, tell: Tell) -> None:
    files = write_small_sample(tmp_path / "files", runs=4)
    with place(tmp_path / "home") as (server, disk):
        program: Program = server.program
        program.run("ingest", files / "miso")
        before = len(program.json("publications", "list"))
        disk.fill()
        statuses = upload(server)
        assert 503 in statuses
        failed = program.run("ingest", files, code=1)
        assert "The object store cannot take" in failed.stderr
        assert "Traceback" not in failed.stderr
        # What needs no room there goes on.
        scenario = {"name": "base", "growth_per_year": 0.02, "seasonal_weight": 1.0}
        assert server.ask("POST", "/v1/commands/define-scenario", body=scenario)[0] == 201
        assert len(program.json("publications", "list")) >= before
        seen = list(disk.objects())
        assert seen
        for name, content in seen:
            assert hashlib.sha256(content).hexdigest() == name
        disk.free()
        program.run("ingest", files)
        nothing_lost_or_doubled(server, PUBLICATIONS + 1)
    tell(f"{len(statuses)} uploads to a full disk, {statuses.count(503)} refused; {len(seen)} objects on it, all whole")


def upload(server: Server) -> list[int]:
    """Ever other bytes until some are refused, and a few more; each refusal says why and when to come again."""
    statuses: list[int] = []
    for number in range(5):
        content = Random(number).randbytes(80_000)  # else they would lie there packed
        status, said = server.ask("POST", "/v1/objects", body=content)
        statuses.append(status)
        if status == httpx2.codes.SERVICE_UNAVAILABLE:
            problem = json.loads(said)
            assert problem["title"].startswith("The object store cannot take 80,000 bytes")
            assert "disk space" in problem["detail"]
            sha256 = hashlib.sha256(content).hexdigest()
            assert server.ask("GET", f"/v1/objects/{sha256}")[0] == 404
        else:
            assert status == 201, said
    return statuses


def read_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and len(file.name) == 64 and "claims" not in file.parts:
            stored = file.read_bytes()
            yield file.name, unpacked(stored) or stored


def read_objects(objects: Objects) -> Iterator[tuple[str, bytes]]:
    for path in sorted(objects.paths()):
        if not path.startswith("claims"):
            yield path.rpartition("/")[2], objects.copied(path)
