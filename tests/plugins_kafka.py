"""A real Kafka for tests: that of TEST_KAFKA, or one of their own where its jars were fetched before."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.plugins_engines import why_missing
from tests.services.kafka import Kafka
from tests.services.service import free_ports


@pytest.fixture
def kafka_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker of the test's own, on which nobody has published anything; not started yet."""
    yield from _program(tmp_path_factory)


@pytest.fixture(scope="session")
def kafka_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The servers of a Kafka that runs, and that other tests use as well."""
    if given := os.environ.get("TEST_KAFKA"):
        yield given
        return
    for program in _program(tmp_path_factory):
        program.start()
        yield program.servers


def _program(folders: pytest.TempPathFactory) -> Iterator[Kafka]:
    if not Kafka.is_at_hand():
        pytest.skip(f"{why_missing('kafka')}; `make services` fetches one (with Java 17 and Maven)")
    port, controller_port = free_ports(2)
    program = Kafka(folders.mktemp("kafka"), port, controller_port)
    yield program
    program.stop()
