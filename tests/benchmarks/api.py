"""How fast the API answers over HTTP. Run: python -m tests.benchmarks.api [--days N] [--seconds N]
With Redis besides: python -m tests.services --only redis run python -m tests.benchmarks.api --redis

wrk asks over loopback, on the same cores. Cached reads are held against a route that returns constant bytes of the same
length behind the same middleware: token, limit, and one look at entitlement and versions. Sixty-four people of a tenant
that has to be entitled ask in turn, for one alone would be stopped by the limit.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2

from infra.principal import Principal
from tests.benchmarks.api_server import BYTES, CONSTANT
from tests.benchmarks.files import FIRST_DAY, machine
from tests.benchmarks.reads import fill
from tests.services.wrk import Wrk

CALLERS, CONNECTIONS = 64, 16
ROUNDS = 3
COMMANDS = 200
RATIO_TARGET, BUSY_P99_TARGET_MS, UNCACHED_P99_TARGET_MS, COMMAND_TARGET_MS = 1.5, 25.0, 50.0, 5.0

# Each request of another caller; paced, each connection waits between two of them so that all together keep the rate.
_SCRIPT = """
local tokens, paths, pause_ms = { %(tokens)s }, { %(paths)s }, %(pause_ms)s
local number = 0
request = function()
  number = number + 1
  wrk.headers["Authorization"] = "Bearer " .. tokens[number %% #tokens + 1]
  wrk.headers["%(bytes_header)s"] = "%(bytes)s"
  return wrk.format("GET", paths[(number - 1) %% #paths + 1])
end
if pause_ms > 0 then delay = function() return math.random(0, 2 * pause_ms) end end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %%d %%d %%d %%f %%f %%f %%d\\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency.mean, latency:percentile(50), latency:percentile(99), latency.max))
end
"""


@dataclass(frozen=True)
class Result:
    """What wrk saw; latencies in milliseconds."""

    requests_per_s: float
    mean_ms: float
    median_ms: float
    p99_ms: float
    slowest_ms: float

    def __str__(self) -> str:
        return (f"{self.requests_per_s:7,.0f} requests/s, latency median {self.median_ms:.2f} ms, "
                f"p99 {self.p99_ms:.2f} ms, slowest {self.slowest_ms:.1f} ms")  # fmt: skip


@dataclass
class Load:
    """wrk against one server."""

    address: str
    tokens: list[str]
    folder: Path
    wrk: Wrk
    seconds: int

    def run(
        self, paths: list[str], *, connections: int = CONNECTIONS, pause_ms: float = 0, size: int = 0, seconds: int = 0
    ) -> Result:
        """`seconds` of requests for `paths` in turn; raises SystemExit where one was not answered with 200."""
        script = self.folder / "load.lua"
        script.write_text(_SCRIPT % {
            "tokens": ", ".join(f'"{token}"' for token in self.tokens), "paths": ", ".join(f'"{p}"' for p in paths),
            "pause_ms": pause_ms, "bytes_header": BYTES, "bytes": size,
        })  # fmt: skip
        options = ["-t1", f"-c{connections}", f"-d{seconds or self.seconds}s", "--timeout", "10s", "-s", str(script)]
        done = subprocess.run(
            [*self.wrk.program, *options, self.address], env=dict(self.wrk.environment), capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        found = re.search(r"RESULT (.*)", done.stdout)
        if found is None:
            raise SystemExit(f"wrk said: {done.stdout}{done.stderr}")
        requests, took_us, errors, mean, median, p99, slowest = map(float, found[1].split())
        if errors:
            raise SystemExit(f"{errors:.0f} of {requests:.0f} requests failed: {done.stdout}")
        return Result(requests / took_us * 1e6, mean / 1e3, median / 1e3, p99 / 1e3, slowest / 1e3)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--days", type=int, default=31)
    arguments.add_argument("--seconds", type=int, default=5, help="of each run of wrk")
    arguments.add_argument(
        "--redis", nargs="?", const=os.environ.get("TEST_REDIS", ""), metavar="URL", help="a Redis to use besides"
    )
    given = arguments.parse_args()
    if given.redis == "":
        arguments.error("--redis: name its URL, or run this by tests.services")
    print(machine())
    wrk = Wrk.fetched()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = fill(folder / "home", folder / "files", given.days)
        print(f"Workload: {rows:,} prices of {given.days} days; wrk with {CONNECTIONS} connections, {given.seconds} s "
              f"a run, {CALLERS} callers; Redis besides: {'yes' if given.redis else 'no'}")  # fmt: skip
        tokens, nodes = _prepare(folder / "home")
        with _served(folder, given.redis) as (address, client):
            load = Load(address, tokens, folder, wrk, given.seconds)
            asker = client({"Authorization": f"Bearer {tokens[0]}"})
            day, month = (
                f"/v1/prices?iso=MISO&tz=market&start={FIRST_DAY}&end={FIRST_DAY + timedelta(days=days)}&node="
                for days in (1, given.days)
            )
            _cached(load, asker, "a node's day", f"{day}AECI")
            _cached(load, asker, "a node's month", f"{month}AECI")
            _uncached(load, asker, [month + node for node in nodes])
            _commands(client, folder)


def _prepare(home: Path) -> tuple[list[str], list[str]]:
    """Tokens of the callers, whose tenant gets its entitlement, and the nodes that there are."""
    from api.cli.connection import Connection
    from api.wiring import open_platform
    from infra.settings import Settings

    platform = open_platform(Settings(home=home, database_url=None))
    with Connection.to_platform(platform, owned=True) as api:
        api.command("grant-entitlement", {"tenant": "desk", "iso": "MISO", "channels": ["api"]})
        day = {"iso": "MISO", "start": f"{FIRST_DAY}", "end": f"{FIRST_DAY}T06:00"}
        nodes = sorted({row["node"] for row in api.run(api.request("GET", "/v1/prices", params=day)).json()})
        assert platform.identity.issuer is not None
        people = [Principal("desk", f"someone-{n}", frozenset({"reader"})) for n in range(CALLERS)]
        tokens = [platform.identity.issuer.mint(person, timedelta(hours=1))[0] for person in people]
    return tokens, [node for node in nodes if re.fullmatch(r"[\w.]+", node)]


@contextmanager
def _served(folder: Path, redis_url: str | None) -> Iterator[tuple[str, type]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    if redis_url:
        environment["REDIS_URL"] = redis_url
    program = [sys.executable, "-m", "tests.benchmarks.api_server"]
    command = [*program, str(folder / "home"), str(port), str(folder / "commits")]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"

    def client(headers: dict[str, str]) -> httpx2.Client:
        return httpx2.Client(base_url=address, headers=headers, timeout=30, trust_env=False)

    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if client({}).get("/readyz").status_code == 200:
                    break
            except httpx2.TransportError:
                pass
            if time.monotonic() > deadline or server.poll() is not None:
                raise SystemExit((folder / "server.log").read_text()[-3000:])
            time.sleep(0.2)
        yield address, client  # type: ignore[misc]
    finally:
        server.terminate()
        server.wait(30)


def _cached(load: Load, asker: httpx2.Client, what: str, path: str) -> None:
    answer = asker.get(path)
    answer.raise_for_status()
    size, before = len(answer.content), _hits(load)
    constant, cached = [], []
    for _ in range(ROUNDS):
        constant.append(load.run([CONSTANT], size=size))
        cached.append(load.run([path]))
    ratios = [one.requests_per_s / other.requests_per_s for one, other in zip(constant, cached, strict=True)]
    ratio = statistics.median(ratios)
    print(f"\n{what}, {size:,} bytes, cached, against constant bytes ({ROUNDS} runs of each in turn):")
    print(f"  constant: {constant[-1]}")
    print(f"  cached:   {cached[-1]}")
    print(f"  ratio {ratio:.2f} (each {', '.join(f'{r:.2f}' for r in ratios)}; target {RATIO_TARGET})")
    rate = statistics.median(result.requests_per_s for result in cached) / 2
    pause_ms = max(1.0, 1000 * CONNECTIONS / rate - cached[-1].median_ms / 2)
    half = load.run([path], pause_ms=pause_ms)
    print(f"  at about half of that: {half} (target p99 {BUSY_P99_TARGET_MS:.0f} ms)")
    print(f"  answered from the cache: {_hits(load) - before:,.0f}")


def _uncached(load: Load, asker: httpx2.Client, paths: list[str]) -> None:
    """Each month is asked for once: wrk ends before it comes to the first one again."""
    before = _misses(load)
    first = load.run(paths, connections=1, seconds=min(load.seconds, 5))
    made = _misses(load) - before
    print(f"\na node's month, not cached, one after the other: {first} (target p99 {UNCACHED_P99_TARGET_MS:.0f} ms); "
          f"{made:,.0f} made, of {len(paths):,} nodes")  # fmt: skip


def _commands(client: type, folder: Path) -> None:
    token = (folder / "home" / "token").read_text().strip()
    operator = client({"Authorization": f"Bearer {token}"})
    told = folder / "commits"
    seen, waits_ms, whole_ms = len(told.read_text().splitlines()), [], []
    for number in range(COMMANDS):
        began = time.monotonic()
        answer = operator.post("/v1/commands/define-scenario", json={"name": f"s{number}", "growth_per_year": 0.01})
        answered = time.monotonic()
        answer.raise_for_status()
        committed = float(told.read_text().splitlines()[seen + number])
        waits_ms.append(1000 * (answered - committed))
        whole_ms.append(1000 * (answered - began))
    waits_ms, whole_ms = sorted(waits_ms[10:]), sorted(whole_ms[10:])
    print(f"\na command, from its commit to its answer: median {statistics.median(waits_ms):.2f} ms, p99 "
          f"{waits_ms[int(len(waits_ms) * 0.99)]:.2f} ms, slowest {waits_ms[-1]:.2f} ms of {len(waits_ms)} (target "
          f"{COMMAND_TARGET_MS:.0f} ms); from sending it: median {statistics.median(whole_ms):.2f} ms")  # fmt: skip


def _hits(load: Load) -> float:
    return _outcome(load, "hit")


def _misses(load: Load) -> float:
    return _outcome(load, "miss")


def _outcome(load: Load, outcome: str) -> float:
    token = (load.folder / "home" / "token").read_text().strip()
    answer = httpx2.get(f"{load.address}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    found = re.search(rf'carbon254_cached_reads_total{{outcome="{outcome}",route="/v1/prices"}} (\S+)', answer.text)
    return float(found[1]) if found else 0.0


if __name__ == "__main__":
    main()
