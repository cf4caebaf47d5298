"""The embedded PostgreSQL as root and as a normal user: nothing outside its folder changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from infra import embedded_postgres_programs
from infra.embedded_postgres import EmbeddedPostgres
from infra.embedded_postgres_programs import find_programs
from infra.errors import PostgresStartError
from tests.infra.embedded_postgres_support import (
    OWNER,
    REPOSITORY,
    kept_rows,
    mode,
    server_pid,
    started,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="shows what holds for root")


def outside_of(folder: Path) -> dict[str, object]:
    """What a start must not change: accounts, and modes and owners of the folders above the data and the programs."""
    programs = find_programs(folder).folder
    above = {*folder.parents, *programs.parents, programs}
    state: dict[str, object] = {str(path): (mode(path), path.stat().st_uid) for path in above}
    return state | {name: Path(name).read_bytes() for name in ("/etc/passwd", "/etc/group")}


@pytest.fixture
def closed_folder(made_cluster: Path, quick_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The server's folder and the programs, both below a folder that only its owner can enter."""
    closed = quick_folder / "closed"
    closed.mkdir(mode=0o700)
    binaries = find_programs(quick_folder).folder
    packages = binaries.parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, closed / name)
    monkeypatch.setattr(embedded_postgres_programs, "_binaries", lambda: closed / "embedded_postgres/pginstall/bin")
    return Path(shutil.copytree(made_cluster, closed / "pg"))


def effective_powers(folder: Path) -> int:
    """The capabilities of the server as a bit mask."""
    status = Path(f"/proc/{server_pid(folder)}/status").read_text()
    return int(status.split("CapEff:")[1].split()[0], base=16)


@as_root
def test_root_changes_nothing_outside_the_folder(closed_folder: Path) -> None:
    before = outside_of(closed_folder)
    with started(closed_folder) as server:
        assert kept_rows(server) == 1
        if find_programs(closed_folder).owner_uid == 0:  # in a user namespace
            assert effective_powers(closed_folder) == 0
    assert outside_of(closed_folder) == before


@as_root
def test_root_runs_it_as_an_account_where_namespaces_are_forbidden(
    closed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = find_programs(closed_folder)
    *_, as_account = embedded_postgres_programs._ways()
    if subprocess.run([*as_account[0], "true"], check=False).returncode:
        pytest.skip("root may not become another user here")
    before = outside_of(closed_folder)
    shutil.rmtree(closed_folder)
    version = closed_folder / "cluster" / "PG_VERSION"
    with monkeypatch.context() as patch:
        patch.setattr(embedded_postgres_programs, "_ways", lambda: [(("false",), 0, 0), as_account])
        with started(closed_folder) as server, psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
            assert version.stat().st_uid == Path(f"/proc/{server_pid(closed_folder)}").stat().st_uid != 0
            assert effective_powers(closed_folder) == 2  # CAP_DAC_OVERRIDE and nothing else
    with started(closed_folder) as server:  # namespaces are allowed again: the files come back to root
        assert kept_rows(server) == 1
        assert version.stat().st_uid == usual.owner_uid
    assert outside_of(closed_folder) == before


@as_root
def test_root_is_told_what_to_do_where_nothing_works(quick_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ("sh", "-c", "echo not permitted >&2; exit 1")
    monkeypatch.setattr(embedded_postgres_programs, "_ways", lambda: [(refused, 0, 0), (("no-such-program",), 0, 0)])
    with pytest.raises(PostgresStartError, match=r"refuses to run as root.*not permitted.*no-such-program") as caught:
        EmbeddedPostgres.start(quick_folder / "pg")
    assert caught.value.remedy == "Run as a normal user, or set DATABASE_URL to a PostgreSQL server."


@as_root
def test_a_normal_user_can_run_it(quick_folder: Path) -> None:
    packages = find_programs(Path("/")).folder.parents[2]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{REPOSITORY}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, *arguments],
            user=65534,
            group=65534,
            extra_groups=[],
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    python = next(filter(_can_run_us(run), (sys.executable, "/usr/bin/python3")), None)
    if python is None:
        pytest.skip("no Python within reach of a normal user, or the checkout is out of reach")
    os.chown(quick_folder, 65534, 65534)
    done = run(python, "-c", OWNER, f"{quick_folder}/pg", "stop")
    assert (done.stdout, done.stderr) == ("ready\n", "")
    assert {path.stat().st_uid for path in quick_folder.rglob("*")} == {65534}


def _can_run_us(run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[[str], bool]:
    def can(python: str) -> bool:
        try:
            return run(python, "-c", "import psycopg, infra.embedded_postgres").returncode == 0
        except OSError:
            return False

    return can
