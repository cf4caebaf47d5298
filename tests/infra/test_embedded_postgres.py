"""The embedded PostgreSQL: keeps what was committed, lives no longer than its owner, and touches nothing else."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from infra import embedded_postgres, embedded_postgres_programs
from infra.embedded_postgres import EmbeddedPostgres
from infra.embedded_postgres_programs import find_programs
from infra.errors import PostgresStartError
from infra.folder_lock import try_lock

REPOSITORY = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="shows what holds for root")
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


def assert_ends(pids: list[int], within_s: float = 4.0) -> None:
    deadline = time.monotonic() + within_s
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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped server's folder with one row, made by a real first start."""
    folder = tmp_path_factory.mktemp("made") / "pg"
    with started(folder) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it for one test to do with as it likes."""
    return Path(shutil.copytree(made, tmp_path / "pg"))


def test_what_was_committed_is_there_after_a_restart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")  # the settings of some other PostgreSQL in the owner's environment
    monkeypatch.setenv("PGDATA", "/nonexistent")
    with started(folder) as server, psycopg.connect(server.dsn) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
        connection.commit()
        row = connection.execute(
            "SELECT current_setting('server_encoding'), current_setting('fsync'), current_setting('TimeZone'),"
            " (SELECT datlocale FROM pg_database WHERE datname = current_database())"
        ).fetchone()
        assert row == ("UTF8", "on", "UTC", "C.UTF-8")
    with started(folder) as server:
        assert kept_rows(server) == 2


@on_linux
def test_it_listens_on_no_port_and_its_socket_is_out_of_reach(folder: Path) -> None:
    with started(folder) as server:
        sockets = Path(str(conninfo_to_dict(server.dsn)["host"]))
        assert stat.S_ISSOCK((sockets / ".s.PGSQL.5432").stat().st_mode)
        assert {mode(path) for path in (sockets, folder, folder / "cluster")} == {0o700}
        inodes = set()
        for pid in server_processes(folder):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                inodes.add(os.readlink(descriptor))
        ports = {
            f"socket:[{line.split()[9]}]"
            for table in ("tcp", "tcp6", "udp", "udp6")
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        }
        assert any(inode.startswith("socket:") for inode in inodes)
        assert not inodes & ports


@on_linux
def test_a_deep_path_gets_a_short_private_socket_folder(made: Path, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60) / "with ' and \\ and , in it"
    deep.mkdir(parents=True)
    folder = Path(shutil.copytree(made, deep / "pg"))
    with started(folder) as server:
        short = Path(str(conninfo_to_dict(server.dsn)["host"]))
        assert mode(short) == 0o700
        assert kept_rows(server) == 1
    assert not short.exists()
    with owner_process(folder) as owner:
        wait_for_ready(owner)
        short = Path((folder / "cluster" / "postmaster.pid").read_text().splitlines()[4])
        assert short.exists()
        processes = server_processes(folder)
        owner.kill()
        assert_ends([*processes, parent_of(processes[0])])
    assert not short.exists()


def test_a_path_with_quotes_and_spaces_works(made: Path, tmp_path: Path) -> None:
    odd = tmp_path / 'o\'dd "$x" \\'
    odd.mkdir()
    with started(Path(shutil.copytree(made, odd / "pg"))) as server:
        assert kept_rows(server) == 1


@on_linux
def test_a_clean_stop_leaves_no_process(folder: Path) -> None:
    server = EmbeddedPostgres.start(folder)
    processes = server_processes(folder)
    guard = parent_of(processes[0])
    assert os.getsid(guard) != os.getsid(0)  # Ctrl-C in the terminal does not reach it
    os.kill(guard, signal.SIGTERM)  # as a service manager does to all processes of a service: the owner decides
    os.kill(guard, signal.SIGHUP)
    with psycopg.connect(server.dsn, autocommit=True) as connection:  # an open session does not delay it
        connection.execute("SELECT 1")
        server.stop()
        server.stop()
    assert not [pid for pid in (*processes, guard) if is_running(pid)]
    assert not (folder / "cluster" / "postmaster.pid").exists()


@on_linux
def test_nothing_outlives_a_killed_owner_and_the_next_start_works(folder: Path) -> None:
    with owner_process(folder) as owner:
        wait_for_ready(owner)
        processes = server_processes(folder)
        owner.kill()
        assert_ends([*processes, parent_of(processes[0])])
    with started(folder) as server:
        assert kept_rows(server) == 2


@on_linux
def test_a_start_right_after_a_kill_waits_for_the_old_server(folder: Path) -> None:
    with owner_process(folder) as owner:
        wait_for_ready(owner)
        processes = server_processes(folder)
        owner.kill()
        with started(folder) as server:
            assert not [pid for pid in processes if is_running(pid)]
            assert kept_rows(server) == 2


def test_an_earlier_server_that_takes_long_to_stop_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (folder / "server.lock").open() as lock:
        with started(folder):
            assert not try_lock(lock.fileno())  # held while the server runs
        assert try_lock(lock.fileno())
        timer = threading.Timer(0.5, fcntl.flock, (lock, fcntl.LOCK_UN))
        timer.start()
        with started(folder) as server:
            assert not timer.is_alive()
            assert kept_rows(server) == 1
    with (folder / "server.lock").open() as lock:
        assert try_lock(lock.fileno())
        monkeypatch.setattr(embedded_postgres, "_EARLIER_SERVER_S", 0.1)
        with pytest.raises(PostgresStartError, match=r"still stopping in .*\.\nStart again in a minute"):
            EmbeddedPostgres.start(folder)


@on_linux
def test_a_forked_child_does_not_keep_the_server_alive(folder: Path) -> None:
    with owner_process(folder, "fork") as owner:
        assert owner.stdout is not None
        child = next(int(line) for line in (owner.stdout.readline(), owner.stdout.readline()) if line != "ready\n")
        processes = server_processes(folder)
        owner.kill()
        assert_ends(processes)
        assert is_running(child)
        os.kill(child, signal.SIGKILL)


@on_linux
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv, of util-linux")
def test_nothing_outlives_an_owner_killed_together_with_the_guard(folder: Path) -> None:
    with owner_process(folder) as owner:
        wait_for_ready(owner)
        processes = server_processes(folder)
        os.kill(parent_of(processes[0]), signal.SIGKILL)
        owner.kill()
        assert_ends(processes)


@on_linux
def test_a_server_without_owner_and_guard_is_taken_over(folder: Path) -> None:
    sockets = folder / "socket"
    options = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={sockets}")
    command = find_programs(folder).command("postgres", "-D", str(folder / "cluster"), *options)
    with (folder / "postgres.log").open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as orphan:
        try:
            deadline = time.monotonic() + 10
            while not (sockets / ".s.PGSQL.5432").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            with started(folder) as server:
                assert orphan.wait(timeout=1) == 0
                assert kept_rows(server) == 1
        finally:
            orphan.kill()


@on_linux
def test_a_guard_killed_alone_does_not_upset_the_stop(folder: Path) -> None:
    server = EmbeddedPostgres.start(folder)
    processes = server_processes(folder)
    os.kill(parent_of(processes[0]), signal.SIGKILL)
    server.stop()
    assert not [pid for pid in processes if is_running(pid)]
    with started(folder) as server:
        assert kept_rows(server) == 1


@on_linux
def test_a_crashed_server_recovers_even_while_a_session_of_it_lingers(folder: Path) -> None:
    server = EmbeddedPostgres.start(folder)
    with psycopg.connect(server.dsn) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
        connection.commit()
        busy = psycopg.connect(server.dsn)
        # Counting goes on for a while after the server's death, which a session sees only when it waits.
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 20000000)")
        time.sleep(0.1)
        processes = server_processes(folder)
        os.kill(processes[0], signal.SIGKILL)
    with started(folder) as again:
        assert kept_rows(again) == 2
        assert not [pid for pid in processes if is_running(pid)]
    busy.close()
    server.stop()


def test_a_number_that_now_belongs_to_another_process_is_no_obstacle(folder: Path) -> None:
    pid_file = folder / "cluster" / "postmaster.pid"
    with started(folder):
        lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    (folder / "socket" / ".s.PGSQL.5432.lock").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with started(folder) as server:
        assert kept_rows(server) == 1


@on_linux
def test_a_first_start_that_was_killed_is_done_again(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    with owner_process(folder) as owner:
        deadline = time.monotonic() + 20
        while not list(folder.glob(".cluster-*/global")):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        owner.kill()
        assert not (folder / "cluster").exists()
        with started(folder) as server, psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert sorted(path.name for path in folder.iterdir()) == ["cluster", "postgres.log", "server.lock", "socket"]


def test_a_full_disk_is_named_and_no_half_cluster_is_kept(tmp_path: Path) -> None:
    script = f"""
        set -e
        mount -t tmpfs -o size=24m tmpfs {tmp_path}
        {sys.executable} -c "$1" {tmp_path}/pg || true
        ls -A {tmp_path}/pg
        mount -o remount,size=200m {tmp_path}
        {sys.executable} -c "$2" {tmp_path}/pg stop
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
        [*in_own_mounts, "sh", "-c", script, "sh", attempt, OWNER],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert "PostgresStartError: PostgreSQL could not make its files" in done.stderr
    assert "No space left on device" in done.stderr
    assert "Free some space on that disk" in done.stderr
    assert done.stdout.split() == ["server.lock", "ready"]


