"""EventStoreDB for tests: the server that TEST_EVENTSTOREDB_URI (or EVENTSTOREDB_URI) leads to, else a stand-in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from infra.kurrent_client import KurrentDBClient, open_kurrent
from infra.kurrent_recorder import KurrentRecorder
from infra.recorder import EventRecorder
from tests.services.kurrentdb import KurrentStandIn


@pytest.fixture(scope="session")
def kurrent_uri() -> Iterator[str]:
    if given := os.environ.get("TEST_EVENTSTOREDB_URI"):
        yield given
        return
    server = KurrentStandIn()
    yield server.uri
    server.stop()


@pytest.fixture
def kurrent_client(kurrent_uri: str) -> Iterator[KurrentDBClient]:
    client = open_kurrent(kurrent_uri)
    yield client
    client.close()


@pytest.fixture
def kurrent_recorder(kurrent_client: KurrentDBClient) -> KurrentRecorder:
    """An empty log of its own in the common database."""
    return KurrentRecorder(kurrent_client, f"test{uuid4().hex}")


@pytest.fixture(
    params=[
        pytest.param("postgres_recorder", marks=pytest.mark.uses_engine("postgres")),
        pytest.param("kurrent_recorder", marks=pytest.mark.uses_engine("eventstoredb")),
    ]
)
def recorder(request: pytest.FixtureRequest) -> EventRecorder:
    """An empty log, on each store that there is."""
    made: EventRecorder = request.getfixturevalue(request.param)
    return made
