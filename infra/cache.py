"""A cache of bytes under keys that say what they depend on: in this process, and behind it Redis where one is named.

A key never comes to mean something else, so nothing has to be taken out for being old: what nobody asks for any more
falls out as the least recently used. A cache may lose everything at any time.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cashews.backends.interface import Backend

LARGEST_VALUE_BYTES = 4 << 20
# At most some 128 MiB in this process: many small values, and a few that may be large.
_SMALL_BYTES = 64 << 10
_MOST_SMALL, _MOST_LARGE = 1_024, 16
_SMALL, _LARGE = "small:", "large:"


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


class MemoryCache:
    """In this process, bounded by the number of values of two sizes."""

    @cached_property
    def _backends(self) -> tuple[Backend, Backend]:
        """For small values and for large ones; asked directly, as the library's wrapper takes ten times as long."""
        from cashews import Cache as Cashews  # brings a client of Redis and an SDK along: 0.2 s for who reads nothing

        values = Cashews()
        # Values stay until others push them out, so nobody need look for old ones.
        small = values.setup(f"mem://?size={_MOST_SMALL}&check_interval=0", prefix=_SMALL)
        return small, values.setup(f"mem://?size={_MOST_LARGE}&check_interval=0", prefix=_LARGE)

    async def get(self, key: str) -> bytes | None:
        small, large = self._backends
        found: tuple[bytes] | None = await small.get(key) or await large.get(key)
        return found[0] if found else None

    async def put(self, key: str, value: bytes) -> None:
        if len(value) <= LARGEST_VALUE_BYTES:
            small, large = self._backends
            # Bytes alone would be written out as for a server, and copied each time they are read.
            await (small if len(value) <= _SMALL_BYTES else large).set(key, (value,))

    @property
    def trouble(self) -> str | None:
        return None

    def close(self) -> None:
        """Nothing is open."""
