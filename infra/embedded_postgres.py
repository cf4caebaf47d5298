"""The embedded PostgreSQL: a real server in the data folder that lives no longer than this process.

It listens on a Unix socket in a folder that only its owner can enter, and on no port; so it needs no password. Every
commit is on disk (fsync is left on), hence a killed server loses nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from infra.embedded_postgres_cluster import (
    SHORT_SOCKET_PREFIX,
    SUPERUSER,
    end_leftover_server,
    ensure_cluster,
    is_ready,
    start_error,
)
from infra.embedded_postgres_programs import Programs, find_programs
from infra.errors import PostgresStartError
from infra.folder_lock import try_lock
from infra.private_descriptors import PrivateDescriptor

# Given at every start rather than kept in the cluster, so that a new version's settings reach old folders.
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",  # part of the socket's name
    "unix_socket_permissions": "0700",
    "max_connections": "40",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",  # in the cluster, not in the system's shared memory
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "log",  # what went wrong with the server; a statement's error goes to who sent it
    "log_checkpoints": "off",
    "max_wal_size": "4GB",  # a rebuild writes a gigabyte in half a minute; checkpoints amid it make it more
}
_GUARD = Path(__file__).with_name("embedded_postgres_guard.py")
# The shortest of the systems' limits for a socket's path (macOS; Linux takes 107), without the ending zero.
_LONGEST_SOCKET_PATH_BYTES = 103
_LARGEST_LOG_BYTES = 4 * 1024**2
_EARLIER_SERVER_S = 30.0
_RECOVERY_S = 300.0
_STOP_S = 75.0  # longer than the guard's own patience


class EmbeddedPostgres:
    """A running server; `dsn` is how to reach it."""

    def __init__(
        self, cluster: Path, socket_folder: Path, guard: subprocess.Popen[bytes], leash: PrivateDescriptor
    ) -> None:
        self._cluster = cluster
        self._guard = guard
        self._leash = leash
        host = str(socket_folder).replace("\\", r"\\").replace("'", r"\'")
        self.dsn = f"host='{host}' port={SETTINGS['port']} user={SUPERUSER} dbname=postgres"

    @classmethod
    def start(cls, folder: Path) -> EmbeddedPostgres:
        """Start the server whose files lie in `folder`, making them at the first start. Raises PostgresStartError.

        The caller holds the lock of the data folder: a server found running there has lost its owner and is stopped.
        """
        folder = folder.absolute()
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
            lock = _lock_server(folder)
            try:
                return cls._start_locked(folder, lock.fileno())
            finally:
                lock.close()  # the guard has a copy, and with it the lock
        except OSError as error:
            raise start_error(f"PostgreSQL can't use {folder}", str(error)) from error

    def stop(self) -> None:
        """Stop the server, with a checkpoint; once more does nothing. What is connected is disconnected."""
        if self._leash.closed:
            return
        with suppress(BrokenPipeError):  # the server ended by itself
            os.write(self._leash.fileno(), b"s")
        self._leash.close()
        try:
            self._guard.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        end_leftover_server(self._cluster)  # there is one only if the guard was killed

    @classmethod
    def _start_locked(cls, folder: Path, lock: int) -> EmbeddedPostgres:
        cluster = folder / "cluster"
        programs = find_programs(folder)
        end_leftover_server(cluster)
        ensure_cluster(cluster, programs, lock)
        deadline = time.monotonic() + _EARLIER_SERVER_S
        while True:
            try:
                return cls._launch(folder, programs, lock)
            except PostgresStartError as error:
                # Sessions of a server that was killed may take a moment to notice.
                if "pre-existing shared memory block" not in error.message or time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    @classmethod
    def _launch(cls, folder: Path, programs: Programs, lock: int) -> EmbeddedPostgres:
        cluster, log_path = folder / "cluster", folder / "postgres.log"
        if log_path.exists() and log_path.stat().st_size > _LARGEST_LOG_BYTES:
            log_path.replace(folder / "postgres.log.1")
        socket_folder = _socket_folder(folder)
        settings = SETTINGS | {"unix_socket_directories": '"' + str(socket_folder).replace('"', '""') + '"'}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        removed_by_guard = "" if socket_folder.parent == folder else str(socket_folder)
        command = [removed_by_guard, *programs.command("postgres", "-D", str(cluster), *options)]
        with log_path.open("ab") as log:
            log_start = log.tell()
            guard, leash = _spawn_guard(command, log.fileno(), lock)
        server = cls(cluster, socket_folder, guard, leash)
        try:
            _wait_until_ready(cluster, guard)
        except TimeoutError as error:
            server.stop()
            raise start_error(str(error), _text_from(log_path, log_start)) from error
        except BaseException:
            server.stop()
            raise
        return server


def _spawn_guard(command: list[str], log: int, lock: int) -> tuple[subprocess.Popen[bytes], PrivateDescriptor]:
    """The guard with the command for it, and the end of the pipe whose closing tells it to stop."""
    guard_end, owner_end = os.pipe()
    leash = PrivateDescriptor(owner_end)
    try:
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD), *command],
            stdin=guard_end,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            cwd="/",
            start_new_session=True,  # Ctrl-C in the terminal is for the owner alone
        )
    except BaseException:
        leash.close()
        raise
    finally:
        os.close(guard_end)
    return guard, leash


def _wait_until_ready(cluster: Path, guard: subprocess.Popen[bytes]) -> None:
    """Return when the server takes connections. Raises TimeoutError when it ended or takes too long."""
    deadline = time.monotonic() + _RECOVERY_S
    while not is_ready(cluster):
        if guard.poll() is not None:
            raise TimeoutError("PostgreSQL did not start")
        if time.monotonic() > deadline:
            raise TimeoutError(f"PostgreSQL was not ready within {_RECOVERY_S:.0f} s")
        time.sleep(0.005)


def _lock_server(folder: Path) -> PrivateDescriptor:
    """The lock that the guard of a server holds as long as the server runs: waits for an earlier one to end."""
    lock = PrivateDescriptor(os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600))
    deadline = time.monotonic() + _EARLIER_SERVER_S
    while not try_lock(lock.fileno()):
        if time.monotonic() > deadline:
            lock.close()
            message = f"The PostgreSQL of an earlier start is still stopping in {folder}."
            raise PostgresStartError(message, "Start again in a minute.")
        time.sleep(0.01)
    return lock


def _socket_folder(folder: Path) -> Path:
    """A 0700 folder for the socket: beside the cluster, or a short temporary one where that path is too long."""
    own = folder / "socket"
    if _fits(own):
        own.mkdir(mode=0o700, exist_ok=True)
        for leftover in own.iterdir():
            leftover.unlink()
        return own
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes it private
        if _fits(Path(parent, f"{SHORT_SOCKET_PREFIX}12345678")):
            return Path(tempfile.mkdtemp(prefix=SHORT_SOCKET_PREFIX, dir=parent))
    raise PostgresStartError("No folder has a path short enough for a socket.", "Set TMPDIR to a shorter path.")


def _fits(folder: Path) -> bool:
    socket_path = os.fsencode(folder / f".s.PGSQL.{SETTINGS['port']}")
    return (
        len(socket_path) <= _LONGEST_SOCKET_PATH_BYTES and b"," not in socket_path
    )  # a comma would be a list of hosts


def _text_from(path: Path, start: int) -> str:
    with path.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")
