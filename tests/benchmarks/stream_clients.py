"""Clients of the stream for its benchmark: many in a process of their own, which reports what each has got."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection

import msgspec
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

NODES = [f"NODE.{number:05}" for number in range(18_500)]
OPENING_PATIENCE_S = 180.0
_OPENING_AT_ONCE = 4


class _Columns(msgspec.Struct):
    node: list[str]


class _Batch(msgspec.Struct):
    recorded_at: datetime
    columns: _Columns


class _Message(msgspec.Struct):
    """What a client needs of any message to know what it has got."""

    type: str
    seq: int = 0
    conflated: int = 0
    more: bool = False
    batches: list[_Batch] = []


@dataclass(frozen=True)
class Asked:
    """One client: its token, and how many nodes it wants (0 is all of them)."""

    number: int
    token: str
    node_count: int


@dataclass(frozen=True)
class Receipt:
    """A whole update: what it was of, how long after the newest event's commit it came, and how many it stands for."""

    seq: int
    latency_s: float
    publications: int
    rows: int


@dataclass
class Got:
    """What one client has got; `trouble` says why it ended early."""

    node_count: int
    receipts: list[Receipt] = field(default_factory=list)
    trouble: str | None = None


@dataclass(frozen=True)
class Report:
    """What one process has got, and the processor's time it took since all its clients were subscribed."""

    clients: list[Got]
    cpu_s: float


def run_clients(url: str, asked: Sequence[Asked], rounds: int, patience_s: float, parent: Connection) -> None:
    """Subscribes all, says `ready`, reads until each has `rounds` publications or `patience_s` is over, reports."""
    parent.send(asyncio.run(_all_of_them(url, asked, rounds, patience_s, parent)))


async def _all_of_them(url: str, asked: Sequence[Asked], rounds: int, patience_s: float, parent: Connection) -> Report:
    opening = asyncio.Semaphore(_OPENING_AT_ONCE)
    async with asyncio.timeout(OPENING_PATIENCE_S):
        connections = await asyncio.gather(*(_subscribed(url, client, opening) for client in asked))
    parent.send("ready")
    started_cpu_s = time.process_time()
    found = await asyncio.gather(
        *(_read(connection, client, rounds, patience_s) for connection, client in zip(connections, asked, strict=True))
    )
    cpu_s = time.process_time() - started_cpu_s
    await asyncio.gather(*(connection.close() for connection in connections), return_exceptions=True)
    return Report(found, cpu_s)


async def _subscribed(url: str, client: Asked, opening: asyncio.Semaphore) -> ClientConnection:
    """A connection that has had its snapshot, so that what follows are updates."""
    nodes = random.Random(client.number).sample(NODES, client.node_count)
    asked = {"type": "subscribe", "id": "a", "channel": "prices"}
    protocols = [Subprotocol("carbon254.v1"), Subprotocol(f"bearer.{client.token}")]
    async with opening:
        connection = await websockets.connect(
            url, subprotocols=protocols, compression=None, open_timeout=60, close_timeout=5, max_queue=None
        )
        filters = {"iso": "MISO", "market": "RT5", "nodes": nodes}
        await connection.send(msgspec.json.encode(asked | {"filters": filters}).decode())
        while True:
            message = _decoder.decode(await connection.recv())
            if message.type == "error":
                raise RuntimeError(f"client {client.number} was refused")
            if message.type == "snapshot" and not message.more:
                return connection


async def _read(connection: ClientConnection, client: Asked, rounds: int, patience_s: float) -> Got:
    got = Got(client.node_count)
    publications = rows = 0
    try:
        async with asyncio.timeout(patience_s):
            while publications < rounds:
                text = await connection.recv()
                received_at_s = time.time()
                message = _decoder.decode(text)
                if message.type != "update":
                    continue
                rows += sum(len(batch.columns.node) for batch in message.batches)
                if not message.more:
                    latency_s = received_at_s - message.batches[-1].recorded_at.timestamp()
                    got.receipts.append(Receipt(message.seq, latency_s, 1 + message.conflated, rows))
                    publications, rows = publications + 1 + message.conflated, 0
    except (TimeoutError, websockets.WebSocketException) as error:
        got.trouble = f"{type(error).__name__}: {error}"
    return got


_decoder = msgspec.json.Decoder(_Message)
