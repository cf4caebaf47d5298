"""One engine as a process of its own: started, waited for, stopped, and found again by a later command.

Stopped or killed and started again it has its data; only `remove` drops that.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_STOP_PATIENCE_S = 20.0


class StartFailed(Exception):
    """An engine did not come up. The text ends with the end of its log."""


class Service(ABC):
    """An engine with its files below `folder`. It listens on 127.0.0.1 only."""

    name: str
    start_patience_s = 60.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name
        self._pid_file = self.folder / "pid"
        self._log = self.folder / "log"

    @abstractmethod
    def fetch(self) -> None:
        """Brings the engine into the cache, unless it is there."""

    @abstractmethod
    def prepare(self) -> None:
        """Makes what the engine needs before its first start."""

    @abstractmethod
    def command(self) -> list[str]:
        """The argument list of the engine, staying in the foreground."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers as it should."""

    @abstractmethod
    def environment(self) -> Mapping[str, str]:
        """The variables by which tests, and the platform, find it."""

    def own_environment(self) -> Mapping[str, str]:
        """Variables for the engine itself."""
        return {}

    @property
    def is_running(self) -> bool:
        pid = self._pid()
        return pid is not None and _is_alive(pid)

    def start(self) -> None:
        """Fetches, starts and waits until it answers; a running one is left alone. Raises StartFailed, FetchFailed."""
        self.fetch()
        if not self.is_running:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.prepare()
            with self._log.open("ab") as log:
                process = subprocess.Popen(
                    self.command(), cwd=self.folder, env={**os.environ, **self.own_environment()},
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            self._pid_file.write_text(str(process.pid))
        deadline = time.monotonic() + self.start_patience_s
        while not self.is_ready():
            if not self.is_running or time.monotonic() > deadline:
                raise StartFailed(f"{self.name} did not start: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ends the engine and everything that it started; a stopped one is left alone."""
        pid = self._pid()
        if pid is not None and _is_alive(pid):
            os.killpg(pid, signal.SIGTERM)
            deadline = time.monotonic() + _STOP_PATIENCE_S
            while _is_alive(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
            if _is_alive(pid):
                os.killpg(pid, signal.SIGKILL)
        self._pid_file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Stops it and drops its files; what was fetched stays in the cache."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """Ends the engine as a power cut does, as far as a process can."""
        pid = self._pid()
        if pid is not None and _is_alive(pid):
            os.killpg(pid, signal.SIGKILL)
            while _is_alive(pid):
                time.sleep(0.01)
        self._pid_file.unlink(missing_ok=True)

    def _pid(self) -> int | None:
        try:
            return int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None


def is_open(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_alive(pid: int) -> bool:
    """False also for one that has ended and that nobody has asked about yet."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # where it is a child of this process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
