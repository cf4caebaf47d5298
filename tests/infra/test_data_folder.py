"""The data folder: private, ours, held by one process, and clear about everything that keeps it from being used."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra import data_folder
from infra.data_folder import DataFolder, default_home
from infra.errors import DataFolderError, FolderHeld, NewerFormat

REPOSITORY = Path(__file__).parents[2]
OWNER = """
import os, subprocess, sys, time
from pathlib import Path
from infra.data_folder import DataFolder
folder = DataFolder.open(Path(sys.argv[1]))
folder.publish_address("http://127.0.0.1:8000")
children = []
if "with-children" in sys.argv:
    forked = os.fork()
    if forked == 0:
        time.sleep(600)
    children = [forked, subprocess.Popen(["sleep", "600"], close_fds=False).pid]
print(*children, flush=True)
time.sleep(600)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def owner_process(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process that owns the folder, and the ids of its children."""
    command = [sys.executable, "-c", OWNER, str(home), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        children = [int(pid) for pid in process.stdout.readline().split()]
        try:
            yield process, children
        finally:
            process.kill()
            for pid in children:
                os.kill(pid, signal.SIGKILL)


def test_it_is_private_and_its_parents_keep_their_modes(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    opened = closed / "open"
    opened.mkdir()
    opened.chmod(0o755)
    with DataFolder.open(opened / "made" / "home") as folder:
        assert {mode(path) for path in (folder.home, folder.postgres, folder.chdb, folder.objects)} == {0o700}
        assert (folder.home / "format").read_text() == "1\n"
        assert mode(folder.home / "lock") == 0o600
    umask = os.umask(0)
    os.umask(umask)
    assert (mode(closed), mode(opened), mode(opened / "made")) == (0o700, 0o755, 0o777 & ~umask)


def test_an_empty_folder_is_taken_and_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "lost+found").mkdir()
    with DataFolder.open(tmp_path):
        assert mode(tmp_path) == 0o700
    with DataFolder.open(tmp_path) as again:
        assert again.objects.is_dir()


def test_a_start_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "format.new").write_text("")
    with DataFolder.open(tmp_path):
        assert (tmp_path / "format").read_text() == "1\n"


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "thesis.tex").write_text("dear to somebody")
    with pytest.raises(DataFolderError, match=r"not empty and is no data folder.*\n.*CARBON254_HOME"):
        DataFolder.open(tmp_path)
    assert mode(tmp_path) == 0o755
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_newer_format_names_both_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("7\n")
    tmp_path.chmod(0o750)
    with pytest.raises(NewerFormat, match=r"has format 7; .* up to 1\.\nUpdate 254Carbon") as caught:
        DataFolder.open(tmp_path)
    assert (caught.value.found, caught.value.known) == (7, 1)
    assert os.listdir(tmp_path) == ["format"]
    assert mode(tmp_path) == 0o750


def test_a_format_that_is_no_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("PDF")
    with pytest.raises(DataFolderError, match="does not hold a format number"):
        DataFolder.open(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    DataFolder.open(tmp_path).close()
    os.chown(tmp_path / "format", 65534, 65534)
    with pytest.raises(DataFolderError, match=r"user with id 65534, not to 0\.\nRun as that user"):
        DataFolder.open(tmp_path)


def test_a_held_folder_names_its_holder_until_that_is_killed(tmp_path: Path) -> None:
    assert DataFolder.holder(tmp_path / "home") is None
    with owner_process(tmp_path / "home") as (process, _):
        holder = DataFolder.holder(tmp_path / "home")
        assert holder is not None
        assert (holder.pid, holder.address) == (process.pid, "http://127.0.0.1:8000")
        with pytest.raises(FolderHeld, match=f"process {process.pid}, which serves http://127.0.0.1:8000") as caught:
            DataFolder.open(tmp_path / "home")
        assert (caught.value.pid, caught.value.address) == (process.pid, "http://127.0.0.1:8000")
        process.kill()
        process.wait()
        assert DataFolder.holder(tmp_path / "home") is None
        DataFolder.open(tmp_path / "home").close()


def test_children_of_a_killed_owner_do_not_hold_the_folder(tmp_path: Path) -> None:
    with owner_process(tmp_path / "home", "with-children") as (process, children):
        assert len(children) == 2
        process.kill()
        process.wait()
        for pid in children:
            os.kill(pid, 0)  # still there
        DataFolder.open(tmp_path / "home").close()


def test_one_process_cannot_own_a_folder_twice(tmp_path: Path) -> None:
    with DataFolder.open(tmp_path) as folder:
        with pytest.raises(FolderHeld) as caught:
            DataFolder.open(tmp_path)
        assert (caught.value.pid, caught.value.address) == (os.getpid(), None)
        assert "serves" not in str(caught.value)
        folder.close()
        folder.close()
    assert (tmp_path / "lock").read_bytes() == b""
    assert DataFolder.holder(tmp_path) is None


def test_somebody_looking_does_not_keep_the_owner_out(tmp_path: Path) -> None:
    DataFolder.open(tmp_path).close()
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        timer = threading.Timer(0.1, fcntl.flock, (lock, fcntl.LOCK_UN))
        timer.start()
        DataFolder.open(tmp_path).close()
        timer.join()


def test_a_parent_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "home", tmp_path / "file" / "deep" / "home"):
        with pytest.raises(DataFolderError, match=r"can't be a folder: .*file is a file\.\n.*CARBON254_HOME"):
            DataFolder.open(home)


def test_a_place_where_no_folder_can_be_made_is_named() -> None:
    with pytest.raises(DataFolderError, match=r"/proc/carbon254 .*\n.*CARBON254_HOME"):
        DataFolder.open(Path("/proc/carbon254"))


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, r"No permission .*\n.*CARBON254_HOME"),
        (errno.EROFS, r"read-only file system\.\n.*CARBON254_HOME"),
        (errno.ENOSPC, r"is full\.\nFree some space"),
        (errno.EDQUOT, r"is full\.\nFree some space"),
        (errno.ENOLCK, r"has no locks\.\n.*local disk"),
        (errno.EIO, r"can't be used: Input/output error"),
    ],
)
def test_what_the_system_refuses_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), "lock")

    monkeypatch.setattr(data_folder, "FolderLock", refuse)
    with pytest.raises(DataFolderError, match=message):
        DataFolder.open(tmp_path)


def test_a_nearly_full_disk_is_refused_before_anything_is_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(tmp_path)
    full = os.statvfs_result((*real[:4], 50 * 1024**2 // real.f_frsize, *real[5:]))
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _: full)
        with pytest.raises(DataFolderError, match=r"has only 50 MB free\.\nFree at least 200 MB"):
            DataFolder.open(tmp_path)
    DataFolder.open(tmp_path).close()


def test_the_token_is_private_and_stays(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        with DataFolder.open(tmp_path) as folder:
            token = folder.ensure_token()
            assert mode(folder.token) == 0o600
            folder.token.chmod(0o644)
    finally:
        os.umask(umask)
    assert len(token) >= 43
    with DataFolder.open(tmp_path) as folder:
        assert folder.ensure_token() == token
        assert mode(folder.token) == 0o600
        folder.token.write_text("")
        assert folder.ensure_token() not in {"", token}


def test_a_relative_path_and_a_tilde_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with DataFolder.open(Path("relative")) as folder:
        assert folder.home == tmp_path / "relative"
    with DataFolder.open(Path("~/tilde")) as folder:
        assert folder.home == tmp_path / "tilde"


def test_the_default_home_follows_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("CARBON254_HOME", "~/named")
    assert default_home() == Path("/home/ada/named")
    monkeypatch.setenv("CARBON254_HOME", "")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_home() == Path("/var/lib/carbon254")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_home() == Path("/home/ada/.local/share/carbon254")
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert default_home() == Path("/home/ada/.local/share/carbon254")
    monkeypatch.setenv("XDG_DATA_HOME", "/data/ada")
    assert default_home() == Path("/data/ada/carbon254")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_home() == Path("/home/ada/Library/Application Support/carbon254")


def test_a_held_folder_is_said_at_once(tmp_path: Path) -> None:
    """The best of three, since other work of the machine can only make it slower."""
    seconds = []
    with DataFolder.open(tmp_path):
        for _ in range(3):
            before = time.monotonic()
            with pytest.raises(FolderHeld):
                DataFolder.open(tmp_path)
            seconds.append(time.monotonic() - before)
    assert min(seconds) < 0.5, seconds
