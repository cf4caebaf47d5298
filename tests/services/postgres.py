"""Debian's PostgreSQL 15 on a cluster of its own."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

import psycopg

from tests.services.debian import library_path, unpacked
from tests.services.service import Service, run_once, shifted

PORT = shifted(25432)
_PACKAGES = ("postgresql-15", "postgresql-client-15", "libpq5")


class Postgres(Service):
    """A server that trusts everyone on this machine; fsync is on, as always."""

    name = "postgres"

    def fetch(self) -> None:
        root = unpacked("debian-postgresql-15", _PACKAGES)
        self._programs = root / "usr" / "lib" / "postgresql" / "15" / "bin"
        self._libraries = {"LD_LIBRARY_PATH": library_path(root)}

    def prepare(self) -> None:
        self._cluster = self.folder / "cluster"
        if not (self._cluster / "PG_VERSION").exists():
            options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
            command = [*_not_root(), str(self._programs / "initdb"), "-D", str(self._cluster), *options]
            run_once(command, self.folder, self._libraries)

    def command(self) -> list[str]:
        listen = ["-p", str(PORT), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        return [*_not_root(), str(self._programs / "postgres"), "-D", str(self._cluster), *listen]

    def own_environment(self) -> Mapping[str, str]:
        return self._libraries

    def is_ready(self) -> bool:
        try:
            psycopg.connect(self._dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def environment(self) -> Mapping[str, str]:
        return {"TEST_POSTGRES_DSN": self._dsn}

    @property
    def _dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{PORT}/postgres"


def _not_root() -> list[str]:
    """PostgreSQL refuses to run as root, who therefore runs it where the same user has another number."""
    if os.geteuid() != 0:
        return []
    return ["unshare", "--user", f"--map-user={pwd.getpwnam('nobody').pw_uid}"]
