"""A real Kafka for tests: that of TEST_KAFKA, or one of their own where its jars were fetched before."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from tests.services.kafka import Kafka


@pytest.fixture(scope="session")
def kafka_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker of the tests' own, not started yet."""
    if not Kafka.is_at_hand():
        pytest.skip("there is no Kafka: `make services` fetches one (with Java 17 and Maven)")
    program = Kafka(tmp_path_factory.mktemp("kafka"), *_free_ports())
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


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
