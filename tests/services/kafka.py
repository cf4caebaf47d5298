"""Apache Kafka 4.4 in KRaft mode: one node that is broker and controller."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from tests.services.cache import fetched, is_fetched, run
from tests.services.service import Service, StartFailed, is_open

PORT, CONTROLLER_PORT = 29092, 29093
_VERSION = "kafka-4.4.0"
_POM = Path(__file__).with_name("kafka.pom.xml")
_JAVA = (
    "java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxDirectMemorySize=64m",
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


class Kafka(Service):
    """One broker on loopback; tests that stop it have one of their own on other ports."""

    name = "kafka"

    def __init__(self, folder: Path, port: int = PORT, controller_port: int = CONTROLLER_PORT) -> None:
        super().__init__(folder)
        self.port = port
        self._controller_port = controller_port
        self._properties = self.folder / "kafka.properties"

    @staticmethod
    def is_at_hand() -> bool:
        """Whether it could be started without asking a registry."""
        return is_fetched(_VERSION) and shutil.which("java") is not None

    def fetch(self) -> None:
        self._jars = fetched(_VERSION, _copy_jars)

    def prepare(self) -> None:
        if self._properties.exists():
            return
        written = _PROPERTIES.format(port=self.port, controller=self._controller_port, folder=self.folder)
        self._properties.write_text(written)
        cluster = base64.urlsafe_b64encode(uuid4().bytes).rstrip(b"=").decode()
        format_ = self._java("kafka.tools.StorageTool", "format", f"-t={cluster}", "-c", str(self._properties))
        done = subprocess.run(format_, capture_output=True, text=True, check=False, timeout=self.start_patience_s)
        if done.returncode:
            raise StartFailed(f"Kafka's folder could not be made: {done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        return self._java("kafka.Kafka", str(self._properties))

    def is_ready(self) -> bool:
        return is_open(self.port)

    def environment(self) -> Mapping[str, str]:
        return {"TEST_KAFKA": self.servers}

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _java(self, program: str, *arguments: str) -> list[str]:
        return [*_JAVA, "-cp", f"{self._jars}/*", program, *arguments]


def _copy_jars(folder: Path) -> None:
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    run(["mvn", "--batch-mode", "--quiet", "--file", str(_POM), *goal], folder)
