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

from infra.broker import BrokerUnavailable, Record
from infra.faust_worker import FaustWorker
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
        self.published = 0
        self.processes: list[subprocess.Popen[str]] = []
        self.broker = KafkaBroker(servers)

    def publish(self, count: int) -> None:
        numbers = range(self.published, self.published + count)
        self.published += count
        self.broker.publish(self.topic, [Record(f"key-{n}", b"x" * 1_000, {"number": str(n)}) for n in numbers])

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
        time.sleep(0.1)


def test_a_worker_that_is_killed_is_taken_over_and_none_is_missed(group: Group) -> None:
    first = group.start(0.02)
    wait_until(lambda: "topics are missing" in group.said(0), group)  # it waits for them
    group.broker.prepare([group.topic])
    group.publish(20)
    wait_until(lambda: len(group.handled(first)) > 10, group)
    second = group.start(0.02)  # the group is shared out anew, while there is something to do

    def second_works() -> bool:
        group.publish(5)
        return len(group.handled(second)) > 10

    wait_until(second_works, group)
    group.publish(100)
    first.send_signal(signal.SIGKILL)
    wait_until(lambda: len(group.handled()) == group.published, group)


def test_a_worker_without_kafka_says_so_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    def missing() -> set[str]:
        raise BrokerUnavailable("nobody is there", "start it")

    worker = FaustWorker("127.0.0.1:1", "group", ["topic"], lambda *_: None, missing)
    assert worker.trouble == "it has not begun yet"
    worker.start()
    deadline = time.monotonic() + PATIENCE_S
    while "nobody is there" not in (worker.trouble or ""):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    worker.stop()
    assert (worker.handled, worker.lag) == (0, 0)


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
