"""What a log on EventStoreDB is asked by ordinals and times, after a start that reads no more than it must."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.kurrent_client import open_kurrent
from infra.kurrent_index import EVERY
from infra.kurrent_recorder import KurrentRecorder
from tests.infra.test_event_recorders import event
from tests.infra.test_event_store import NOON, define
from tests.services.kurrentdb import KurrentStandIn


@pytest.fixture
def store() -> Iterator[KurrentStandIn]:
    started = KurrentStandIn()
    yield started
    started.stop()


class Started:
    """A process that has just opened the log; `reads` are the events that it had to read since."""

    def __init__(self, store: KurrentStandIn, pool: Pool) -> None:
        recorder = KurrentRecorder(open_kurrent(store.uri))
        recorder.keep_index(pool)
        self.log = EventLog(recorder)
        self._store = store
        self._before = store.store.read_of_all

    @property
    def reads(self) -> int:
        return self._store.store.read_of_all - self._before


def filled(store: KurrentStandIn, pool: Pool, thousands: int) -> list[int]:
    """Appends so many events and seven, by a process that keeps what there is to keep; gives their positions."""
    log = Started(store, pool).log
    for i in range(thousands):
        define(log, events=1000, recorded_at=NOON + timedelta(minutes=i))
    define(log, events=7, recorded_at=NOON + timedelta(hours=1))
    assert log.count() == thousands * 1000 + 7
    return [record.position for record in store.store.all if record.stream.startswith("carbon254-")]


def test_a_start_reads_only_the_tail(store: KurrentStandIn, pool: Pool) -> None:
    positions = filled(store, pool, 20)
    after = Started(store, pool)
    assert after.log.count() == 20_007
    assert after.log.position_at(NOON + timedelta(hours=2)) == positions[-1]
    assert after.log.settled(positions[-2] + 1) == positions[-2]
    assert after.reads <= EVERY + 7 + 10  # the block that is compared, the tail, and looks at the newest event
    define(after.log, events=600)
    assert after.log.count() == 20_607  # and what came since is kept too
    anywhere = Started(store, pool)
    assert [anywhere.log.count(p) for p in positions[::1999]] == list(range(1, 20_008, 1999))
    assert anywhere.log.position_at(NOON + timedelta(minutes=9)) == positions[9_999]
    last = Started(store, pool)
    assert last.log.count() == 20_607
    assert last.reads <= EVERY + 107 + 10


DAMAGES = [
    "UPDATE log.marks SET position = position + 1 WHERE ordinal = 3000",
    "UPDATE log.marks SET position = position + 1 WHERE ordinal = 2500",
    "UPDATE log.marks SET hash = 'other' WHERE ordinal = 3000",
    "UPDATE log.marks SET latest_utc = latest_utc + interval '1 day' WHERE ordinal = 3000",
    "DELETE FROM log.marks WHERE ordinal = 1000",
    "UPDATE log.marks SET position = 1 WHERE ordinal = 1000",
]


def test_what_does_not_match_the_log_is_built_anew(store: KurrentStandIn, pool: Pool) -> None:
    positions = filled(store, pool, 3)

    def kept() -> list[tuple[object, ...]]:
        with pool.connection() as connection:
            return connection.execute("SELECT * FROM log.marks ORDER BY ordinal").fetchall()

    before = kept()
    assert len(before) == 6
    for damage in DAMAGES:
        with pool.connection() as connection:
            assert connection.execute(damage.encode()).rowcount == 1
        after = Started(store, pool)
        assert after.log.count() == 3_007
        assert after.reads >= 3_007
        assert [after.log.count(p) for p in positions[::199]] == list(range(1, 3_008, 199))
        assert kept() == before


def test_marks_of_another_log_are_none_of_ours(store: KurrentStandIn, pool: Pool) -> None:
    filled(store, pool, 1)
    other = KurrentStandIn()
    log = Started(other, pool).log
    log.recorder.insert_events([event(0)])
    assert log.count() == 1
    other.stop()


def test_a_database_that_fails_delays_no_count(store: KurrentStandIn, pool: Pool) -> None:
    """What it was not told is told with the next block."""
    log = Started(store, pool).log
    define(log, events=EVERY)
    with pool.connection() as connection:
        connection.execute("ALTER TABLE log.marks RENAME TO hidden")
    define(log, events=EVERY)
    with pytest.raises(Exception, match="marks"):  # what is kept cannot be read: whether any is, is not known
        log.count()
    with pool.connection() as connection:
        connection.execute("ALTER TABLE log.hidden RENAME TO marks")
    assert log.count() == 2 * EVERY
    with pool.connection() as connection:
        connection.execute("ALTER TABLE log.marks RENAME TO hidden")
    define(log, events=EVERY)
    assert log.count() == 3 * EVERY
    with pool.connection() as connection:
        connection.execute("ALTER TABLE log.hidden RENAME TO marks")
    define(log, events=EVERY)
    assert log.count() == 4 * EVERY
    last = Started(store, pool)
    assert last.log.count() == 4 * EVERY
    assert last.reads <= EVERY + 10
