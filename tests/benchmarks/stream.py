"""From an event's commit to its receipt by many clients. Run: python -m tests.benchmarks.stream

Every 5 s one publication of 18,500 nodes; 200 clients of 50 nodes each and 2 of everything, spread over processes of
their own on the same machine, through the server of `carbon254 serve` (its settings, in a thread of this process).
Commit is the moment at which the append returned; receipt is when the last part of the update has been parsed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import socket
import tempfile
import threading
import time
from datetime import timedelta
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np
import websockets
from websockets.typing import Subprotocol

from api.cli.server import _server
from api.platform import Platform
from api.wiring import open_platform
from infra.principal import Principal
from infra.settings import Settings
from tests.api.stream.publishing import FIVE_MINUTES, START, publish
from tests.benchmarks.files import machine

NODES = [f"NODE.{number:05}" for number in range(18_500)]
TARGET_MS = 250.0
CLIENT_PROCESSES = 4
Received = tuple[str, int, float]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--small", type=int, default=200, help="clients of 50 nodes each")
    arguments.add_argument("--whole", type=int, default=2, help="clients of everything")
    arguments.add_argument("--rounds", type=int, default=12)
    arguments.add_argument("--interval-s", type=float, default=5.0)
    chosen = arguments.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        platform = open_platform(Settings(home=Path(folder) / "home", database_url=None))
        try:
            _measure(platform, chosen)
        finally:
            platform.close()


def _measure(platform: Platform, chosen: argparse.Namespace) -> None:
    platform.wait_for(publish(platform, NODES, 20.0))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        server = _server(platform)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/stream"
        committed, received = _run(platform, chosen, url)
        server.should_exit = True
        thread.join(30)
    _report(chosen, committed, received)


def _run(platform: Platform, chosen: argparse.Namespace, url: str) -> tuple[dict[int, float], list[Received]]:
    context = multiprocessing.get_context("spawn")
    answers: Queue[list[Received]] = context.Queue()
    ready = context.Semaphore(0)
    kinds = ["50 nodes"] * chosen.small + ["everything"] * chosen.whole
    clients = [(number, kind, _token(platform, number)) for number, kind in enumerate(kinds)]
    shares = [clients[n::CLIENT_PROCESSES] for n in range(CLIENT_PROCESSES)]
    processes = [context.Process(target=_clients, args=(url, s, chosen.rounds, ready, answers)) for s in shares if s]
    for process in processes:
        process.start()
    for _ in clients:
        ready.acquire()
    committed = {}
    for step in range(chosen.rounds):
        started = time.monotonic()
        position = publish(platform, NODES, 30.0 + step, start=START + (step + 1) * FIVE_MINUTES)
        committed[position] = time.monotonic()  # one clock for all processes of the machine
        time.sleep(max(0.0, chosen.interval_s - (time.monotonic() - started)))
    received = [entry for _ in processes for entry in answers.get(timeout=120)]
    for process in processes:
        process.join(30)
    return committed, received


def _token(platform: Platform, number: int) -> str:
    assert platform.identity.issuer is not None
    principal = Principal("local", f"client-{number}", frozenset({"reader"}))
    return platform.identity.issuer.mint(principal, timedelta(hours=1))[0]


def _clients(url, share, rounds, ready, answers) -> None:  # type: ignore[no-untyped-def]
    async def all_of_them() -> list[list[Received]]:
        return await asyncio.gather(
            *(_client(url, number, kind, token, rounds, ready) for number, kind, token in share)
        )

    answers.put([entry for found in asyncio.run(all_of_them()) for entry in found])


async def _client(url, number, kind, token, rounds, ready) -> list[Received]:  # type: ignore[no-untyped-def]
    nodes = random.Random(number).sample(NODES, 50) if kind == "50 nodes" else []
    filters = {"iso": "MISO", "market": "RT5", "nodes": nodes}
    found: list[Received] = []
    protocols = [Subprotocol("carbon254.v1"), Subprotocol(f"bearer.{token}")]
    async with websockets.connect(url, subprotocols=protocols, compression=None, open_timeout=60) as connection:
        await connection.send(json.dumps({"type": "subscribe", "id": "a", "channel": "prices", "filters": filters}))
        rows = 0
        while len(found) < rounds:
            message = json.loads(await connection.recv())
            if message["type"] == "snapshot" and not message["more"]:
                ready.release()
            if message["type"] == "update":
                rows += sum(len(batch["columns"]["node"]) for batch in message["batches"])
                if not message["more"]:
                    assert (rows, message["conflated"]) == (len(nodes) or len(NODES), 0)
                    found.append((kind, message["seq"], time.monotonic()))
                    rows = 0
    return found


def _report(chosen: argparse.Namespace, committed: dict[int, float], received: list[Received]) -> None:
    print(
        f"{chosen.rounds} publications of {len(NODES):,} nodes, one each {chosen.interval_s:g} s, to {chosen.small} "
        f"clients of 50 nodes and {chosen.whole} of everything in {CLIENT_PROCESSES} processes"
    )
    for kind in ("50 nodes", "everything", "all"):
        taken = [(at - committed[seq]) * 1000 for k, seq, at in received if kind in (k, "all")]
        if taken:
            p50, p95, p99 = np.percentile(taken, [50, 95, 99])
            print(
                f"{kind:11} {len(taken):6,} receipts: p50 {p50:6.1f} ms, p95 {p95:6.1f} ms, p99 {p99:6.1f} ms, "
                f"slowest {max(taken):6.1f} ms"
            )
    print(f"target: p95 below {TARGET_MS:g} ms")


if __name__ == "__main__":
    main()
