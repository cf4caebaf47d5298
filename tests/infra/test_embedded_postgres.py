"""The embedded PostgreSQL: keeps what was committed, listens on no port, and explains what it can't do."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from infra import embedded_postgres, embedded_postgres_programs
from infra.embedded_postgres import EmbeddedPostgres
from infra.errors import PostgresStartError
from tests.e2e.program import open_files_of
from tests.infra.embedded_postgres_support import (
    OWNER,
    REPOSITORY,
    assert_ends,
    kept_rows,
    mode,
    on_linux,
    owner_process,
    parent_of,
    server_processes,
    started,
    wait_for_ready,
)


def test_what_was_committed_is_there_after_a_restart(postgres_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")  # the settings of some other PostgreSQL in the owner's environment
    monkeypatch.setenv("PGDATA", "/nonexistent")
    with started(postgres_folder) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
        connection.commit()
        row = connection.execute(
            "SELECT current_setting('server_encoding'), current_setting('fsync'), current_setting('TimeZone'),"
            " (SELECT datlocale FROM pg_database WHERE datname = current_database())"
        ).fetchone()
        assert row == ("UTF8", "on", "UTC", "C.UTF-8")
    with started(postgres_folder) as server:
        assert kept_rows(server) == 2


@on_linux
def test_it_listens_on_no_port_and_its_socket_is_out_of_reach(postgres_folder: Path) -> None:
    with started(postgres_folder) as server, psycopg.connect(server.dsn) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        sockets = Path(str(conninfo_to_dict(server.dsn)["host"]))
        assert stat.S_ISSOCK((sockets / ".s.PGSQL.5432").stat().st_mode)
        assert {mode(path) for path in (sockets, postgres_folder, postgres_folder / "cluster")} == {0o700}
        open_files = set()
        for pid in server_processes(postgres_folder):
            with suppress(PermissionError):  # a container's root may not look at another user's process
                open_files |= set(open_files_of(pid))
        ports = {
            f"socket:[{line.split()[9]}]"
            for table in ("tcp", "tcp6", "udp", "udp6")
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        }
        assert not open_files & ports


@on_linux
def test_a_deep_path_gets_a_short_private_socket_folder(made_cluster: Path, quick_folder: Path) -> None:
    deep = quick_folder / ("d" * 60) / ("e" * 60) / "with ' and \\ and , in it"
    deep.mkdir(parents=True)
    postgres_folder = Path(shutil.copytree(made_cluster, deep / "pg"))
    with started(postgres_folder) as server:
        short = Path(str(conninfo_to_dict(server.dsn)["host"]))
        assert mode(short) == 0o700
        assert kept_rows(server) == 1
    assert not short.exists()
    with owner_process(postgres_folder) as owner:
        wait_for_ready(owner)
        short = Path((postgres_folder / "cluster" / "postmaster.pid").read_text().splitlines()[4])
        assert short.exists()
        processes = server_processes(postgres_folder)
        owner.kill()
        assert_ends([*processes, parent_of(processes[0])])
    assert not short.exists()


def test_a_path_with_quotes_and_spaces_works(made_cluster: Path, quick_folder: Path) -> None:
    odd = quick_folder / 'o\'dd "$x" \\'
    odd.mkdir()
    with started(Path(shutil.copytree(made_cluster, odd / "pg"))) as server:
        assert kept_rows(server) == 1


def test_a_full_disk_is_named_and_no_half_cluster_is_kept(quick_folder: Path) -> None:
    script = """
        set -e
        mount -t tmpfs -o size=24m tmpfs "$2"
        "$1" -c "$3" "$2/pg" || true
        ls -A "$2/pg"
        mount -o remount,size=200m "$2"
        "$1" -c "$4" "$2/pg" stop
    """
    attempt = "\n".join(
        [
            "import sys; from pathlib import Path; from infra.embedded_postgres import EmbeddedPostgres",
            "EmbeddedPostgres.start(Path(sys.argv[1]))",
        ]
    )
    in_own_mounts = ["unshare", "--mount", "--propagation=private"]
    if shutil.which("unshare") is None or subprocess.run([*in_own_mounts, "true"], check=False).returncode:
        pytest.skip("a small disk needs the right to mount one")
    done = subprocess.run(
        [*in_own_mounts, "sh", "-c", script, "sh", sys.executable, str(quick_folder), attempt, OWNER],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert "PostgresStartError: PostgreSQL could not make its files" in done.stderr
    assert "No space left on device" in done.stderr
    assert "Free some space on that disk" in done.stderr
    assert done.stdout.split() == ["server.lock", "ready"]


def test_settings_it_cannot_start_with_are_reported_from_its_log(postgres_folder: Path) -> None:
    with (postgres_folder / "cluster" / "postgresql.conf").open("a") as settings:
        settings.write("\nno_such_setting = 1\n")
    with pytest.raises(PostgresStartError, match=r"did not start:\n(.*\n)*.*no_such_setting") as caught:
        EmbeddedPostgres.start(postgres_folder)
    assert "DATABASE_URL" in caught.value.remedy
    assert not (postgres_folder / "cluster" / "postmaster.pid").exists()


def test_a_cluster_of_another_version_is_named(postgres_folder: Path) -> None:
    (postgres_folder / "cluster" / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresStartError, match=r"written by PostgreSQL 17; .* brings 18\.\nUse the version"):
        EmbeddedPostgres.start(postgres_folder)
    (postgres_folder / "cluster" / "PG_VERSION").unlink()
    with pytest.raises(PostgresStartError, match=r"damaged.*\nRestore the data folder"):
        EmbeddedPostgres.start(postgres_folder)


def test_a_long_log_is_put_aside(postgres_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres, "_LARGEST_LOG_BYTES", 100)
    (postgres_folder / "postgres.log").write_text("x" * 101)
    with started(postgres_folder):
        assert (postgres_folder / "postgres.log.1").read_text() == "x" * 101
        assert "ready to accept connections" in (postgres_folder / "postgres.log").read_text()


def test_a_missing_wheel_says_what_to_do(quick_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres_programs, "find_spec", lambda _: None)
    with pytest.raises(PostgresStartError, match=r"not installed\.\nRun `make setup`, or set DATABASE_URL"):
        EmbeddedPostgres.start(quick_folder / "pg")


def test_an_unusable_folder_says_what_to_do(quick_folder: Path) -> None:
    (quick_folder / "pg").touch()
    with pytest.raises(PostgresStartError, match=r"can't use .*pg:\n.*File exists"):
        EmbeddedPostgres.start(quick_folder / "pg")
