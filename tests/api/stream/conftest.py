"""The stream as a client has it, over a platform in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient, WebSocketTestSession

from api.app import create_app
from api.platform import Platform
from tests.api.stream.clients import Client

URL = "ws://127.0.0.1/v1/stream"


@pytest.fixture(scope="module")
def http(platform: Platform) -> Iterator[TestClient]:
    with TestClient(create_app(platform), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def client(platform: Platform, http: TestClient) -> Iterator[Client]:
    """A connection of the platform's own tenant, authenticated."""
    with opened(http) as session:
        connected = Client(session)
        connected.authenticate(platform.token)
        yield connected


def opened(http: TestClient) -> WebSocketTestSession:
    return http.websocket_connect(URL, subprotocols=["carbon254.v1"])
