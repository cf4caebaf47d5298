"""A real Kafka for tests: that of KAFKA_BOOTSTRAP_SERVERS, or one of their own from the jars that `make kafka` got."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

JARS = Path(__file__).parents[1] / ".kafka"
_START_PATIENCE_S = 60.0
_JAVA = (
    "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxDirectMemorySize=64m",
    "-Djava.net.preferIPv4Stack=true",
)  # fmt: skip
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=2097152
auto.create.topics.enable=false
"""


class KafkaProgram:
    """One broker on loopback, whose data stays in `folder` when it is stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._properties = folder / "kafka.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self.port, controller = _free_ports()
        self._properties.write_text(_PROPERTIES.format(port=self.port, controller=controller, folder=folder))
        id = base64.urlsafe_b64encode(uuid4().bytes).rstrip(b"=").decode()
        formatted = self._run("kafka.tools.StorageTool", "format", f"-t={id}", "-c", str(self._properties))
        if formatted.wait(_START_PATIENCE_S) != 0:
            raise RuntimeError(f"Kafka's folder could not be made: {self._said()}")

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it takes connections; does nothing where it runs."""
        if self._process:
            return
        self._process = self._run("kafka.Kafka", str(self._properties))
        deadline = time.monotonic() + _START_PATIENCE_S
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Kafka does not start: {self._said()}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(_START_PATIENCE_S)
            self._process = None

    def freeze(self) -> None:
        """Connections stay, and nothing is answered, until it is stopped."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / "kafka.log").open("ab") as said:
            command = ["java", *_JAVA, "-cp", f"{JARS}/*", program, *arguments]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)

    def _said(self) -> str:
        return (self._folder / "kafka.log").read_text()[-2_000:]


@pytest.fixture(scope="session")
def kafka_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaProgram]:
    """A broker of the tests' own, not started yet."""
    if not (JARS.is_dir() and shutil.which("java")):
        pytest.skip("there is no Kafka: set KAFKA_BOOTSTRAP_SERVERS, or install Java 17 and run `make kafka`")
    program = KafkaProgram(tmp_path_factory.mktemp("kafka"))
    yield program
    program.stop()


@pytest.fixture(scope="session")
def kafka_servers(request: pytest.FixtureRequest) -> str:
    """The servers of a Kafka that runs."""
    if given := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return given
    program: KafkaProgram = request.getfixturevalue("kafka_program")
    program.start()
    return program.servers


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
