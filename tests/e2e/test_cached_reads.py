"""Two processes answer from one Redis while one of them ingests: nobody is ever told less than was committed before.

PostgreSQL, Redis, both processes and HTTP are real; ClickHouse is the stand-in over the real engine.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from tests.e2e.market_files import write_miso
from tests.e2e.program import Program, Server, wait_until

pytestmark = pytest.mark.enable_socket

DAY = date(2026, 3, 10)
RESTATEMENTS = 12
READERS_EACH = 2
PRICES = "/v1/prices?iso=MISO&node=HUB&start=2026-03-10T05:00Z&end=2026-03-10T06:00Z"
UNTOUCHED = "/v1/prices?iso=MISO&node=HUB&start=2026-02-10&end=2026-02-20"


@dataclass
class Race:
    """The newest price whose checkpoints are known to be committed, and what readers found wrong."""

    committed: int = 0
    is_over: bool = False
    reads: int = 0
    not_modified: int = 0
    stale: list[str] = field(default_factory=list)

    def read(self, port: int, token: str) -> None:
        """Asks again and again as a client with a cache of its own does."""
        headers, known = {"Authorization": f"Bearer {token}"}, 0
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while not self.is_over:
            before = self.committed
            connection.request("GET", PRICES, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status == 200:
                known = int(json.loads(content)[0]["lmp_usd_per_mwh"])
                headers["If-None-Match"] = answer.headers["ETag"]
            elif answer.status == 304:
                self.not_modified += 1
            else:
                self.stale.append(f"{answer.status} {content!r}")
            self.reads += 1
            if known < before:
                self.stale.append(f"{known} after {before} was committed ({answer.status} of port {port})")
        connection.close()


def test_no_answer_is_stale_in_either_process(tmp_path: Path, dsn: str, redis_url: str) -> None:
    with _clickhouse(tmp_path) as clickhouse_dsn:
        stores = {
            "DATABASE_URL": dsn,
            "CLICKHOUSE_DSN": clickhouse_dsn,
            "REDIS_URL": redis_url,
            "CARBON254_READS_PER_MINUTE": "1000000",
        }
        writer = Program(tmp_path / "writer", **stores)
        with writer.serve() as server:
            _ingest(server, tmp_path, 1)
            with _reading_process(tmp_path, writer, stores) as (port, token):
                own = (writer.home / "token").read_text().strip()
                race = Race(committed=1)
                _race(race, server, tmp_path, [(server.port or 0, own), (port, token)])
                assert race.stale == []
                assert race.reads > RESTATEMENTS
                assert race.not_modified > 0
                _shared_through_redis(server, own, port, token)


def _race(race: Race, server: Server, folder: Path, doors: list[tuple[int, str]]) -> None:
    readers = [threading.Thread(target=race.read, args=door) for door in doors for _ in range(READERS_EACH)]
    for reader in readers:
        reader.start()
    try:
        for price in range(2, RESTATEMENTS + 2):
            _ingest(server, folder, price)
            race.committed = price
            time.sleep(0.05)
    finally:
        race.is_over = True
        for reader in readers:
            reader.join(60)


def _shared_through_redis(server: Server, own: str, port: int, token: str) -> None:
    """What one process made, the other finds; what nobody touched is still there after all that was ingested."""

    def is_shared(path: str) -> bool:
        assert _ask(server.port or 0, own, path)[0] == 200
        before = _hits(port, token)
        assert _ask(port, token, path)[0] == 200
        return _hits(port, token) == before + 1

    # Redis may be a moment late on a busy machine, and is passed over then.
    assert any(is_shared(f"{UNTOUCHED}&market=DA&limit={number}") for number in range(1, 6))


def _ingest(server: Server, folder: Path, price: int) -> None:
    """Returns when the price has been projected and the checkpoints say so."""
    server.ingest(write_miso(folder / str(price), "rt_lmp_final", {"HUB": [price] * 24}, DAY))
    server.get("/v1/publications")


def _ask(port: int, token: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, content


def _hits(port: int, token: str) -> float:
    metrics = _ask(port, token, "/metrics")[1]
    found = re.search(r'carbon254_cached_reads_total\{outcome="hit",route="/v1/prices"\} (\S+)', metrics)
    return float(found[1]) if found else 0.0


@contextmanager
def _clickhouse(folder: Path) -> Iterator[str]:
    port = _free_port()
    (folder / "clickhouse").mkdir()
    command = [sys.executable, "-m", "tests.services.clickhouse_front", str(port), str(folder / "clickhouse")]
    with _running(command, folder / "clickhouse.log", {}) as process:
        wait_until(lambda: process.poll() is not None or _is_open(port))
        yield f"clickhouse://default@127.0.0.1:{port}/default"


@contextmanager
def _reading_process(folder: Path, writer: Program, stores: dict[str, str]) -> Iterator[tuple[int, str]]:
    home, port = folder / "reader", _free_port()
    command = [sys.executable, "-m", "tests.e2e.reading_process", str(port), str(writer.home / "objects")]
    environment = {**writer.environment, **stores, "CARBON254_HOME": str(home)}
    with _running(command, folder / "reader.log", environment) as process:
        wait_until(lambda: process.poll() is not None or _is_open(port))
        assert process.poll() is None, (folder / "reader.log").read_text()
        yield port, (home / "token").read_text().strip()


@contextmanager
def _running(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    root = Path(__file__).parents[2]
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=root, env=environment or None, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
