"""ClickHouse's HTTP interface over the embedded engine: a stand-in for the server, which cannot be had here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2

from tests.services.service import Service, shifted

PORT = shifted(28123)


class ClickHouseFront(Service):
    """chDB in a process of its own, behind `clickhouse_front`."""

    name = "clickhouse"
    stands_in_for = "a ClickHouse server (the engine is real: chDB; the HTTP interface before it is not)"

    def fetch(self) -> None:
        """It comes with the platform's own dependencies."""

    def prepare(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)

    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.services.clickhouse_front", str(PORT), str(self.folder / "data")]

    def own_environment(self) -> Mapping[str, str]:
        return {"PYTHONPATH": str(Path(__file__).parents[2])}

    def is_ready(self) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{PORT}/ping", timeout=2).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def environment(self) -> Mapping[str, str]:
        return {"TEST_CLICKHOUSE_DSN": f"clickhouse://default@127.0.0.1:{PORT}/default"}
