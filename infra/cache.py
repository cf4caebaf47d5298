"""A cache of bytes under keys that say what they depend on: in this process, and behind it Redis where one is named.

A key never comes to mean something else, so nothing has to be taken out for being old: what nobody asks for any more
falls out as the least recently used. A cache may lose everything at any time.
"""

from __future__ import annotations

from typing import Protocol

from infra.memory_cache import MemoryCache


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
    if redis_url is None:
        return MemoryCache()
    from infra.redis_cache import RedisCache  # its client takes long to import

    return RedisCache(MemoryCache(), redis_url)


class NoCache:
    """For a process that ends after one question."""

    trouble = None

    async def get(self, key: str) -> None:  # noqa: ARG002
        return None

    async def put(self, key: str, value: bytes) -> None:
        """Keeps nothing."""

    def close(self) -> None:
        """Nothing is open."""
