"""The installed program as a user runs it: real processes over a data folder of their own."""

from __future__ import annotations

import csv
import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode, urlsplit

PROGRAM = Path(sys.prefix) / "bin" / "carbon254"
# Far more than anything takes, on a busy machine too: what hangs fails its test with what it had said until then.
PATIENCE_S = 240.0

Row = dict[str, str]


class Program:
    """`carbon254` over one data folder. Nothing of the caller's environment but PATH reaches it."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.temporary = home.parent / f"{home.name}.tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.temporary),
            "TMPDIR": str(self.temporary),
            "CARBON254_HOME": str(home),
        } | environment

    @property
    def token(self) -> str:
        """What the operator calls by."""
        return self.environment.get("CARBON254_TOKEN") or (self.home / "token").read_text().strip()

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """A verb that goes on while the test does something else."""
        return self.started([str(PROGRAM), *map(str, arguments)], **options)

    def started(self, command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        """Any program in the same environment."""
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        return subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, **given)

    def run(
        self, *arguments: object, code: int = 0, patience_s: float = PATIENCE_S, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """A verb to its end; `code` is the exit code that it must have."""
        process = self.start(*arguments, **options)
        try:
            out, err = process.communicate(timeout=patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"{arguments} hangs: {process.communicate()}") from None
        assert process.returncode == code, f"{arguments} ended with {process.returncode}, not {code}:\n{out}\n{err}"
        return subprocess.CompletedProcess([*map(str, arguments)], process.returncode, out, err)

    def json(self, *arguments: object, code: int = 0, patience_s: float = PATIENCE_S) -> Any:
        """What a verb prints with --json."""
        return json.loads(self.run(*arguments, "--json", code=code, patience_s=patience_s).stdout)

    def id(self, *arguments: object) -> str:
        """The id that a verb prints first, alone on its line."""
        printed = self.run(*arguments).stdout.splitlines()
        assert printed, f"{arguments} printed nothing"
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", printed[0]), printed
        return printed[0]

    def prices(self, iso: str, start: str, end: str, *options: object) -> list[Row]:
        """The rows of `prices get` as CSV."""
        window = ("--iso", iso, "--start", start, "--end", end)
        return rows_of(self.run("prices", "get", *window, *options, "--format", "csv").stdout)

    def audit(self) -> list[Row]:
        """The audit log, oldest first."""
        return rows_of(self.run("audit", "list", "--format", "csv").stdout)[::-1]

    def rows_kept(self) -> int:
        """How many publications have got as far as their rows being in the object store, just before their event."""
        return sum(1 for file in (self.home / "objects" / "rows").glob("??/*") if len(file.name) == 64)

    def start_ingesting(self, *paths: Path, further: int) -> subprocess.Popen[str]:
        """An `ingest` in the midst of its work: `further` publications have got somewhere since it was started."""
        target = self.rows_kept() + further
        verb = self.start("ingest", *paths)
        wait_until(lambda: self.rows_kept() >= target or verb.poll() is not None)
        assert verb.poll() is None, verb.communicate()
        return verb

    def serve(self, *arguments: object) -> Server:
        """A server that answers already. Use it in a `with`."""
        return Server(self, "--port", 0, *arguments)


class Server:
    """A `carbon254 serve` process on a free port of its own."""

    def __init__(
        self,
        program: Program,
        *arguments: object,
        verb: str = "serve",
        log: str = "serve.log",
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.program = program
        self._log = program.temporary / log
        with self._log.open("w") as file:
            self.process = program.start(verb, *arguments, stdout=file, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: "Serving http" in self.said() or self.process.poll() is not None, patience_s)
            assert self.process.poll() is None, self.said()
        except BaseException:
            self.kill()
            raise
        found = re.search(r"Serving (http://\S+)", self.said())
        assert found, self.said()
        self.address = found[1]
        self.port = urlsplit(self.address).port

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.stop()

    def said(self) -> str:
        return self._log.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end, and waits; returns the exit code."""
        self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{number.name} did not stop the server: {self.said()}") from None

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.wait()

    # What follows speaks HTTP itself and needs @pytest.mark.enable_socket; it is much quicker than a verb.

    def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> tuple[int, str]:
        """Status and content of one plain HTTP request, with the token unless `headers` say otherwise.

        `body` is bytes, or a dictionary to be sent as JSON.
        """
        content = json.dumps(body) if isinstance(body, dict) else body
        given = {"Authorization": f"Bearer {self.program.token}", "Content-Type": "application/json"} | dict(
            headers or {}
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, content, {name: value for name, value in given.items() if value})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def get(self, path: str, **parameters: object) -> Any:
        """The JSON behind a path, once the read models hold everything written so far."""
        return json.loads(self._found(path, parameters))

    def prices(self, iso: str, start: object, end: object, **parameters: object) -> list[Row]:
        """As `Program.prices`."""
        return rows_of(
            self._found("/v1/prices", {"iso": iso, "start": start, "end": end, "format": "csv"} | parameters)
        )

    def audit(self) -> list[Row]:
        """As `Program.audit`."""
        return rows_of(self._found("/v1/audit", {"format": "csv"}))[::-1]

    def ingest(self, file: Path) -> list[dict[str, Any]]:
        """What the verb does for a file that is named singly; the answer for each publication in it."""
        sha256 = self._sent("/v1/objects", file.read_bytes())["sha256"]
        survey = self._sent(f"/v1/objects/{sha256}/survey?{urlencode({'name': file.name})}", None)
        return [self._sent("/v1/commands/ingest-publication", payload) for payload in survey["payloads"]]

    def _sent(self, path: str, body: Any) -> dict[str, Any]:
        status, content = self.ask("POST", path, body=body)
        assert status in (200, 201), content
        return dict(json.loads(content))

    def _found(self, path: str, parameters: Mapping[str, object]) -> str:
        status, content = self.ask("GET", f"{path}?{urlencode({**parameters, 'wait_for': 'head'})}")
        assert status == 200, content
        return content


def rows_of(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text)))


def wait_until(is_so: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Returns once `is_so()` is true; fails when it never is: `seconds` are far more than it takes anywhere."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.01)


def files_below(folder: Path) -> Iterator[Path]:
    """Whatever is no folder, at any depth. What comes and goes meanwhile may be among it or not."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in names)


def open_files_of(pid: int) -> Iterator[str]:
    """What a process has open, as the system names it."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed since
            yield os.readlink(descriptor)


def database_processes(home: Path) -> dict[int, str]:
    """Every process that belongs to the PostgreSQL of a data folder, its guard too: pid and command line."""
    cluster = os.fsencode(home / "postgres" / "cluster")
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            # A session's command line is its title, but every process of a server works in the cluster's folder.
            if cluster in command or os.fsencode(os.readlink(entry / "cwd")) == cluster:
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found
