"""The event log's promises on each store: positions in commit order, chained streams, bytes that stay."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.tests.persistence import ApplicationRecorderTestCase

from infra.event_mapper import Metadata
from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import ConcurrentAppend, EventLog, Stream
from infra.recorder import EventRecorder
from write_model.scenarios import Assumptions, Scenario

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def log(recorder: EventRecorder) -> EventLog:
    """An empty event log, on each store that there is."""
    return EventLog(recorder)


def metadata(recorded_at: datetime = NOON) -> Metadata:
    command = uuid4()
    return Metadata(
        tenant="t", actor="a", command="define-scenario", command_id=command, body_sha256="b", status="done",
        correlation_id=command, causation_id=command, recorded_at=recorded_at, schema_version=1, previous_hash="",
    )  # fmt: skip


def define(log: EventLog, *, events: int = 1, recorded_at: datetime = NOON) -> Stream:
    """A new stream with so many events, appended at once."""
    stream_id = uuid4()
    scenario = Scenario.define(stream_id, "s", Assumptions(0.0, 1.0))
    for i in range(1, events):
        scenario.revise(Assumptions(i / 1000, 1.0))
    return log.append(log.stream(stream_id), scenario.collect_events(), metadata(recorded_at))


def test_a_stream_is_read_back_as_it_was_written(log: EventLog) -> None:
    written = define(log, events=3)
    read = log.stream(written.id)
    assert [(e.position, e.metadata, e.event) for e in read.events] == [
        (e.position, e.metadata, replace(e.event, timestamp=NOON))  # type: ignore[type-var]
        for e in written.events
    ]
    scenario = read.aggregate(Scenario)
    assert scenario is not None
    assert (scenario.revision, scenario.assumptions) == (3, Assumptions(0.002, 1.0))


def test_a_stream_of_another_kind_is_not_taken_for_ours(log: EventLog) -> None:
    from write_model.curves import Curve

    with pytest.raises(TypeError, match="holds a Scenario, not a Curve"):
        define(log).aggregate(Curve)


def test_each_event_carries_the_hash_of_the_one_before(log: EventLog) -> None:
    stream = define(log, events=3)
    hashes = [e.stored.hash for e in stream.events]
    assert [e.metadata.previous_hash for e in stream.events] == ["", *hashes[:-1]]
    assert len(set(hashes)) == 3


def test_a_changed_byte_changes_the_hash(log: EventLog) -> None:
    stored = define(log).events[0].stored
    for change in ({"state": stored.state + b" "}, {"metadata": stored.metadata + b" "}, {"topic": "x"}):
        fields = {"originator_id": stored.originator_id, "originator_version": 0, "topic": stored.topic}
        from infra.event_mapper import LoggedEvent

        other = LoggedEvent(**(fields | {"state": stored.state, "metadata": stored.metadata} | change))  # type: ignore[arg-type]
        assert other.hash != stored.hash


def test_the_slower_of_two_writers_is_told_and_leaves_nothing(log: EventLog) -> None:
    stream = define(log)
    scenario = stream.aggregate(Scenario)
    assert scenario is not None
    scenario.revise(Assumptions(0.1, 1.0))
    events = scenario.collect_events()
    log.append(stream, events, metadata())
    before = log.head()
    with pytest.raises(ConcurrentAppend):
        log.append(stream, events, metadata())
    assert log.head() == before
    define(log)
    assert len(list(log.read())) == log.count() == 3


def test_five_writers_and_a_tailing_reader_nothing_is_missed(log: EventLog) -> None:
    """Positions are handed out in commit order: a reader that only looks ahead of itself sees every event."""
    seen: list[int] = []
    done = threading.Event()

    def tail() -> None:
        after = 0
        while True:
            finished = done.is_set()
            page = log.page(after, 50)
            seen.extend(e.position for e in page)
            after = page[-1].position if page else after
            if finished and not page:
                return

    def write(size: int) -> None:
        for _ in range(40):
            define(log, events=size)

    reader = threading.Thread(target=tail)
    reader.start()
    writers = [threading.Thread(target=write, args=(size,)) for size in (1, 1, 2, 5, 20)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join()
    # Where positions count events, as on PostgreSQL, this leaves no gap.
    assert len(seen) == log.count() == 40 * (1 + 1 + 2 + 5 + 20)
    assert seen == sorted(set(seen))


def test_the_position_at_a_time_is_a_running_maximum(log: EventLog) -> None:
    """A clock that jumps back does not make later events known earlier."""
    times = [NOON, NOON + timedelta(minutes=2), NOON + timedelta(minutes=1), NOON + timedelta(minutes=3)]
    first, _, third, fourth = [define(log, recorded_at=moment).position for moment in times]
    assert log.position_at(NOON - timedelta(seconds=1)) == 0
    assert log.position_at(NOON) == first
    assert log.position_at(NOON + timedelta(minutes=1)) == first
    assert log.position_at(NOON + timedelta(minutes=2)) == third
    assert log.position_at(NOON + timedelta(hours=1)) == fourth == log.head()


def test_stored_bytes_are_canonical_json(log: EventLog) -> None:
    stored = define(log).events[0].stored
    for raw in (stored.state, stored.metadata):
        assert raw == msgspec.json.encode(msgspec.json.decode(raw), order="sorted")


class TestLibraryContract(ApplicationRecorderTestCase[ApplicationRecorder]):
    """The eventsourcing library's own cases for application recorders; they want positions 1, 2, 3."""

    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = True

    @pytest.fixture(autouse=True)
    def _recorder(self, pool: Pool) -> None:
        self.pool = pool

    def create_recorder(self) -> ApplicationRecorder:
        recorder = PostgresRecorder(self.pool)
        recorder.create_schema()
        return recorder

    def new_originator_id(self) -> UUID:
        return uuid4()