def test_settings_it_cannot_start_with_are_reported_from_its_log(folder: Path) -> None:
    with (folder / "cluster" / "postgresql.conf").open("a") as settings:
        settings.write("\nno_such_setting = 1\n")
    with pytest.raises(PostgresStartError, match=r"did not start:\n(.*\n)*.*no_such_setting") as caught:
        EmbeddedPostgres.start(folder)
    assert "DATABASE_URL" in caught.value.remedy
    assert not (folder / "cluster" / "postmaster.pid").exists()


def test_a_cluster_of_another_version_is_named(folder: Path) -> None:
    (folder / "cluster" / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresStartError, match=r"written by PostgreSQL 17; .* brings 18\.\nUse the version"):
        EmbeddedPostgres.start(folder)
    (folder / "cluster" / "PG_VERSION").unlink()
    with pytest.raises(PostgresStartError, match=r"damaged.*\nRestore the data folder"):
        EmbeddedPostgres.start(folder)


def test_a_long_log_is_put_aside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres, "_LARGEST_LOG_BYTES", 100)
    (folder / "postgres.log").write_text("x" * 101)
    with started(folder):
        assert (folder / "postgres.log.1").read_text() == "x" * 101
        assert "ready to accept connections" in (folder / "postgres.log").read_text()


def test_a_missing_wheel_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres_programs, "find_spec", lambda _: None)
    with pytest.raises(PostgresStartError, match=r"not installed\.\nRun `make setup`, or set DATABASE_URL"):
        EmbeddedPostgres.start(tmp_path / "pg")


