"""A cache in this process."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cashews.backends.interface import Backend

LARGEST_VALUE_BYTES = 4 << 20
# At most some 128 MiB: many small values, and a few that may be large.
_SMALL_BYTES = 64 << 10
_MOST_SMALL, _MOST_LARGE = 1_024, 16
_SMALL, _LARGE = "small:", "large:"


class MemoryCache:
    """Bounded by the number of values of two sizes."""

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
