"""A day of five-minute prices of the four ISOs, from HTTP to queryable rows. Run: python -m tests.benchmarks.market_day

The files (see `five_minute_files.hour_files`) are written beforehand and served by a plain file server, a process of
its own on loopback; its work and the platform's are in the time. Files are fetched and handed in a few at a time, in
order, as `carbon254 ingest` does it; the time ends when every row is loaded, which is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from tests.benchmarks.files import machine
from tests.benchmarks.five_minute_files import FIRST_INTERVAL, NODES, hour_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.cli.connection import Connection

HOURS = 24
AT_ONCE = 4
TARGET_S = 60


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--hours", type=int, default=HOURS)
    hours: int = arguments.parse_args().hours
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        files.mkdir()
        with ProcessPoolExecutor(2) as writers:
            names = [name for hour in writers.map(_write_hour, [files] * hours, range(hours)) for name in hour]
        size = sum((files / name).stat().st_size for name in names)
        print(f"Workload: {hours} hours, {12 * hours * sum(NODES.values()):,} prices in {len(names)} files, "
              f"{size / 1e6:,.0f} MB")  # fmt: skip
        with _served(files) as address:
            _measure(Path(folder) / "home", address, names, 12 * hours * sum(NODES.values()))


def _write_hour(files: Path, number: int) -> list[str]:
    found = hour_files(FIRST_INTERVAL + timedelta(hours=number))
    for name, content in found:
        (files / name).write_bytes(content)
    return [name for name, _ in found]


@contextmanager
def _served(files: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(files), str(port)]
    server = subprocess.Popen([*command, "--protocol", "HTTP/1.1"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                httpx2.get(address, timeout=1)
                break
            except httpx2.TransportError:
                time.sleep(0.05)
        yield address
    finally:
        server.terminate()
        server.wait()


def _measure(home: Path, address: str, names: list[str], expected: int) -> None:
    from api.cli.connection import Connection
    from api.wiring import open_platform
    from infra.settings import Settings

    platform = open_platform(Settings(home=home, database_url=None))
    try:
        with Connection.to_platform(platform) as connection:
            started, began = time.perf_counter(), time.process_time()
            newest = connection.run(_everything(connection, address, names))
            handed_in = time.perf_counter() - started
            connection.run(connection.request("GET", "/v1/projections", params={"wait_for": str(newest)}))
            seconds, busy = time.perf_counter() - started, time.process_time() - began
        rows = platform.clickhouse.query_arrow("SELECT count() AS n FROM ch.market_price_ticks")["n"][0].as_py()
    finally:
        platform.close()
    if rows != expected:
        sys.exit(f"rows are missing: {rows:,} of {expected:,}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"HTTP to queryable: {seconds:.1f} s (target {TARGET_S} s for a day), {rows / seconds:,.0f} rows/s; handed "
          f"in after {handed_in:.1f} s; CPU of this process {busy:.1f} s; peak memory {peak / 1e9:.2f} GB")  # fmt: skip


async def _everything(connection: Connection, address: str, names: list[str]) -> int:
    gate = asyncio.Semaphore(AT_ONCE)
    turns = [asyncio.Event() for _ in range(len(names) + 1)]
    turns[0].set()
    async with httpx2.AsyncClient(base_url=address, timeout=60) as client, asyncio.TaskGroup() as group:

        async def one(number: int, name: str) -> int:
            async with gate:
                content = (await client.get(f"/{name}")).raise_for_status().content
                payloads = await _uploaded(connection, name, content)
                await turns[number].wait()
                positions = [await _ingested(connection, payload) for payload in payloads]
                turns[number + 1].set()
                return max(positions)

        tasks = [group.create_task(one(number, name)) for number, name in enumerate(names)]
    return max(task.result() for task in tasks)


async def _uploaded(connection: Connection, name: str, content: bytes) -> list[dict[str, Any]]:
    stored = await connection.request("POST", "/v1/objects", content=content)
    path = f"/v1/objects/{stored.json()['sha256']}/survey"
    survey = await connection.request("POST", path, params={"name": name, "named": True})
    return list(survey.json()["payloads"])


async def _ingested(connection: Connection, payload: dict[str, Any]) -> int:
    answer = (await connection.request("POST", "/v1/commands/ingest-publication", json=payload)).json()
    if answer["status"] != "done":
        raise SystemExit(f"{payload['place']} is {answer['status']}")
    return int(answer["position"])


if __name__ == "__main__":
    main()
