"""Persistent subscriptions as EventStoreDB documents them: why nothing that must be in order stands on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from infra.kurrent_client import KurrentDBClient, KurrentDBClientError, NewEvent, NotFoundError, StreamState

PATIENCE_S = 1.5


class Stream:
    """A stream of its own with events 0, 1, 2, … and a group that is given them."""

    def __init__(self, client: KurrentDBClient) -> None:
        self.client = client
        self.name = f"work{uuid4().hex}"
        self.group = f"group{uuid4().hex}"
        self._events = 0

    def grow(self, by: int) -> None:
        new = [NewEvent(type="work.came", data=f"{self._events + i}".encode()) for i in range(by)]
        self.client.append_events(self.name, events=new, current_version=StreamState.ANY)
        self._events += by

    def create(self, **terms: Any) -> None:
        self.client.create_subscription_to_all(
            self.group, filter_include=(self.name,), filter_by_stream_name=True,
            **{"consumer_strategy": "RoundRobin", "message_timeout": 30.0, "max_subscriber_count": 5, **terms},
        )  # fmt: skip

    @contextmanager
    def consumer(self, room: int = 10) -> Iterator[Any]:
        reading = self.client.read_subscription_to_all(
            self.group, event_buffer_size=room, max_ack_batch_size=1, max_ack_delay=0.01, stopping_grace=0.05
        )
        try:
            yield reading
        finally:
            reading.stop()


@pytest.fixture
def stream(kurrent_client: KurrentDBClient) -> Stream:
    return Stream(kurrent_client)


def taken(consumer: Any, count: int) -> list[tuple[str, int]]:
    """The next events, acknowledged, each with how often it was tried before."""
    found = []
    for _ in range(count):
        event = next(consumer)
        consumer.ack(event)
        found.append((event.data.decode(), event.retry_count))
    return found


def test_what_is_acknowledged_is_given_once(stream: Stream) -> None:
    stream.grow(2)
    stream.create()
    with stream.consumer() as consumer:
        assert taken(consumer, 2) == [("0", 0), ("1", 0)]
    stream.grow(1)
    with stream.consumer() as another:
        assert taken(another, 1) == [("2", 0)]


def test_what_is_refused_comes_again_out_of_order(stream: Stream) -> None:
    """The one before last overtakes: a projection that stood on this would see events in another order."""
    stream.grow(3)
    stream.create()
    with stream.consumer(room=2) as consumer:
        first, second = next(consumer), next(consumer)
        consumer.ack(second)
        third = next(consumer)
        consumer.nack(first, "retry")
        again = next(consumer)
        assert [e.data for e in (first, second, third, again)] == [b"0", b"1", b"2", b"0"]
        assert again.retry_count == 1
        consumer.nack(again, "skip")
        consumer.ack(third)
        stream.grow(1)
        assert taken(consumer, 1) == [("3", 0)]


def test_what_is_tried_too_often_is_parked_and_can_be_given_out_again(stream: Stream) -> None:
    stream.grow(2)
    stream.create(max_retry_count=1)
    with stream.consumer(room=1) as consumer:
        for _ in range(2):
            consumer.nack(next(consumer), "retry")
        consumer.nack(next(consumer), "park")
        stream.grow(1)
        assert taken(consumer, 1) == [("2", 0)]
        assert stream.client.get_subscription_info(stream.group).parked_message_count == 2
        stream.client.replay_parked_events(stream.group)
        assert sorted(data for data, _ in taken(consumer, 2)) == ["0", "1"]


def test_a_consumer_that_leaves_or_takes_too_long_loses_its_events(stream: Stream) -> None:
    stream.grow(1)
    stream.create(message_timeout=PATIENCE_S)
    with stream.consumer() as slow:
        assert next(slow).retry_count == 0
        assert taken(slow, 1) == [("0", 1)]
    stream.grow(1)
    with stream.consumer() as gone:
        assert next(gone).data == b"1"
    with stream.consumer() as after:
        assert [data for data, _ in taken(after, 1)] == ["1"]


def test_one_consumer_at_a_time_works_until_it_has_no_room(stream: Stream) -> None:
    stream.create(consumer_strategy="DispatchToSingle")
    with stream.consumer(room=2) as first, stream.consumer(room=2) as second:
        stream.grow(3)
        assert [next(first).data, next(first).data] == [b"0", b"1"]
        assert next(second).data == b"2"


def test_consumers_take_turns(stream: Stream) -> None:
    stream.create(consumer_strategy="RoundRobin")
    with stream.consumer() as first, stream.consumer() as second:
        stream.grow(4)
        one, other = taken(first, 2), taken(second, 2)
        assert sorted(one + other) == [("0", 0), ("1", 0), ("2", 0), ("3", 0)]


def test_a_group_is_made_once_changed_and_deleted(stream: Stream) -> None:
    with pytest.raises(NotFoundError), stream.consumer():
        pass
    stream.create(max_subscriber_count=1)
    with pytest.raises(KurrentDBClientError):
        stream.create()
    with stream.consumer(), pytest.raises(KurrentDBClientError, match="Maximum subscriptions reached"):
        stream.client.read_subscription_to_all(stream.group)
    stream.client.update_subscription_to_all(stream.group, max_subscriber_count=2, max_retry_count=7)
    assert stream.client.get_subscription_info(stream.group).max_retry_count == 7
    with stream.consumer(), stream.consumer():
        pass
    stream.client.delete_subscription(stream.group)
    with pytest.raises(NotFoundError):
        stream.client.delete_subscription(stream.group)
