"""How often a day's reads are answered from the cache. Run: python -m tests.benchmarks.dashboards [--intervals N]

A simulated day of 288 five-minute intervals: MISO's and ERCOT's new prices come in each of them, the next day-ahead
auction once. Meanwhile dashboards poll what they show and scripts fetch histories. Every answer about the latest prices
is looked at: it has to hold the interval that was ingested before it was asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from infra.metrics import CACHED_READS
from tests.benchmarks.files import machine
from tests.benchmarks.five_minute_files import FIRST_INTERVAL, FIVE_MINUTES, ercot_file, miso_file
from tests.e2e.market_files import write_miso

INTERVALS = 288
DASHBOARDS, BOARDS = 24, 8
POLLED_EVERY_S = 30
HISTORIES = 10  # fetched by scripts, of random nodes, each interval
MONTH_DAYS = 31
TARGET = 0.80
HUBS = [f"HUB.{number}" for number in range(BOARDS)]
TODAY = date(2025, 6, 10)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--intervals", type=int, default=INTERVALS)
    intervals: int = arguments.parse_args().intervals
    print(machine())
    print(f"Workload: {intervals} intervals of five minutes, 2,600 nodes of MISO and 1,100 of ERCOT each; {DASHBOARDS} "
          f"dashboards of {BOARDS} boards poll the latest prices every {POLLED_EVERY_S} s, and each interval a month's "
          f"chart, the curves, one curve and the coverage, with the tag of what they have; {HISTORIES} histories of "
          "random nodes an interval, without")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        _replay(Path(folder), intervals)


def _replay(folder: Path, intervals: int) -> None:
    from api.app import create_app
    from api.cli.connection import Connection
    from api.cli.ingest import ingest_paths
    from api.wiring import open_platform
    from infra.settings import Settings

    limit = 10_000_000  # all callers are one here
    platform = open_platform(Settings(home=folder / "home", database_url=None, reads_per_minute=limit))
    try:
        with Connection.to_platform(platform) as api:
            curves = _past(api, folder)
            desk = Desk(create_app(platform), platform.token, curves)
            started, began = time.perf_counter(), time.process_time()
            for number in range(intervals):
                start = FIRST_INTERVAL + number * FIVE_MINUTES
                new = [_write(folder, *file(start)) for file in (miso_file, ercot_file)]
                if number == INTERVALS // 2:
                    day = TODAY + timedelta(days=1)
                    new.append(write_miso(folder / "auction", "da_expost_lmp", dict.fromkeys(HUBS, [31] * 24), day))
                ingest_paths(api, new)  # returns when all of it is readable
                api.run(desk.interval(start))
            _tell(desk, time.perf_counter() - started, time.process_time() - began)
    finally:
        platform.close()


class Desk:
    """Everybody who reads, one interval after the other."""

    def __init__(self, app: Any, token: str, curves: list[str]) -> None:
        self._client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1", timeout=None,
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip
        self._curves = curves
        self._random = random.Random(1)
        self._tags: dict[tuple[int, str], str] = {}
        self._known: dict[tuple[int, str], bytes] = {}
        self.reads = self.latest = 0

    async def interval(self, start: datetime) -> None:
        """The five minutes after the interval that starts then has come in."""
        for poll in range(300 // POLLED_EVERY_S):
            await asyncio.gather(*(self._latest(n, start) for n in range(DASHBOARDS)))
            if poll == 0:
                await asyncio.gather(*(self._get(n, path) for n in range(DASHBOARDS) for path in self._charts(n)))
                await asyncio.gather(*(self._get(None, path) for path in self._histories(start)))

    async def _latest(self, dashboard: int, start: datetime) -> None:
        """Two hours of four nodes, as a board shows them; half of the boards are of ERCOT."""
        board = dashboard % BOARDS
        iso, name = ("ERCOT", "ERCOT_{:04}_RN") if board % 2 else ("MISO", "MISO.NODE{:05}")
        nodes = "".join(f"&node={name.format(4 * board + n)}" for n in range(4))
        since, until = start - timedelta(hours=2), start + FIVE_MINUTES
        path = f"/v1/prices?iso={iso}&market=RT5{nodes}&start={since:%Y-%m-%dT%H:%MZ}&end={until:%Y-%m-%dT%H:%MZ}"
        content = await self._get(dashboard, path)
        self.latest += 1
        # ERCOT's runs have a stamp of their own, some seconds after the interval's start.
        if content.count(f"{start:%Y-%m-%dT%H:%M}".encode()) < 4:
            sys.exit(f"a stale answer, without the interval from {start}: {path}")

    def _charts(self, dashboard: int) -> Iterator[str]:
        board = dashboard % BOARDS
        since, until = TODAY - timedelta(days=MONTH_DAYS), TODAY + timedelta(days=2)
        yield f"/v1/prices?iso=MISO&market=DA&node={HUBS[board]}&start={since}&end={until}&tz=market"
        yield "/v1/curves"
        yield f"/v1/curves/{self._curves[board % len(self._curves)]}"
        yield "/v1/prices/coverage?iso=MISO"

    def _histories(self, start: datetime) -> Iterator[str]:
        for _ in range(HISTORIES):
            node = f"MISO.NODE{self._random.randrange(2_600):05}"
            yield f"/v1/prices?iso=MISO&market=RT5&node={node}&start={TODAY}&end={start + FIVE_MINUTES:%Y-%m-%dT%H:%MZ}"

    async def _get(self, dashboard: int | None, path: str) -> bytes:
        """What the path says now; a dashboard keeps what it was told and asks whether it is still so."""
        key = (dashboard or 0, path)
        headers = {"If-None-Match": self._tags[key]} if dashboard is not None and key in self._tags else {}
        answer = await self._client.get(path, headers=headers)
        self.reads += 1
        if answer.status_code == 304:
            return self._known[key]
        answer.raise_for_status()
        if dashboard is not None:
            self._tags[key], self._known[key] = answer.headers["etag"], answer.content
        return answer.content


def _past(api: Any, folder: Path) -> list[str]:
    """A month of day-ahead prices of the hubs, and a curve for each of four of them; the curves' ids."""
    from api.cli.ingest import ingest_paths

    for back in range(MONTH_DAYS):
        prices = {hub: [20 + back % 7 + number] * 24 for number, hub in enumerate(HUBS)}
        write_miso(folder / "past", "da_expost_lmp", prices, TODAY - timedelta(days=back))
    ingest_paths(api, [folder / "past"])
    lines = ["hub,product,price_usd_per_mwh,source,quoted_at"]
    for hub in HUBS[:4]:
        body = {"name": hub, "iso": "MISO", "node": hub, "node_type": "Hub", "market": "DA", "time_zone": "Etc/GMT+5"}
        api.command("register-instrument", body)
        lines += [f"{hub},CAL-2027,40,broker,2025-06-09T12:00:00Z", f"{hub},CAL-2028,41,broker,2025-06-09T12:00:00Z"]
    api.command("record-quotes", {"object": api.upload("\n".join(lines).encode())})
    api.command("define-scenario", {"name": "base", "growth_per_year": 0.01})
    return [str(api.command("build-curve", {"hub": hub, "scenario": "base"})["id"]) for hub in HUBS[:4]]


def _tell(desk: Desk, took_s: float, busy_s: float) -> None:
    outcomes: Counter[str] = Counter()
    by_route: dict[str, Counter[str]] = {}
    for sample in next(iter(CACHED_READS.collect())).samples:
        outcomes[sample.labels["outcome"]] += int(sample.value)
        by_route.setdefault(sample.labels["route"], Counter())[sample.labels["outcome"]] += int(sample.value)
    saved = outcomes["hit"] + outcomes["not_modified"]
    share = saved / outcomes.total()
    print(f"{desk.reads:,} reads in {took_s:.0f} s (CPU {busy_s:.0f} s, ingest and all): {share:.1%} from the cache "
          f"(target {TARGET:.0%}); no stale one among {desk.latest:,} of the latest prices")  # fmt: skip
    for route, counts in sorted(by_route.items()):
        told = ", ".join(f"{counts[name]:,} {name}" for name in ("hit", "not_modified", "miss"))
        print(f"  {route:25} {told}")
    if share < TARGET:
        sys.exit("the target is missed")


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


if __name__ == "__main__":
    main()
