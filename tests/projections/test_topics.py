"""The publisher: what the log brings comes to the topics, whatever fails on the way, and holds nobody up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest

from api.cli.connection import Connection
from api.platform import Platform
from infra.broker import BrokerUnavailable, EmbeddedBroker, Reader, Received, Record
from infra.topics import TOPICS
from projections import topic_messages
from projections.topics import TopicPublisher
from tests.api.stream.publishing import append, prepared, publish

PATIENCE_S = 90.0
TICKS = "power.ticks.v1"


def take(reader: Reader, count: int) -> list[Received]:
    found: list[Received] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {len(found)} of {count} came"
        found += reader.next(1.0)
    return found


def ids(received: Sequence[Received]) -> list[str]:
    return [r.record.headers["message-id"] for r in received]


def nodes(received: Sequence[Received]) -> list[str]:
    return [node for r in received for node in msgspec.json.decode(r.record.value)["columns"]["node"]]


def test_nothing_is_published_in_this_process_before_somebody_reads(platform: Platform) -> None:
    publish(platform, ["EARLY"], 1.0)
    assert not platform.topics.subscription.is_following
    reader = platform.broker.read_as(TICKS, "a")
    position = publish(platform, ["LATE"], 2.0)
    (received,) = take(reader, 1)
    message: Any = msgspec.json.decode(received.record.value, type=TOPICS[TICKS])
    assert (message.log_position, message.columns.node, message.columns.lmp_usd_per_mwh) == (position, ["LATE"], [2.0])
    assert (received.record.key, received.record.headers["message-id"]) == ("MISO/RT5/rt_5min", f"{position}/1")
    publish(platform, ["OTHER"], 3.0, iso="PJM")
    assert take(reader, 1)[0].record.key == "PJM/RT5/rt_5min"


class _FailingBroker(EmbeddedBroker):
    """Loses contact when it has taken the first record, so many times."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        if self.failures:
            self.failures -= 1
            super().publish(topic, records[:1])
            raise BrokerUnavailable("gone", "wait")
        super().publish(topic, records)


@pytest.fixture
def publisher(platform: Platform) -> Iterator[Callable[[EmbeddedBroker], TopicPublisher]]:
    """Starts a publisher of its own over the platform's log."""
    started: list[TopicPublisher] = []

    def start(broker: EmbeddedBroker) -> TopicPublisher:
        made = TopicPublisher(platform.pool, platform.log, platform.objects, broker)
        started.append(made)
        made.subscription.start()
        return made

    yield start
    for made in started:
        made.subscription.stop()


def test_what_comes_again_has_the_same_id(
    platform: Platform, publisher: Callable[[EmbeddedBroker], TopicPublisher], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_messages, "MOST_ROWS", 2)
    broker = _FailingBroker(failures=2)
    made = publisher(broker)
    position = publish(platform, ["A", "B", "C", "D", "E"], 1.0)
    made.subscription.wait_for(position)
    received = take(broker.read_from(TICKS, {}), 5)
    first = f"{position}/1"
    assert ids(received) == [first, first, first, f"{position}/2", f"{position}/3"]
    assert len({r.record.value for r in received if r.record.headers["message-id"] == first}) == 1
    unique = {r.record.headers["message-id"]: r for r in received}
    assert nodes(list(unique.values())) == ["A", "B", "C", "D", "E"]


def test_an_event_whose_rows_are_lost_is_set_aside_and_published_later(
    platform: Platform, api: Connection, publisher: Callable[[EmbeddedBroker], TopicPublisher]
) -> None:
    reader = platform.broker.read_as(TICKS, "b")
    reading = prepared(platform, ["LOST"], 1.0)
    file = platform.folder.objects / "rows" / reading.rows_sha256[:2] / reading.rows_sha256
    content = file.read_bytes()
    file.unlink()
    lost, kept = append(platform, reading), publish(platform, ["KEPT"], 2.0)
    platform.topics.subscription.wait_for(kept)
    found = api.run(api.request("GET", "/v1/projections/dead-letters", params={"projection": "topics"})).json()
    assert [letter["position"] for letter in found["items"]] == [lost]
    file.write_bytes(content)
    retried = api.run(api.request("POST", "/v1/projections/topics/retry")).json()
    assert retried == {"name": "topics", "succeeded": [lost], "failing": [], "waiting": []}
    mine = {f"{lost}/1", f"{kept}/1"}
    assert [id for id in ids(reader.next(1.0)) if id in mine] == [f"{kept}/1", f"{lost}/1"]
