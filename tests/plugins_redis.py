"""A real Redis for tests: that of TEST_REDIS, or one of their own where its package was fetched before."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.plugins_engines import why_missing
from tests.services.redis import Redis
from tests.services.service import free_ports


@pytest.fixture(scope="session")
def redis_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis of the tests' own, which a test may kill and start again."""
    if not Redis.is_at_hand():
        pytest.skip(f"{why_missing('redis')}; `make services` fetches one")
    program = Redis(tmp_path_factory.mktemp("redis"), *free_ports(1))
    program.start()
    yield program
    program.stop()


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """The address of a Redis that runs."""
    if given := os.environ.get("TEST_REDIS"):
        return given
    program: Redis = request.getfixturevalue("redis_program")
    return program.url
