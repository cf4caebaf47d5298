"""Debian's Redis 7, which keeps nothing on disk: a cache may be empty."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import redis

from tests.services.cache import is_fetched
from tests.services.debian import library_path, unpacked
from tests.services.service import Service, shifted

PORT = shifted(26379)
_FOLDER = "debian-redis-7"
_PACKAGES = (
    "redis-server", "redis-tools", "libjemalloc2", "liblua5.1-0", "liblzf1", "libatomic1", "libhiredis0.14",
    "lua-bitop", "lua-cjson",
)  # fmt: skip


class Redis(Service):
    """One server without a password, bounded as a cache is."""

    name = "redis"

    def __init__(self, folder: Path, port: int = PORT) -> None:
        super().__init__(folder)
        self._port = port

    @classmethod
    def is_at_hand(cls) -> bool:
        """Whether it was fetched before."""
        return is_fetched(_FOLDER)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def fetch(self) -> None:
        root = unpacked(_FOLDER, _PACKAGES)
        # `redis-server` is a link to this program, which goes by the name that it is called by.
        self._program = root / "usr" / "bin" / "redis-server"
        self._libraries = {"LD_LIBRARY_PATH": library_path(root)}

    def prepare(self) -> None:
        """It makes what it needs."""

    def command(self) -> list[str]:
        bounded = ["--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]
        on_disk = ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        return [str(self._program), "--bind", "127.0.0.1", "--port", str(self._port), *bounded, *on_disk]

    def own_environment(self) -> Mapping[str, str]:
        return self._libraries

    def is_ready(self) -> bool:
        try:
            with redis.Redis(port=self._port, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def environment(self) -> Mapping[str, str]:
        return {"TEST_REDIS": self.url}
