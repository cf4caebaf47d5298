"""A subscription hands over everything in order, tries again what fails, and says when it stands still."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import psycopg
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.exceptions import OperationalError as ClickHouseOperationalError
from psycopg_pool import PoolTimeout

from infra import subscriptions
from infra.errors import ColumnarStoreError
from infra.event_mapper import RecordedEvent
from infra.event_store import EventLog
from infra.failures import is_fault_of_event
from infra.objects import DamagedObject, MissingObject
from infra.subscriptions import Progress, ReadTooEarly, Subscription
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
    assert arrived.wait(60)


def test_events_of_no_concern_wait_until_somebody_asks_or_one_of_concern_comes(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "POLL_S", 600.0)
    monkeypatch.setattr(subscriptions, "LEISURE_S", (600.0, 600.0))
    batches: list[list[int]] = []
    handled = threading.Event()

    def handle(events: Sequence[RecordedEvent]) -> None:
        batches.append([e.position for e in events])
        handled.set()

    define(log)
    subscription = Subscription("test", log, lambda: 0, handle, wants=lambda e: e.position == 4)
    subscription.start()
    assert handled.wait(5)  # so that from now on it waits for appends
    handled.clear()
    define(log, events=2)
    define(log)
    assert handled.wait(5)
    define(log)
    subscription.wait_for(5)
    assert batches == [[1], [2, 3, 4], [5]]
    subscription.stop()


def test_all_that_lie_behind_are_hurried_before_any_of_them_is_waited_for(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "POLL_S", 600.0)
    monkeypatch.setattr(subscriptions, "LEISURE_S", (600.0, 600.0))
    passed = threading.Event()
    subscription = Subscription("test", log, lambda: 0, lambda _: passed.set(), wants=lambda _: False)
    subscription.start()
    define(log)
    subscription.hurry_to(1)
    assert passed.wait(5)
    subscription.stop()


def test_events_of_no_concern_are_passed_over_without_being_asked(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "POLL_S", 600.0)
    passed = threading.Event()
    subscription = Subscription("test", log, lambda: 0, lambda _: passed.set(), wants=lambda _: False)
    subscription.start()
    define(log)
    assert passed.wait(5)
    subscription.stop()


def test_an_event_at_fault_is_isolated_and_a_store_at_fault_is_waited_for(log: EventLog) -> None:
    define(log, events=5)
    errors: list[Exception] = [ConnectionError("gone"), ValueError("poison"), psycopg.OperationalError("disk full")]
    isolated: list[list[int]] = []

    def handle(_: Sequence[RecordedEvent]) -> None:
        if errors:
            raise errors.pop(0)

    subscription = Subscription(
        "test", log, lambda: 0, handle, isolate=lambda events: isolated.append([e.position for e in events]),
        batch_size=3,
    )  # fmt: skip
    subscription.start()
    subscription.wait_for(5)
    subscription.stop()
    assert isolated == [[1, 2, 3]]


def test_the_end_of_its_thread_is_told(log: EventLog, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    def exit_thread(_: Sequence[RecordedEvent]) -> None:
        raise SystemExit(1)

    define(log)
    subscription = start(exit_thread)
    with pytest.raises(ReadTooEarly, match="its thread has ended: SystemExit: 1"):
        subscription.wait_for(1)
    assert not subscription.is_following
    assert subscription.trouble == "its thread has ended: SystemExit: 1"
    assert "projection test stands still" in caplog.text


def test_what_prepares_it_runs_first_and_ends_when_it_is_stopped(log: EventLog) -> None:
    define(log, events=4)
    begun, seen = threading.Event(), list[int]()

    def for_ever(progress: Progress) -> int:
        while True:
            begun.set()
            progress(1, 4)
            time.sleep(0.01)

    long = Subscription("long", log, lambda: 0, lambda _: None, prepare=for_ever)
    long.start()
    assert begun.wait(60)
    long.stop()
    assert not long.is_following
    quick = Subscription(
        "quick", log, lambda: 0, lambda events: seen.extend(e.position for e in events), prepare=lambda _: 3
    )
    quick.start()
    quick.wait_for(4)
    quick.stop()
    assert seen == [4]


@pytest.mark.parametrize(
    ("error", "is_events"),
    [
        (ValueError("x"), True),
        (KeyError("x"), True),
        (AssertionError(), True),
        (MissingObject("gone", "restore"), True),
        (DamagedObject("changed", "restore"), True),
        (psycopg.errors.NumericValueOutOfRange(), True),
        (psycopg.errors.UniqueViolation(), True),
        (psycopg.errors.UndefinedColumn(), True),
        (DatabaseError("null", code=349), True),
        (DatabaseError("memory", code=241), False),
        (ClickHouseOperationalError("no answer"), False),
        (psycopg.OperationalError("lost"), False),
        (psycopg.errors.DiskFull(), False),
        (psycopg.errors.QueryCanceled(), False),
        (psycopg.errors.UndefinedTable(), False),
        (psycopg.InterfaceError("closed"), False),
        (PoolTimeout(), False),
        (ConnectionResetError(), False),
        (OSError(28, "No space left on device"), False),
        (MemoryError(), False),
        (ColumnarStoreError("locked", "wait"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_whose_fault_a_failure_is(error: BaseException, is_events: bool) -> None:
    assert is_fault_of_event(error) is is_events
