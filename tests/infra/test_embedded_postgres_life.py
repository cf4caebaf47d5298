"""The embedded PostgreSQL lives no longer than its owner, however that ends, and starts again after it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import psycopg
import pytest

from infra import embedded_postgres
from infra.embedded_postgres import EmbeddedPostgres
from infra.embedded_postgres_programs import find_programs
from infra.errors import PostgresStartError
from infra.folder_lock import try_lock
from tests.e2e.program import wait_until
from tests.infra.embedded_postgres_support import (
    assert_ends,
    is_running,
    kept_rows,
    on_linux,
    owner_process,
    parent_of,
    server_processes,
    started,
    wait_for_ready,
)


@on_linux
def test_a_clean_stop_leaves_no_process(postgres_folder: Path) -> None:
    server = EmbeddedPostgres.start(postgres_folder)
    processes = server_processes(postgres_folder)
    guard = parent_of(processes[0])
    assert os.getsid(guard) != os.getsid(0)  # Ctrl-C in the terminal does not reach it
    os.kill(guard, signal.SIGTERM)  # as a service manager does to all processes of a service: the owner decides
    os.kill(guard, signal.SIGHUP)
    with psycopg.connect(server.dsn, autocommit=True) as connection:  # an open session does not delay it
        connection.execute("SELECT 1")
        server.stop()
        server.stop()
    assert not [pid for pid in (*processes, guard) if is_running(pid)]
    assert not (postgres_folder / "cluster" / "postmaster.pid").exists()


@on_linux
def test_nothing_outlives_a_killed_owner_and_the_next_start_works(postgres_folder: Path) -> None:
    with owner_process(postgres_folder) as owner:
        wait_for_ready(owner)
        processes = server_processes(postgres_folder)
        owner.kill()
        assert_ends([*processes, parent_of(processes[0])])
    with started(postgres_folder) as server:
        assert kept_rows(server) == 2


@on_linux
def test_a_start_right_after_a_kill_waits_for_the_old_server(postgres_folder: Path) -> None:
    with owner_process(postgres_folder) as owner:
        wait_for_ready(owner)
        processes = server_processes(postgres_folder)
        owner.kill()
        with started(postgres_folder) as server:
            assert not [pid for pid in processes if is_running(pid)]
            assert kept_rows(server) == 2


def test_an_earlier_server_that_takes_long_to_stop_is_waited_for(
    postgres_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (postgres_folder / "server.lock").open() as lock:
        with started(postgres_folder):
            assert not try_lock(lock.fileno())  # held while the server runs
        assert try_lock(lock.fileno())
        timer = threading.Timer(0.5, fcntl.flock, (lock, fcntl.LOCK_UN))
        timer.start()
        with started(postgres_folder) as server:
            assert not timer.is_alive()
            assert kept_rows(server) == 1
    with (postgres_folder / "server.lock").open() as lock:
        assert try_lock(lock.fileno())
        monkeypatch.setattr(embedded_postgres, "_EARLIER_SERVER_S", 0.1)
        with pytest.raises(PostgresStartError, match=r"still stopping in .*\.\nStart again in a minute"):
            EmbeddedPostgres.start(postgres_folder)


@on_linux
def test_a_forked_child_does_not_keep_the_server_alive(postgres_folder: Path) -> None:
    with owner_process(postgres_folder, "fork") as owner:
        assert owner.stdout is not None
        child = next(int(line) for line in (owner.stdout.readline(), owner.stdout.readline()) if line != "ready\n")
        processes = server_processes(postgres_folder)
        owner.kill()
        assert_ends(processes)
        assert is_running(child)
        os.kill(child, signal.SIGKILL)


@on_linux
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv, of util-linux")
def test_nothing_outlives_an_owner_killed_together_with_the_guard(postgres_folder: Path) -> None:
    with owner_process(postgres_folder) as owner:
        wait_for_ready(owner)
        processes = server_processes(postgres_folder)
        os.kill(parent_of(processes[0]), signal.SIGKILL)
        owner.kill()
        assert_ends(processes)


@on_linux
def test_a_server_without_owner_and_guard_is_taken_over(postgres_folder: Path) -> None:
    with started(postgres_folder):
        pass  # the files are given to whom the server runs as
    sockets = postgres_folder / "socket"
    options = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={sockets}")
    command = find_programs(postgres_folder).command("postgres", "-D", str(postgres_folder / "cluster"), *options)
    with (
        (postgres_folder / "postgres.log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as orphan,
    ):
        try:
            wait_until((sockets / ".s.PGSQL.5432").exists)
            with started(postgres_folder) as server:
                assert orphan.wait(timeout=60) == 0
                assert kept_rows(server) == 1
        finally:
            orphan.kill()


@on_linux
def test_a_guard_killed_alone_does_not_upset_the_stop(postgres_folder: Path) -> None:
    server = EmbeddedPostgres.start(postgres_folder)
    processes = server_processes(postgres_folder)
    os.kill(parent_of(processes[0]), signal.SIGKILL)
    server.stop()
    assert_ends(processes)
    with started(postgres_folder) as server:
        assert kept_rows(server) == 1


@on_linux
def test_a_crashed_server_recovers_even_while_a_session_of_it_lingers(postgres_folder: Path) -> None:
    server = EmbeddedPostgres.start(postgres_folder)
    with psycopg.connect(server.dsn) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
        connection.commit()
        busy = psycopg.connect(server.dsn)
        # Counting goes on for a while after the server's death, which a session sees only when it waits.
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 20000000)")
        time.sleep(0.1)
        processes = server_processes(postgres_folder)
        os.kill(processes[0], signal.SIGKILL)
    with started(postgres_folder) as again:
        assert kept_rows(again) == 2
        assert not [pid for pid in processes if is_running(pid)]
    busy.close()
    server.stop()


def test_a_number_that_now_belongs_to_another_process_is_no_obstacle(postgres_folder: Path) -> None:
    pid_file = postgres_folder / "cluster" / "postmaster.pid"
    with started(postgres_folder):
        lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    (postgres_folder / "socket" / ".s.PGSQL.5432.lock").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with started(postgres_folder) as server:
        assert kept_rows(server) == 1


@on_linux
def test_a_first_start_that_was_killed_is_done_again(quick_folder: Path) -> None:
    postgres_folder = quick_folder / "pg"
    with owner_process(postgres_folder) as owner:
        wait_until(lambda: list(postgres_folder.glob(".cluster-*/global")))
        owner.kill()
        assert not (postgres_folder / "cluster").exists()
        with started(postgres_folder) as server, psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert sorted(path.name for path in postgres_folder.iterdir()) == [
        "cluster",
        "postgres.log",
        "server.lock",
        "socket",
    ]
