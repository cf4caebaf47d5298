"""From an event's commit to its receipt by many clients. Run: python -m tests.benchmarks.stream

Every 5 s one publication of 18,500 nodes; 200 clients of 50 nodes each and 2 of everything, in processes of their own
on the same machine, over loopback, through the server of `carbon254 serve` (its settings, in a thread of this process).
The latency is from the event's `recorded_at`, which is set just before it is appended, to when the client has the last
part of the update; both are the same machine's clock. Processor time is of the rounds alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from api.app import create_app
from api.cli.listening import server_of
from api.platform import Platform
from api.wiring import open_platform
from infra.principal import Principal
from infra.settings import Settings
from tests.api.stream.publishing import FIVE_MINUTES, START, append, prepared
from tests.benchmarks.files import machine
from tests.benchmarks.stream_clients import NODES, OPENING_PATIENCE_S, Asked, Got, Report, run_clients

TARGET_MS = 250.0
CLIENT_PROCESSES = 4
LATE_S = 30.0
"""How long after the last publication a client waits for what it has not got, before it counts as lost."""


@dataclass(frozen=True)
class Measured:
    """What all clients have got, and seconds of the processor by process, of all rounds together."""

    clients: list[Got]
    cpu_s: dict[str, float]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--small", type=int, default=200, help="clients of 50 nodes each")
    arguments.add_argument("--whole", type=int, default=2, help="clients of everything")
    arguments.add_argument("--rounds", type=int, default=12)
    arguments.add_argument("--interval-s", type=float, default=5.0)
    chosen = arguments.parse_args()
    print(machine())
    print(f"{chosen.rounds} publications of {len(NODES):,} nodes, one each {chosen.interval_s:g} s, to {chosen.small} "
          f"clients of 50 nodes and {chosen.whole} of everything in {CLIENT_PROCESSES} processes")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        platform = open_platform(Settings(home=Path(folder) / "home", database_url=None))
        try:
            platform.wait_for(append(platform, prepared(platform, NODES, 20.0)))
            with _served(platform) as url:
                measured = _measure(platform, chosen, url)
        finally:
            platform.close()
    sys.exit(_report(chosen, measured))


@contextmanager
def _served(platform: Platform) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        server = server_of(create_app(platform), platform)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/stream"
        finally:
            server.should_exit = True
            thread.join(30)


def _measure(platform: Platform, chosen: argparse.Namespace, url: str) -> Measured:
    patience_s = chosen.rounds * chosen.interval_s + LATE_S
    started = time.monotonic()
    with _clients(platform, chosen, url, patience_s) as clients:
        for _, parent in clients:
            _heard(parent, OPENING_PATIENCE_S + 30)
        print(f"all subscribed after {time.monotonic() - started:.1f} s", file=sys.stderr)
        ours = {process.pid for process, _ in clients}
        before_s = _cpu_by_process(ours)
        _publish_rounds(platform, chosen)
        reports = [_heard(parent, patience_s + 60) for _, parent in clients]
        after_s = _cpu_by_process(ours)
    cpu_s = {name: after_s[name] - before_s[name] for name in before_s}
    cpu_s["clients"] = sum(report.cpu_s for report in reports if isinstance(report, Report))
    return Measured([got for report in reports if isinstance(report, Report) for got in report.clients], cpu_s)


def _publish_rounds(platform: Platform, chosen: argparse.Namespace) -> None:
    started = time.monotonic()
    for step in range(1, chosen.rounds + 1):
        # What a parser does beforehand, in a process of its own, is no part of the rounds.
        rows = prepared(platform, NODES, 30.0 + step, start=START + step * FIVE_MINUTES)
        time.sleep(max(0.0, started + step * chosen.interval_s - time.monotonic()))
        append(platform, rows)


@contextmanager
def _clients(
    platform: Platform, chosen: argparse.Namespace, url: str, patience_s: float
) -> Iterator[list[tuple[BaseProcess, Connection]]]:
    context = multiprocessing.get_context("spawn")
    counts = [50] * chosen.small + [0] * chosen.whole
    asked = [Asked(number, _token(platform, number), count) for number, count in enumerate(counts)]
    running: list[tuple[BaseProcess, Connection]] = []
    try:
        for share in (asked[n::CLIENT_PROCESSES] for n in range(CLIENT_PROCESSES)):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(
                target=run_clients, args=(url, share, chosen.rounds, patience_s, theirs)
            )
            process.start()
            theirs.close()  # so that a process that ends early is noticed
            running.append((process, ours))
        yield running
    finally:
        for process, _ in running:
            process.join(10)
            process.terminate()


def _token(platform: Platform, number: int) -> str:
    assert platform.identity.issuer is not None
    principal = Principal("local", f"client-{number}", frozenset({"reader"}))
    return platform.identity.issuer.mint(principal, timedelta(hours=1))[0]


def _heard(parent: Connection, patience_s: float) -> Report | str:
    if not parent.poll(patience_s):
        sys.exit(f"a process of clients has said nothing for {patience_s:.0f} s")
    try:
        heard: Report | str = parent.recv()
    except EOFError:
        sys.exit("a process of clients has ended by an error")
    return heard


def _cpu_by_process(clients: set[int | None]) -> dict[str, float]:
    """Seconds of this process and of the database's; the latter are all that descend from this one but the clients."""
    parents, seconds = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        seconds[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descends(pid: int) -> bool:
        return pid not in clients and (parents.get(pid) == os.getpid() or (pid in parents and descends(parents[pid])))

    return {"server": time.process_time(), "database": sum(s for pid, s in seconds.items() if descends(pid))}


def _report(chosen: argparse.Namespace, measured: Measured) -> int:
    """Prints it; 1 where something was lost or came wrong, else 0."""
    for trouble in {got.trouble for got in measured.clients if got.trouble}:
        print("trouble:", trouble)
    receipts = [(got, receipt) for got in measured.clients for receipt in got.receipts]
    for kind, wanted in (("50 nodes", {50}), ("everything", {0}), ("all", {0, 50})):
        taken = [receipt.latency_s * 1000 for got, receipt in receipts if got.node_count in wanted]
        if taken:
            p50, p95, p99 = np.percentile(taken, [50, 95, 99])
            print(f"{kind:10} {len(taken):6,} receipts: p50 {p50:6.1f} ms, p95 {p95:6.1f} ms, p99 {p99:6.1f} ms, "
                  f"slowest {max(taken):6.1f} ms")  # fmt: skip
    expected = chosen.rounds * (chosen.small + chosen.whole)
    told = sum(receipt.publications for _, receipt in receipts)
    conflated = told - len(receipts)
    short = sum(r.rows != (got.node_count or len(NODES)) for got, r in receipts if r.publications == 1)
    cpu = ", ".join(f"{name} {seconds / chosen.rounds:.2f} s" for name, seconds in measured.cpu_s.items())
    print(f"updates lost: {expected - told} of {expected:,}; conflated: {conflated}; with wrong rows: {short}")
    print(f"processor time of a round: {cpu}")
    print(f"target: p95 below {TARGET_MS:g} ms, none lost")
    return int(told != expected or short > 0)


if __name__ == "__main__":
    main()
