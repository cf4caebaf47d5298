"""Redis as the cache behind that of a process, for several processes to share."""

from __future__ import annotations

import asyncio
import logging
import time
import warnings

from cashews import Cache as Cashews
from cashews.exceptions import CacheBackendInteractionError
from redis.exceptions import RedisError

from infra.memory_cache import LARGEST_VALUE_BYTES, MemoryCache
from infra.metrics import CACHE_FAILURES

logger = logging.getLogger(__name__)

# A value is there for others as long as it is young; Redis' own limit of memory drops what is used least.
_KEPT_S = 24 * 3600.0
# Who waits for a cache loses what it saves; after a failure nobody asks for a while.
_PATIENCE_S = 0.25
_LEFT_ALONE_S = 1.0
_AWAY = (CacheBackendInteractionError, RedisError, OSError, TimeoutError)


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
