"""A reader that does not keep up: prices conflate to the newest of each place, events end with their last position."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from api.app import create_app
from api.cli.listening import server_of
from api.platform import Platform
from api.stream import outboxes
from api.stream.batches import PriceBatch, newest
from api.stream.hub import price_update
from api.stream.messages import Filters
from api.stream.outboxes import ConflatingOutbox, Outbox, SlowReader, Update
from projections.published import Published
from tests.api.stream.publishing import FIVE_MINUTES, START, publish
from tests.plugins_clickhouse import tick_rows

ALL = Filters("MISO")


def batch(
    position: int, nodes: list[str], price: float, *, step: int = 0, vintage: str = "preliminary", feed: str = "f"
) -> PriceBatch:
    start = START + step * FIVE_MINUTES
    facts = Published(
        position, "id", False, "prices", "MISO", "RT5", feed, vintage, len(nodes), 0, "", start, start, None, start,
        position,
    )  # fmt: skip
    return PriceBatch(facts, tick_rows(nodes, start, count=1, lmp_usd_per_mwh=price))


def update(made: PriceBatch) -> Update:
    found = price_update(made, ALL)
    assert found is not None
    return found


def told(found: Update) -> dict[str, float]:
    prices: dict[str, float] = {}
    for tail in found.tails():
        for part in json.loads("{" + tail)["batches"]:
            prices |= dict(zip(part["columns"]["node"], part["columns"]["lmp_usd_per_mwh"], strict=True))
    return prices


def taken(outbox: Outbox) -> list[Update]:
    async def take() -> list[Update]:
        return [await outbox.next() for _ in range(len(outbox))]

    return asyncio.run(take())


def test_prices_conflate_only_where_there_is_no_room() -> None:
    outbox = ConflatingOutbox(most=3)
    for position in range(1, 4):
        outbox.put(update(batch(position, ["A"], float(position), step=position)))
    assert len(outbox) == 3
    outbox.put(update(batch(4, ["B"], 40.0, step=4)))
    (one,) = taken(outbox)
    assert (one.seq, one.conflated, told(one)) == (4, 3, {"A": 3.0, "B": 40.0})


def test_an_outbox_of_prices_never_grows() -> None:
    outbox = ConflatingOutbox(most=3)
    for position in range(1, 200):
        outbox.put(update(batch(position, ["A", f"N{position % 5}"], float(position), step=position)))
        assert len(outbox) <= 3
    found = taken(outbox)
    assert sum(u.conflated + 1 for u in found) == 199, "every publication is either sent or counted"
    assert found[-1].seq == 199
    assert sum(len(s.rows) for s in found[0].selections) <= 6
    prices: dict[str, float] = {}
    for each in found:
        prices |= told(each)
    assert prices == {"A": 199.0, **{f"N{n}": float(max(p for p in range(1, 200) if p % 5 == n)) for n in range(5)}}


def test_the_newest_price_is_that_of_the_last_interval_and_then_the_strongest() -> None:
    made = [
        batch(1, ["A", "B", "C"], 1.0, step=2),
        batch(2, ["A"], 2.0, step=1),  # came later, and is for an earlier interval
        batch(3, ["B"], 3.0, step=2, vintage="final"),
        batch(4, ["B"], 4.0, step=2),  # preliminary after final
        batch(5, ["C"], 5.0, step=2, feed="other"),  # another place
        batch(6, ["A"], 6.0, step=2),  # restated
    ]
    kept = newest([selection for each in made for selection in update(each).selections])
    found = [(selection.batch.facts.position, node) for selection in kept for node in selection.message().columns.node]
    assert found == [(1, "C"), (3, "B"), (5, "C"), (6, "A")]


def test_events_that_find_no_room_end_it() -> None:
    outbox = Outbox(most=2)
    outbox.put(Update(1, ["1"]))
    outbox.put(Update(2, ["2"]))
    with pytest.raises(SlowReader):
        outbox.put(Update(3, ["3"]))


@contextmanager
def served(platform: Platform) -> Iterator[str]:
    """The server of `carbon254 serve` in a thread; its address."""
    with socket.socket() as listener:
        # A small buffer, so that a reader which stands still is noticed after little.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server: uvicorn.Server = server_of(create_app(platform), platform)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/v1/stream"
        finally:
            server.should_exit = True
            thread.join(90)


@contextmanager
def connected(platform: Platform, url: str) -> Iterator[ClientConnection]:
    """A client whose buffers are as small as they can be."""
    host, port = url.removeprefix("ws://").partition("/")[0].split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect((host, int(port)))
    token = f"bearer.{platform.token}"
    protocols: list[object] = ["carbon254.v1", token]
    with connect(url, sock=raw, subprotocols=protocols, max_queue=1, compression=None, close_timeout=1) as connection:  # type: ignore[arg-type]
        assert json.loads(connection.recv())["type"] == "authenticated"
        yield connection


def subscribe(connection: ClientConnection, channel: str, feed: str) -> None:
    filters = {"iso": "MISO", "feed": feed}
    connection.send(json.dumps({"type": "subscribe", "id": "s", "channel": channel, "filters": filters}))
    assert json.loads(connection.recv())["type"] == "subscribed"


@pytest.mark.enable_socket
def test_a_slow_reader_of_prices_gets_the_newest(platform: Platform) -> None:
    nodes = [f"N{number}" for number in range(3_000)]
    count = 30
    with served(platform) as url, connected(platform, url) as connection:
        subscribe(connection, "prices", "slow")
        assert json.loads(connection.recv())["type"] == "snapshot"
        for step in range(count):
            last = publish(platform, nodes, float(step), feed="slow", start=START + step * FIVE_MINUTES)
        platform.wait_for(last)
        connection.send(json.dumps({"type": "ping"}))
        updates: list[dict[str, Any]] = []
        while not updates or updates[-1]["seq"] < last or updates[-1]["more"]:
            message = json.loads(connection.recv(timeout=90))
            if message["type"] == "update":
                updates.append(message)
        whole = [u for u in updates if not u["more"]]
        assert sum(1 + u["conflated"] for u in whole) == count
        assert any(u["conflated"] for u in whole)
        assert [u["prev_seq"] for u in whole][1:] == [u["seq"] for u in whole][:-1]
        assert updates[-1]["batches"][-1]["columns"]["lmp_usd_per_mwh"][0] == count - 1


@pytest.mark.enable_socket
def test_a_slow_reader_of_publications_is_cut(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "MOST_WAITING_PUBLICATIONS", 2)
    feed = "f" * 190
    with served(platform) as url, connected(platform, url) as connection:
        subscribe(connection, "publications", feed)
        for step in range(200):
            last = publish(platform, ["A"], float(step), feed=feed)
        platform.wait_for(last)
        seqs: list[int] = []
        with pytest.raises(ConnectionClosed) as closed:
            seqs.extend(json.loads(message)["seq"] for message in iter(partial(connection.recv, timeout=90), None))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4008
        assert closed.value.rcvd.reason.endswith(f"last seq {seqs[-1]}")
        assert seqs[-1] < last
    # With it the client goes on where it was cut.
    with served(platform) as url, connected(platform, url) as connection:
        filters = {"iso": "MISO", "feed": feed}
        asked = {"type": "subscribe", "id": "s", "channel": "publications", "filters": filters, "from_seq": seqs[-1]}
        connection.send(json.dumps(asked))
        assert json.loads(connection.recv())["seq"] == seqs[-1]
        while seqs[-1] < last:
            message = json.loads(connection.recv(timeout=90))
            assert message["prev_seq"] == seqs[-1]
            seqs.append(message["seq"])
    assert len(seqs) == 200


@pytest.mark.enable_socket
def test_a_message_that_is_too_large_ends_it(platform: Platform) -> None:
    with served(platform) as url, connected(platform, url) as connection:
        connection.send(json.dumps({"type": "authenticate", "token": "x" * 70_000}))
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=90)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
