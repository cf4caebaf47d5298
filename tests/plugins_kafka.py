"""A real Kafka for tests: that of TEST_KAFKA, or one of their own where its jars were fetched before."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.plugins_engines import why_missing
from tests.services.kafka import Kafka
from tests.services.service import free_ports


@pytest.fixture(scope="session")
def kafka_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker of the tests' own, not started yet."""
    if not Kafka.is_at_hand():
        pytest.skip(f"{why_missing('kafka')}; `make services` fetches one (with Java 17 and Maven)")
    port, controller_port = free_ports(2)
    program = Kafka(tmp_path_factory.mktemp("kafka"), port, controller_port)
    yield program
    program.stop()


@pytest.fixture(scope="session")
def kafka_servers(request: pytest.FixtureRequest) -> str:
    """The servers of a Kafka that runs."""
    if given := os.environ.get("TEST_KAFKA"):
        return given
    program: Kafka = request.getfixturevalue("kafka_program")
    program.start()
    return program.servers
