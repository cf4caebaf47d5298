"""How EventStoreDB is called."""

from __future__ import annotations

import pytest

from infra.kurrent_client import kept_alive


@pytest.mark.parametrize(("uri", "kept"), [
    ("esdb://h:2113", "esdb://h:2113?KeepAliveInterval=10000&KeepAliveTimeout=10000"),
    ("esdb://h:2113?tls=false", "esdb://h:2113?tls=false&KeepAliveInterval=10000&KeepAliveTimeout=10000"),
    ("esdb://h:2113?keepAliveInterval=5000", "esdb://h:2113?keepAliveInterval=5000"),
])  # fmt: skip
def test_a_connection_that_dies_is_noticed(uri: str, kept: str) -> None:
    assert kept_alive(uri) == kept
