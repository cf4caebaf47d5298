"""The lock on a data folder: a flock, which ends with its owner however that dies, and a record of who the owner is."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.errors import FolderHeld
from infra.private_descriptors import PrivateDescriptor

_RECORD_BYTES = 512


@dataclass(frozen=True)
class Holder:
    """Who owns a data folder; `address` is None until it serves, `pid` None where it has not said it."""

    pid: int | None
    address: str | None


class FolderLock:
    """The lock of the folder `home`, held by this process until `release`. Raises FolderHeld, OSError."""

    def __init__(self, home: Path) -> None:
        self._file = PrivateDescriptor(os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        try:
            deadline = time.monotonic() + 1.0
            while not try_lock(self._file.fileno()):
                # `holder_of` takes the lock for an instant in order to look, without writing itself in.
                holder = _read(self._file.fileno())
                if holder.pid is not None or time.monotonic() > deadline:
                    raise FolderHeld(home, holder.pid, holder.address)
            self.publish(None)
        except BaseException:
            self._file.close()
            raise

    def publish(self, address: str | None) -> None:
        """Write down that this process is the owner, and where it serves."""
        # One write of one length, so that a reader sees the old record or the new one.
        record = json.dumps({"pid": os.getpid(), "address": address}).ljust(_RECORD_BYTES - 1) + "\n"
        os.pwrite(self._file.fileno(), record.encode(), 0)

    def release(self) -> None:
        """Give the folder up; once more does nothing."""
        if not self._file.closed:
            with suppress(OSError):  # a failing disk must not keep the lock
                os.ftruncate(self._file.fileno(), 0)
            self._file.close()


def holder_of(home: Path) -> Holder | None:
    """Who holds the lock of a folder; None when nobody does or there is no such folder. Raises OSError."""
    try:
        descriptor = os.open(home / "lock", os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    finally:
        os.close(descriptor)
    return None


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock of an open file, unless somebody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> Holder:
    """What the owner wrote of itself; waits a moment for one that took the lock and has not written yet."""
    for _ in range(20):
        with suppress(ValueError):
            record = json.loads(os.pread(descriptor, _RECORD_BYTES, 0))
            if _is_alive(record["pid"]):  # else it is the record of an owner that was killed
                return Holder(record["pid"], record["address"])
        time.sleep(0.01)
    return Holder(None, None)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