def test_an_unusable_folder_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "pg").touch()
    with pytest.raises(PostgresStartError, match=r"can't use .*pg:\n.*File exists"):
        EmbeddedPostgres.start(tmp_path / "pg")


def outside_of(folder: Path) -> dict[str, object]:
    """What a start must not change: accounts, and modes and owners of the folders above the data and the programs."""
    programs = find_programs(folder).folder
    above = {*folder.parents, *programs.parents, programs}
    state: dict[str, object] = {str(path): (mode(path), path.stat().st_uid) for path in above}
    state |= {name: Path(name).read_bytes() for name in ("/etc/passwd", "/etc/group")}
    state["temporary"] = sorted(Path(tempfile.gettempdir()).glob("carbon254-pg-*"))
    return state


@pytest.fixture
def closed_folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The server's folder and the programs, both below a folder that only its owner can enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    binaries = find_programs(tmp_path).folder
    packages = binaries.parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, closed / name)
    monkeypatch.setattr(embedded_postgres_programs, "_binaries", lambda: closed / "embedded_postgres/pginstall/bin")
    return Path(shutil.copytree(made, closed / "pg"))


@as_root
def test_root_changes_nothing_outside_the_folder(closed_folder: Path) -> None:
    before = outside_of(closed_folder)
    with started(closed_folder) as server:
        assert kept_rows(server) == 1
        status = Path(f"/proc/{server_pid(closed_folder)}/status").read_text()
        assert "CapEff:\t0000000000000000" in status
    assert outside_of(closed_folder) == before
    assert {path.stat().st_uid for path in closed_folder.rglob("*")} == {0}


@as_root
def test_root_runs_it_as_an_account_where_namespaces_are_forbidden(
    closed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = list(embedded_postgres_programs._ways())
    assert len(ways) == 2
    before = outside_of(closed_folder)
    shutil.rmtree(closed_folder)
    with monkeypatch.context() as patch:
        patch.setattr(embedded_postgres_programs, "_ways", lambda: [(("false",), 0, 0), ways[1]])
        with started(closed_folder) as server, psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
            uid = (closed_folder / "cluster" / "PG_VERSION").stat().st_uid
            assert uid != 0
            status = Path(f"/proc/{server_pid(closed_folder)}/status").read_text()
            assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n" in status
            assert "CapEff:\t0000000000000002" in status  # CAP_DAC_OVERRIDE and nothing else
    with started(closed_folder) as server:  # namespaces are allowed again: the files come back to root
        assert kept_rows(server) == 1
        assert (closed_folder / "cluster" / "PG_VERSION").stat().st_uid == 0
    assert outside_of(closed_folder) == before


@as_root
def test_root_is_told_what_to_do_where_nothing_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ("sh", "-c", "echo not permitted >&2; exit 1")
    monkeypatch.setattr(embedded_postgres_programs, "_ways", lambda: [(refused, 0, 0), (("no-such-program",), 0, 0)])
    with pytest.raises(PostgresStartError, match=r"refuses to run as root.*not permitted.*no-such-program") as caught:
        EmbeddedPostgres.start(tmp_path / "pg")
    assert caught.value.remedy == "Run as a normal user, or set DATABASE_URL to a PostgreSQL server."


@as_root
def test_a_normal_user_can_run_it() -> None:
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
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        os.chown(home, 65534, 65534)
        done = run(python, "-c", OWNER, f"{home}/pg", "stop")
        assert (done.stdout, done.stderr) == ("ready\n", "")
        assert {path.stat().st_uid for path in Path(home).rglob("*")} == {65534}


def _can_run_us(run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[[str], bool]:
    def can(python: str) -> bool:
        try:
            return run(python, "-c", "import psycopg, infra.embedded_postgres").returncode == 0
        except OSError:
            return False

    return can
