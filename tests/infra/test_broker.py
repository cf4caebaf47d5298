"""What every broker promises: the same tests for the embedded one and for a real Kafka, where there is one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from uuid import uuid4

import pytest

from infra.broker import Broker, BrokerUnavailable, EmbeddedBroker, Reader, Received, Record
from infra.kafka import KafkaBroker

PATIENCE_S = 90.0


@pytest.fixture(
    params=["embedded", pytest.param("kafka", marks=[pytest.mark.enable_socket, pytest.mark.uses_engine("kafka")])]
)
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    is_kafka = request.param == "kafka"
    opened: Broker = KafkaBroker(request.getfixturevalue("kafka_servers")) if is_kafka else EmbeddedBroker()
    yield opened
    opened.close()


@pytest.fixture
def topic(broker: Broker) -> str:
    """A topic that nobody else writes to."""
    name = f"test.{uuid4().hex}"
    if isinstance(broker, KafkaBroker):
        broker.prepare([name])
    return name


def records(count: int, *, keys: int = 3, first: int = 0) -> list[Record]:
    return [Record(f"key-{n % keys}", f"value {n} ö".encode(), {"number": str(n)}) for n in range(first, first + count)]


@contextmanager
def reading(reader: Reader) -> Iterator[Reader]:
    try:
        yield reader
    finally:
        reader.close()


def take(reader: Reader, count: int) -> list[Received]:
    """So many records, and no more than those."""
    found: list[Received] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {len(found)} of {count} came"
        found += reader.next(1.0)
    assert len(found) == count
    return found


def in_order(received: Sequence[Received]) -> dict[str, list[Record]]:
    ordered = sorted(received, key=lambda r: r.record.key)
    return {key: [r.record for r in found] for key, found in groupby(ordered, key=lambda r: r.record.key)}


def test_what_is_published_is_read_whole_and_in_the_order_of_its_key(broker: Broker, topic: str) -> None:
    published = records(30)
    broker.publish(topic, published[:10])
    broker.publish(topic, published[10:])
    with reading(broker.read_as(topic, "a")) as reader:
        found = take(reader, 30)
    assert in_order(found) == in_order([Received(record, 0, 0) for record in published])
    for key in in_order(found):
        assert len({r.partition for r in found if r.record.key == key}) == 1


def test_a_group_goes_on_behind_what_it_is_done_with(broker: Broker, topic: str) -> None:
    broker.publish(topic, records(5, keys=1))
    with reading(broker.read_as(topic, "a")) as reader:
        take(reader, 5)
        reader.commit()
        broker.publish(topic, records(2, keys=1, first=5))
        take(reader, 2)  # read, and not done with
    with reading(broker.read_as(topic, "a")) as reader:
        assert [r.record.headers["number"] for r in take(reader, 2)] == ["5", "6"]


def test_many_large_records_are_kept(broker: Broker, topic: str) -> None:
    published = [Record("k", bytes([n]) * 900_000, {"number": str(n)}) for n in range(50)]
    broker.publish(topic, published)
    with reading(broker.read_as(topic, "a")) as reader:
        assert [r.record for r in take(reader, 50)] == published


def test_groups_do_not_know_each_other(broker: Broker, topic: str) -> None:
    broker.publish(topic, records(4))
    for group in ("a", "b"):
        with reading(broker.read_as(topic, group)) as reader:
            take(reader, 4)
            reader.commit()


def test_reading_from_a_position(broker: Broker, topic: str) -> None:
    broker.publish(topic, records(6, keys=1))
    with reading(broker.read_from(topic, {})) as reader:
        everything = take(reader, 6)
    third = everything[2]
    with reading(broker.read_from(topic, {third.partition: third.offset})) as reader:
        assert take(reader, 4) == everything[2:]
    with reading(broker.read_as(topic, "a")) as reader:
        take(reader, 6)  # what is read by position is nothing to a group


def test_who_waits_gets_what_comes(broker: Broker, topic: str) -> None:
    with reading(broker.read_as(topic, "a")) as reader:
        assert list(reader.next(0.2)) == []
        publishing = threading.Timer(0.3, broker.publish, (topic, records(1)))
        publishing.start()
        take(reader, 1)
        publishing.join()


def test_of_a_group_one_reads_each_record(broker: Broker, topic: str) -> None:
    with reading(broker.read_as(topic, "a")) as first, reading(broker.read_as(topic, "a")) as second:
        broker.publish(topic, records(12, keys=12))
        found: list[Received] = []
        deadline = time.monotonic() + PATIENCE_S
        while len({r.record.key for r in found}) < 12 and time.monotonic() < deadline:
            for reader in (first, second):
                found += reader.next(0.5)
                reader.commit()
        found += [*first.next(0.5), *second.next(0.5)]
    assert sorted(int(r.record.headers["number"]) for r in found) == list(range(12))


def test_the_embedded_one_forgets_the_oldest() -> None:
    broker = EmbeddedBroker(most_kept_bytes=100)
    broker.publish("t", [Record("k", bytes(30), {"number": str(n)}) for n in range(10)])
    assert [r.offset for r in broker.read_as("t", "a").next(0)] == [7, 8, 9]
    assert [r.offset for r in broker.read_from("t", {0: 9}).next(0)] == [9]


def test_the_embedded_one_says_when_it_is_first_read() -> None:
    calls: list[int] = []
    broker = EmbeddedBroker(on_first_reader=lambda: calls.append(1))
    broker.publish("t", records(1))
    assert not calls
    broker.read_from("t", {})
    broker.read_as("u", "a")
    assert calls == [1]


@pytest.mark.enable_socket
def test_a_kafka_that_is_not_there_is_told() -> None:
    broker = KafkaBroker("127.0.0.1:9", patience_s=2.0)
    for call in (lambda: broker.publish("t", records(1)), lambda: broker.prepare(["t"])):
        with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:9"):
            call()
    broker.close()
