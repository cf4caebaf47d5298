"""Apache Kafka 4.4 in KRaft mode: one node that is broker and controller, or three of them."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.services.cache import fetched, is_fetched, need, run
from tests.services.service import Service, free_ports, is_open, run_once, shifted

PORT, CONTROLLER_PORT = shifted(29092), shifted(29093)
_VERSION = "kafka-4.4.0"
_POM = Path(__file__).with_name("kafka.pom.xml")
_JAVA = (
    "java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxDirectMemorySize=64m",
    "-Djava.net.preferIPv4Stack=true",
)  # fmt: skip
# A broker that is gone is replaced within seconds: the defaults take 11 s, these 4 s.
_PROPERTIES = """
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=1
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
controller.quorum.election.backoff.max.ms=500
log.cleaner.dedupe.buffer.size=2097152
auto.create.topics.enable=false
"""

# Without it nothing is said at all; the controllers say which of them is the active one.
_LOGGING = """
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
logger.controller.name=org.apache.kafka.controller
logger.controller.level=info
"""


@dataclass(frozen=True)
class Node:
    """One of a cluster's nodes."""

    id: int
    port: int
    controller_port: int


@dataclass(frozen=True)
class Quorum:
    """The nodes that make up a cluster, and its id, with which all of them are formatted."""

    nodes: Sequence[Node]
    cluster: str

    @classmethod
    def of(cls, *nodes: Node) -> Quorum:
        return cls(nodes, base64.urlsafe_b64encode(uuid4().bytes).rstrip(b"=").decode())

    @property
    def voters(self) -> str:
        return ",".join(f"{node.id}@127.0.0.1:{node.controller_port}" for node in self.nodes)


class Kafka(Service):
    """One broker on loopback; tests that stop it have one of their own on other ports."""

    name = "kafka"

    def __init__(
        self, folder: Path, port: int = PORT, controller_port: int = CONTROLLER_PORT, quorum: Quorum | None = None
    ) -> None:
        super().__init__(folder)
        self.port = port
        self._quorum = quorum or Quorum.of(Node(1, port, controller_port))
        (self.node,) = (node for node in self._quorum.nodes if node.port == port)
        self._properties = self.folder / "kafka.properties"
        self._logging = self.folder / "log4j2.properties"

    @staticmethod
    def is_at_hand() -> bool:
        """Whether it could be started without asking a registry."""
        return is_fetched(_VERSION) and shutil.which("java") is not None

    def fetch(self) -> None:
        need("java")
        self._jars = fetched(_VERSION, _copy_jars)

    def prepare(self) -> None:
        if self._properties.exists():
            return
        replicas = len(self._quorum.nodes)
        written = _PROPERTIES.format(
            node=self.node.id, voters=self._quorum.voters, port=self.port, controller=self.node.controller_port,
            folder=self.folder, replicas=replicas, in_sync=replicas // 2 + 1,
        )  # fmt: skip
        self._logging.write_text(_LOGGING)
        self._properties.write_text(written)
        cluster = f"-t={self._quorum.cluster}"
        run_once(self._java("kafka.tools.StorageTool", "format", cluster, "-c", str(self._properties)), self.folder)

    def command(self) -> list[str]:
        return self._java("kafka.Kafka", str(self._properties))

    def is_ready(self) -> bool:
        return is_open(self.port)

    def environment(self) -> Mapping[str, str]:
        return {"TEST_KAFKA": self.servers}

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def became_controller(self) -> int:
        """The newest epoch in which it became the active controller, as its log tells; -1 where it never did."""
        said = self._log.read_text(errors="replace") if self._log.exists() else ""
        return max(map(int, re.findall(r"Becoming the active controller at epoch (\d+)", said)), default=-1)

    def _java(self, program: str, *arguments: str) -> list[str]:
        return [*_JAVA, f"-Dlog4j2.configurationFile={self._logging}", "-cp", f"{self._jars}/*", program, *arguments]


class KafkaCluster:
    """Three brokers that are controllers too, on free ports; a record counts when two of them have it."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(6)
        quorum = Quorum.of(*(Node(n + 1, ports[n], ports[n + 3]) for n in range(3)))
        self.brokers = [Kafka(folder / f"node{n.id}", n.port, n.controller_port, quorum) for n in quorum.nodes]

    @property
    def servers(self) -> str:
        return ",".join(broker.servers for broker in self.brokers)

    def start(self) -> None:
        """A node is ready only when most of them are: all are begun before any is waited for."""
        for broker in self.brokers:
            broker.begin()
        for broker in self.brokers:
            broker.start()

    def kill(self) -> None:
        """All at once. Asked one by one, the last would wait for a majority that is no more."""
        for broker in self.brokers:
            broker.kill()

    def active_controller(self) -> Kafka:
        """The one of those that run that became it last."""
        return max((b for b in self.brokers if b.is_running), key=Kafka.became_controller)


def _copy_jars(folder: Path) -> None:
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    run(["mvn", "--batch-mode", "--quiet", "--file", str(_POM), *goal], folder)
