"""What has to hold after every fault, load to put on meanwhile, and how often a fault is done."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.e2e.program import Program, Server

IS_LONG = os.environ.get("FAULTS") == "long"
"""Set by `make test-faults`; else each fault is done once or for seconds."""


def long_or_short(long: int, short: int) -> int:
    """How often, or for how many seconds."""
    return long if IS_LONG else short


def nothing_lost_or_doubled(server: Server, things: int, *, of: str = "") -> None:
    """So many events, each on a thing of its own, those only whose name begins with `of`; no position is left out.

    What the log says is what its seals and all read models say, and nothing is set aside.
    """
    entries = server.audit()
    assert [int(entry["position"]) for entry in entries] == list(range(1, len(entries) + 1))
    targets = [entry["target_id"] for entry in entries if entry["event"].startswith(of)]
    assert len(targets) == len(set(targets)) == things
    server.program.run("audit", "verify")
    server.program.run("projections", "verify")
    assert server.program.json("projections", "dead-letters") == []
    server.program.run("doctor")


class Readers:
    """Clients that read a few lists as fast as they are answered, and note what they were answered."""

    def __init__(self, server: Server, paths: tuple[str, ...], clients: int) -> None:
        self.statuses: Counter[int | str] = Counter()
        self.said: dict[int | str, str] = {}
        """What came with the first answer of each status but 200."""
        self.slowest_s = 0.0
        self._token = (server.program.home / "token").read_text().strip()
        self._server = server
        self._paths = paths
        self._over = threading.Event()
        self._noting = threading.Lock()
        self._threads = [threading.Thread(target=self._read, args=(n,)) for n in range(clients)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _read(self, number: int) -> None:
        with httpx2.Client(
            base_url=self._server.address, headers={"Authorization": f"Bearer {self._token}"}, timeout=60
        ) as client:
            while not self._over.is_set():
                began_s = time.monotonic()
                path = self._paths[number % len(self._paths)]
                try:
                    answer = client.get(path)
                    self._note(answer.status_code, time.monotonic() - began_s, f"{path}: {answer.text[:500]}")
                except httpx2.HTTPError as error:
                    self._note(type(error).__name__, time.monotonic() - began_s, f"{path}: {error}")
                number += 1
                self._over.wait(0.1)

    def _note(self, status: int | str, took_s: float, said: str) -> None:
        with self._noting:
            self.statuses[status] += 1
            self.slowest_s = max(self.slowest_s, took_s)
            if status != httpx2.codes.OK:
                self.said.setdefault(status, said)


@contextmanager
def ingesting(program: Program, files: Path) -> Iterator[Callable[[], None]]:
    """An `ingest` that runs meanwhile. What is yielded repeats it, as its user would, until it ends well."""
    verb = program.start("ingest", files)

    def end() -> None:
        verb.communicate(timeout=240)
        if verb.returncode:
            program.run("ingest", files)

    try:
        yield end
    finally:
        if verb.poll() is None:
            verb.kill()
            verb.communicate()


def seconds_until(holds: Callable[[], bool], patience_s: float = 120.0) -> float:
    """How long it takes until something holds; fails where that is too long."""
    began_s = time.monotonic()
    while not holds():
        assert time.monotonic() - began_s < patience_s, f"not so within {patience_s} s"
        time.sleep(0.05)
    return time.monotonic() - began_s
