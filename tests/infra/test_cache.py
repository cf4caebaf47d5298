"""One contract for the cache in the process and the one in Redis."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import metrics, redis_cache
from infra.cache import Cache, open_cache
from infra.memory_cache import LARGEST_VALUE_BYTES, MemoryCache
from infra.redis_cache import RedisCache
from tests.services.redis import Redis

pytestmark = pytest.mark.enable_socket


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis on a busy machine is not taken for one that is away."""
    monkeypatch.setattr(redis_cache, "_PATIENCE_S", 30.0)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.uses_engine("redis"))])
def cache(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Iterator[Cache]:
    redis_url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    cache = open_cache(redis_url)
    runner.get_loop()
    yield cache
    cache.close()


def test_what_was_put_is_found(cache: Cache, runner: asyncio.Runner) -> None:
    async def uses() -> None:
        assert await cache.get("absent") is None
        for value in (b"", b"12", b"bytes:1", b"\x80\x04cos\nsystem\n", b"x" * 100_000):
            await cache.put(f"key {len(value)}", value)
            assert await cache.get(f"key {len(value)}") == value
        assert cache.trouble is None

    runner.run(uses())


def test_a_value_over_the_bound_is_not_kept(cache: Cache, runner: asyncio.Runner) -> None:
    async def uses() -> None:
        await cache.put("just so", b"x" * LARGEST_VALUE_BYTES)
        await cache.put("too large", b"x" * (LARGEST_VALUE_BYTES + 1))
        assert await cache.get("just so") is not None
        assert await cache.get("too large") is None

    runner.run(uses())


def test_memory_is_bounded(runner: asyncio.Runner) -> None:
    async def kept(size: int, puts: int) -> int:
        cache = MemoryCache()
        for number in range(puts):
            await cache.put(str(number), b"x" * size)
        return sum([await cache.get(str(number)) is not None for number in range(puts)])

    assert runner.run(kept(10, puts=1_100)) == 1_024
    assert runner.run(kept(100_000, puts=20)) == 16


def test_processes_share_what_is_in_redis(redis_url: str, runner: asyncio.Runner) -> None:
    one, other = open_cache(redis_url), open_cache(redis_url)

    async def uses() -> None:
        await one.put("shared", b"value")
        assert await other.get("shared") == b"value"

    runner.run(uses())
    one.close()
    other.close()


def test_nothing_from_redis_is_unpickled(redis_url: str, runner: asyncio.Runner) -> None:
    import pickle

    import redis

    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("it was run",))

    with redis.Redis.from_url(redis_url) as client:
        client.set("planted", pickle.dumps(Harmful()))
    cache = open_cache(redis_url)
    assert runner.run(cache.get("planted")) is None
    cache.close()


def test_redis_that_is_away_costs_nothing_but_its_help(runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_cache, "_LEFT_ALONE_S", 600.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        cache = RedisCache(MemoryCache(), f"redis://127.0.0.1:{taken.getsockname()[1]}/0")
        before = _failures()

        async def uses() -> None:
            assert await cache.get("a") is None
            await cache.put("a", b"1")
            assert await cache.get("a") == b"1"  # this process has it all the same

        runner.run(uses())
        assert cache.trouble == "Redis does not answer"
        assert _failures() == before + 1  # it is left alone for a while
        cache.close()


def test_redis_that_comes_back_is_used_again(tmp_path: Path, runner: asyncio.Runner, redis_program: Redis) -> None:
    cache = open_cache(redis_program.url)

    async def until_it_is(trouble: bool) -> None:
        for number in range(1_000):
            await cache.get(f"{trouble} {number}")
            if (cache.trouble is not None) == trouble:
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"trouble is {cache.trouble!r}")

    runner.run(cache.put("before", b"1"))
    redis_program.kill()
    runner.run(until_it_is(True))
    redis_program.start()
    runner.run(until_it_is(False))
    assert runner.run(cache.get("before")) == b"1"
    cache.close()


def _failures() -> float:
    return metrics.REGISTRY.get_sample_value("carbon254_cache_failures_total") or 0.0
