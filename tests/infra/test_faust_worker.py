"""Workers that share a topic of a real Kafka: nothing is missed when one of them dies, and little comes again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from infra.broker import Record
from infra.kafka import KafkaBroker

pytestmark = [pytest.mark.enable_socket, pytest.mark.uses_engine("kafka")]
PATIENCE_S = 60.0


class Group:
    """Workers of one group on a topic of its own."""

    def __init__(self, servers: str, folder: Path) -> None:
        self.notes = folder / "notes"
        self.notes.touch()
        self._servers = servers
        self._folder = folder
        self.topic = f"test.{uuid4().hex}"
        self.processes: list[subprocess.Popen[str]] = []
        self.broker = KafkaBroker(servers)

    def publish(self, count: int, first: int = 0) -> None:
        records = [Record(f"key-{n}", b"x" * 1_000, {"number": str(n)}) for n in range(first, first + count)]
        self.broker.publish(self.topic, records)

    def start(self, seconds_a_message: float) -> subprocess.Popen[str]:
        arguments = (self._servers, f"group of {self.topic}", self.topic, str(self.notes), str(seconds_a_message))
        command = [sys.executable, "-m", "tests.infra.faust_process", *arguments]
        with (self._folder / f"worker-{len(self.processes)}.log").open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, text=True)
        self.processes.append(process)
        return process

    def said(self, number: int) -> str:
        return (self._folder / f"worker-{number}.log").read_text()

    def handled(self, by: subprocess.Popen[str] | None = None) -> Counter[str]:
        """How often each message was."""
        lines = (line.split() for line in self.notes.read_text().splitlines())
        return Counter(number for pid, number in lines if by is None or pid == str(by.pid))

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.broker.close()


@pytest.fixture
def group(kafka_servers: str, tmp_path: Path) -> Iterator[Group]:
    made = Group(kafka_servers, tmp_path)
    yield made
    made.close()


def wait_until(holds: Callable[[], bool], group: Group) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, [group.said(n) for n in range(len(group.processes))]
        time.sleep(0.05)


def test_a_worker_that_is_killed_is_taken_over_and_none_is_missed(group: Group) -> None:
    first = group.start(0.05)
    wait_until(lambda: "topics are missing" in group.said(0), group)  # it waits for them
    group.broker.prepare([group.topic])
    group.publish(200)
    wait_until(lambda: len(group.handled(first)) > 10, group)
    second = group.start(0.05)  # the group is shared out anew
    wait_until(lambda: len(group.handled(second)) > 10, group)
    first.send_signal(signal.SIGKILL)
    wait_until(lambda: len(group.handled()) == 200, group)


def test_a_worker_that_is_told_to_end_leaves_nothing_to_be_done_again(group: Group) -> None:
    group.broker.prepare([group.topic])
    group.publish(100)
    worker = group.start(0.02)
    wait_until(lambda: len(group.handled()) > 10, group)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0, group.said(0)
    group.broker.publish(group.topic, [Record("k", b"", {"number": "fails-once"})])
    group.start(0.0)
    wait_until(lambda: len(group.handled()) == 101, group)
    assert set(group.handled().values()) == {1}, "not even the one that an engine's failure held up"
