"""A cache of bytes under keys that say what they depend on: in this process, and behind it Redis where one is named.

A key never comes to mean something else, so nothing has to be taken out for being old: what nobody asks for any more
falls out as the least recently used. A cache may lose everything at any time.
"""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from typing import Protocol

from cashews import Cache as Cashews
from cashews.exceptions import CacheBackendInteractionError
from redis.exceptions import RedisError

from infra.metrics import CACHE_FAILURES

logger = logging.getLogger(__name__)

LARGEST_VALUE_BYTES = 4 << 20
# At most some 128 MiB in this process: many small values, and a few that may be large.
_SMALL_BYTES = 64 << 10
_MOST_SMALL, _MOST_LARGE = 1_024, 16
# In Redis a value is there for others as long as it is young; its own limit of memory drops what is used least.
_KEPT_S = 24 * 3600.0
# Who waits for a cache loses what it saves; after a failure nobody asks for a while.
_PATIENCE_S = 0.25
_LEFT_ALONE_S = 1.0
_SMALL, _LARGE = "small:", "large:"
_AWAY = (CacheBackendInteractionError, RedisError, OSError, TimeoutError)


class Cache(Protocol):
    """Where answers are kept. Neither method raises anything when what is behind it is away."""

    async def get(self, key: str) -> bytes | None:
        """The value under a key, None where there is none (any more)."""

    async def put(self, key: str, value: bytes) -> None:
        """Keeps a value, which may be dropped at any time; one over LARGEST_VALUE_BYTES is not kept."""

    @property
    def trouble(self) -> str | None:
        """Why it keeps less than it should, None where all is well."""

    def close(self) -> None:
        """Lets go of connections; what is kept in this process is lost."""


def open_cache(redis_url: str | None) -> Cache:
    """The cache of this process, before that of Redis where `redis_url` (`redis://host:6379/0`) names one."""
    memory = MemoryCache()
    return RedisCache(memory, redis_url) if redis_url else memory


class MemoryCache:
    """In this process, bounded by the number of values of two sizes."""

    def __init__(self) -> None:
        self._values = Cashews()
        # Values stay until others push them out, so nobody need look for old ones.
        self._small = self._values.setup(f"mem://?size={_MOST_SMALL}&check_interval=0", prefix=_SMALL)
        self._large = self._values.setup(f"mem://?size={_MOST_LARGE}&check_interval=0", prefix=_LARGE)

    async def get(self, key: str) -> bytes | None:
        # Asked directly: the library's wrapper around a lookup takes ten times as long as the lookup.
        found: tuple[bytes] | None = await self._small.get(key) or await self._large.get(key)
        return found[0] if found else None

    async def put(self, key: str, value: bytes) -> None:
        if len(value) <= LARGEST_VALUE_BYTES:
            # Bytes alone would be written out as for a server, and copied each time they are read.
            await (self._small if len(value) <= _SMALL_BYTES else self._large).set(key, (value,))

    @property
    def trouble(self) -> str | None:
        return None

    def close(self) -> None:
        """Nothing is open."""


class RedisCache:
    """Redis behind a cache in this process, for several processes to share. Away, it is passed over."""

    def __init__(self, memory: MemoryCache, url: str) -> None:
        self._memory = memory
        self._url = url
        self._values: Cashews | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._away_until = 0.0
        self._trouble: str | None = None

    async def get(self, key: str) -> bytes | None:
        if (near := await self._memory.get(key)) is not None:
            return near
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(_PATIENCE_S):
                found: bytes | None = await self._redis().get(key)
        except _AWAY as error:
            self._pass_over(error)
            return None
        self._trouble = None
        if found is not None:
            await self._memory.put(key, found)
        return found

    async def put(self, key: str, value: bytes) -> None:
        if len(value) > LARGEST_VALUE_BYTES:
            return
        await self._memory.put(key, value)
        if time.monotonic() < self._away_until:
            return
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._redis().set(key, value, expire=_KEPT_S)
        except _AWAY as error:
            self._pass_over(error)

    @property
    def trouble(self) -> str | None:
        return self._trouble

    def close(self) -> None:
        values, self._values = self._values, None
        if values is None or self._loop is None or self._loop.is_closed():
            return
        closing = _closed(values)
        if self._loop.is_running():
            asyncio.run_coroutine_threadsafe(closing, self._loop)
        else:
            self._loop.run_until_complete(closing)

    def _redis(self) -> Cashews:
        """The client. Its connections belong to the loop that they were opened in."""
        loop = asyncio.get_running_loop()
        if self._values is None or self._loop is not loop:
            self._values, self._loop = Cashews(), loop
            # Bytes as they are: what another process wrote there must not be able to run anything here.
            self._values.setup(
                self._url, pickle_type="null", check_repr=False, suppress=False, max_connections=16,
                socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S,
            )  # fmt: skip
        return self._values

    def _pass_over(self, error: BaseException) -> None:
        self._away_until = time.monotonic() + _LEFT_ALONE_S
        CACHE_FAILURES.inc()
        if self._trouble is None:
            logger.warning("Redis does not answer, and is passed over: %s", error.__cause__ or error)
        self._trouble = "Redis does not answer"


async def _closed(values: Cashews) -> None:
    with warnings.catch_warnings():
        # The library ends Redis' client by a name that the client has given up.
        warnings.simplefilter("ignore", DeprecationWarning)
        await values.close()
