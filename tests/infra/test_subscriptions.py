"""A subscription hands over everything in order, tries again what fails, and says when it stands still."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from infra.event_mapper import RecordedEvent
from infra.event_store import EventLog
from infra.subscriptions import ReadTooEarly, Subscription
from tests.infra.test_event_store import define

Start = Callable[[Callable[[Sequence[RecordedEvent]], None]], Subscription]


@pytest.fixture
def start(log: EventLog) -> Iterator[Start]:
    running: list[Subscription] = []

    def begin(handle: Callable[[Sequence[RecordedEvent]], None]) -> Subscription:
        subscription = Subscription("test", log, load_checkpoint=lambda: 0, handle=handle, batch_size=3)
        running.append(subscription)
        subscription.start()
        return subscription

    yield begin
    for subscription in running:
        subscription.stop()


def test_everything_comes_once_and_in_order(log: EventLog, start: Start) -> None:
    seen: list[int] = []
    define(log, events=5)
    subscription = start(lambda events: seen.extend(e.position for e in events))
    define(log, events=4)
    subscription.wait_for(9)
    assert seen == list(range(1, 10))


def test_a_failing_batch_is_tried_again_and_never_skipped(
    log: EventLog, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[list[int]] = []

    def fail_twice(events: Sequence[RecordedEvent]) -> None:
        tries.append([e.position for e in events])
        if len(tries) < 3:
            raise ConnectionError("gone")

    define(log, events=2)
    subscription = start(fail_twice)
    subscription.wait_for(2)
    assert tries == [[1, 2]] * 3
    assert subscription.failure is None
    assert "after position 0: failed and will be tried again: ConnectionError: gone" in caplog.text


def test_who_waits_is_told_why_it_stands_still(log: EventLog, start: Start) -> None:
    def always_fail(_: Sequence[RecordedEvent]) -> None:
        raise ConnectionError("gone")

    define(log)
    subscription = start(always_fail)
    with pytest.raises(ReadTooEarly, match="It fails with: ConnectionError: gone"):
        subscription.wait_for(1, patience_s=0.5)


def test_an_event_appended_elsewhere_is_found_without_a_signal(log: EventLog, start: Start) -> None:
    arrived = threading.Event()
    start(lambda _: arrived.set())
    # Another log object over the same table stands for another process.
    define(EventLog(log.recorder))
    assert arrived.wait(5)
