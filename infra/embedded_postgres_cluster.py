"""The files of the embedded PostgreSQL: made whole or not at all, and freed from what a killed start left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from infra.embedded_postgres_programs import Programs
from infra.errors import PostgresStartError

SUPERUSER = "carbon254"
SHORT_SOCKET_PREFIX = "carbon254-pg-"
# Lines of postmaster.pid, counted from 0.
_PID, _DATA_FOLDER, _SOCKET_FOLDER, _STATUS = 0, 1, 4, 7


def ensure_cluster(cluster: Path, programs: Programs, lock: int) -> None:
    """Make the cluster at the first start; later make sure that it is one these programs can run."""
    for unfinished in cluster.parent.glob(".cluster-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    if not cluster.exists():
        _make_cluster(cluster, programs, lock)
        return
    try:
        major = int((cluster / "PG_VERSION").read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        message = f"{cluster} is damaged: its PG_VERSION can't be read."
        raise PostgresStartError(message, "Restore the data folder from a backup.") from error
    if major != programs.major:
        message = f"{cluster} was written by PostgreSQL {major}; this version of 254Carbon brings {programs.major}."
        remedy = f"Use the version of 254Carbon that brings PostgreSQL {major}, or choose another CARBON254_HOME."
        raise PostgresStartError(message, remedy)
    _give(cluster, programs)


def is_ready(cluster: Path) -> bool:
    """Whether the server on this cluster says that it takes connections."""
    lines = _pid_file(cluster)
    return len(lines) > _STATUS and lines[_STATUS].strip() == "ready"


def end_leftover_server(cluster: Path) -> None:
    """Stop a server that outlived its owner and guard, and remove its marks. Needs the data folder's lock.

    A number in postmaster.pid may be another process by now (after a reboot, in a container); PostgreSQL itself
    would then refuse to start.
    """
    lines = _pid_file(cluster)
    if len(lines) > _DATA_FOLDER and lines[_PID].isdigit():
        pid, data_folder = int(lines[_PID]), lines[_DATA_FOLDER]
        for number, patience_s in ((signal.SIGINT, 3.0), (signal.SIGQUIT, 6.0), (signal.SIGKILL, 5.0)):
            if not _is_server(pid, data_folder):
                break
            os.kill(pid, number)
            deadline = time.monotonic() + patience_s
            while _is_server(pid, data_folder) and time.monotonic() < deadline:
                time.sleep(0.01)
        if _is_server(pid, data_folder):
            message = f"PostgreSQL of an earlier start (process {pid}) can't be stopped."
            raise PostgresStartError(message, f"End process {pid}, then start again.")
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    if len(lines) > _SOCKET_FOLDER and Path(lines[_SOCKET_FOLDER]).name.startswith(SHORT_SOCKET_PREFIX):
        shutil.rmtree(lines[_SOCKET_FOLDER], ignore_errors=True)


def _make_cluster(cluster: Path, programs: Programs, lock: int) -> None:
    """Make it under another name first, so that half a cluster is never taken for one.

    The lock goes to initdb too: should this process be killed now, the next start waits until initdb has ended.
    """
    new = Path(tempfile.mkdtemp(prefix=".cluster-", dir=cluster.parent))
    try:
        _give(new, programs)
        options = [
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(f"--username={SUPERUSER}", "--auth-local=trust", "--auth-host=reject", "--no-instructions"),
        ]
        made = subprocess.run(
            programs.command("initdb", "-D", str(new), *options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            pass_fds=(lock,),
            cwd="/",
            check=False,
        )
        if made.returncode:
            raise start_error("PostgreSQL could not make its files", made.stdout)
        new.rename(cluster)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    folder = os.open(cluster.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name survives a power cut
    finally:
        os.close(folder)


def start_error(what: str, log: str) -> PostgresStartError:
    """An error with the last lines of a log, and the remedy that they suggest."""
    tail = "\n".join(log.strip().splitlines()[-12:])
    if "No space left on device" in log or "Disk quota exceeded" in log:
        remedy = "Free some space on that disk, or choose another disk with CARBON254_HOME; then start again."
    else:
        remedy = "Mend what the lines above name, or set DATABASE_URL to a PostgreSQL server."
    return PostgresStartError(f"{what}:\n{tail}", remedy)


def _give(cluster: Path, programs: Programs) -> None:
    """Give the files to the user that PostgreSQL runs as, where an earlier start ran as another (root only)."""
    if os.geteuid() != 0 or cluster.stat().st_uid == programs.owner_uid:
        return
    # Bottom-up, so that a change cut short is seen at the top and done again.
    for folder, _, files in os.walk(cluster, topdown=False):
        for path in (*(os.path.join(folder, name) for name in files), folder):
            os.chown(path, programs.owner_uid, programs.owner_gid, follow_symlinks=False)


def _pid_file(cluster: Path) -> list[str]:
    try:
        return os.fsdecode((cluster / "postmaster.pid").read_bytes()).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_server(pid: int, data_folder: str) -> bool:
    """Whether the process is a PostgreSQL server on that data folder, rather than a reused number or a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        except (FileNotFoundError, ProcessLookupError):
            return False
    else:
        ps = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
        command = subprocess.run(ps, capture_output=True, check=False).stdout
    return b"/postgres -D " + os.fsencode(data_folder) + b" " in command
