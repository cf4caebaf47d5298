"""One engine as a process of its own: started, waited for, stopped, and found again by a later command.

Stopped or killed and started again it has its data; only `remove` drops that.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

_STOP_PATIENCE_S = 20.0
_PREPARE_PATIENCE_S = 180.0
_MOST_STARTS = 10
_usual_ports: list[int] = []


class StartFailed(Exception):
    """An engine did not come up. The text ends with the end of its log."""


class Service(ABC):
    """An engine with its files below `folder`. It listens on 127.0.0.1 only."""

    name: str
    stands_in_for: str | None = None
    """What it is not, where it is not the real engine."""
    start_patience_s = 180.0

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
    def pid(self) -> int | None:
        """Of the process that was started last, if any was."""
        try:
            return int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None

    @property
    def is_running(self) -> bool:
        pid = self.pid
        return pid is not None and _is_alive(pid)

    def start(self) -> None:
        """Fetches, starts and waits until it answers; a running one is left alone. Raises StartFailed, FetchFailed."""
        self._make_ready()
        deadline = time.monotonic() + self.start_patience_s
        starts = 0
        while not self.is_ready():
            if not self.is_running:
                # One that was killed may leave processes or locks behind that are gone a moment later.
                if starts == _MOST_STARTS:
                    raise StartFailed(f"{self.name} did not start: {self._said()}")
                starts += 1
                self._spawn()
            if time.monotonic() > deadline:
                raise StartFailed(f"{self.name} did not answer in {self.start_patience_s:.0f} s: {self._said()}")
            time.sleep(0.2)

    def begin(self) -> None:
        """As `start`, but waits for nothing."""
        self._make_ready()
        if not self.is_running:
            self._spawn()

    def stop(self) -> None:
        """Ends the engine and everything that it started; a stopped one is left alone."""
        pid = self.pid
        if pid is not None and _is_alive(pid):
            with suppress(ProcessLookupError):  # it may end by itself meanwhile
                os.killpg(pid, signal.SIGTERM)
                os.killpg(pid, signal.SIGCONT)  # one that was frozen could not hear it
            deadline = time.monotonic() + _STOP_PATIENCE_S
            while _is_alive(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
            if _is_alive(pid):
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
        self._pid_file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Stops it and drops its files; what was fetched stays in the cache."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """Ends the engine as a power cut does, as far as a process can."""
        pid = self.pid
        if pid is not None and _is_alive(pid):
            os.killpg(pid, signal.SIGKILL)
            while _is_alive(pid):
                time.sleep(0.01)
        self._pid_file.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Connections stay, and nothing is answered, until it is stopped."""
        os.killpg(int(self._pid_file.read_text()), signal.SIGSTOP)

    def _make_ready(self) -> None:
        self.fetch()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.prepare()

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                self.command(), cwd=self.folder, env={**os.environ, **self.own_environment()},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._pid_file.write_text(str(process.pid))
        # Whoever kills it, it must not stay behind as a zombie: its successor would take it for alive.
        threading.Thread(target=process.wait, daemon=True).start()

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


def run_once(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Runs what an engine needs before its first start. Raises StartFailed with what it said."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True,
        timeout=_PREPARE_PATIENCE_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise StartFailed(f"{' '.join(command[:3])} failed: {(done.stdout + done.stderr).strip()[-2000:]}")


def shift() -> int:
    """CARBON254_SERVICES_SHIFT: how far all ports are moved, so that several sets of engines run beside each other."""
    return int(os.environ.get("CARBON254_SERVICES_SHIFT") or 0)


def shifted(usual_port: int) -> int:
    _usual_ports.append(usual_port)
    return usual_port + shift()


def free_shift() -> int | None:
    """By how much all ports have to be moved so that nothing listens on any of them; None where nothing is free."""
    return next((far for far in range(0, 3_000, 100) if not any(is_open(port + far) for port in _usual_ports)), None)


def free_ports(count: int) -> list[int]:
    """Ports of this machine on which nothing listens just now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def is_open(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_alive(pid: int) -> bool:
    """False also for one that has ended and that its parent has not asked about yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
