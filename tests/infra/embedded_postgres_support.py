"""What the tests of the embedded PostgreSQL share: an owner to kill, and looks at processes."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from infra.embedded_postgres import EmbeddedPostgres

REPOSITORY = Path(__file__).parents[2]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
OWNER = """
import os, sys, time
from pathlib import Path
import psycopg
from infra.embedded_postgres import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]))
if "fork" in sys.argv and os.fork() == 0:
    print(os.getpid(), flush=True)
    time.sleep(600)
with psycopg.connect(server.dsn, autocommit=True) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    connection.execute("INSERT INTO kept VALUES (1)")
    print("ready", flush=True)
    if "stop" in sys.argv:
        server.stop()
    else:
        time.sleep(600)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def kept_rows(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row is not None
        return int(row[0])


def server_pid(folder: Path) -> int:
    return int((folder / "cluster" / "postmaster.pid").read_text().split()[0])


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def server_processes(folder: Path) -> list[int]:
    """The server and its children."""
    pid = server_pid(folder)
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def assert_ends(pids: list[int], patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while running := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline, f"still running: {running}"
        time.sleep(0.02)


@contextmanager
def started(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres.start(folder)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def owner_process(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns a server with one more row in it."""
    command = [sys.executable, "-c", OWNER, str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


@contextmanager
def quick_place() -> Iterator[Path]:
    """A folder that is removed after use, in memory where there is room: a cluster is a thousand files."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 1024**3
    with tempfile.TemporaryDirectory(dir=memory if roomy else None) as name:
        yield Path(name)
