"""What every store of the event log has to do, besides what the log's own tests ask of it."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from eventsourcing.persistence import ApplicationRecorder, IntegrityError, StoredEvent

from infra.event_store import EventLog
from infra.recorder import EventRecorder
from tests.infra.test_event_store import NOON, define

STREAM = uuid4()


def event(version: int, name: str = "thing.happened", stream: object = STREAM) -> StoredEvent:
    return StoredEvent(stream, version, name, f"{version}".encode())  # type: ignore[arg-type]


def test_a_log_has_an_id_that_stays(recorder: EventRecorder) -> None:
    assert recorder.log_id() == recorder.log_id()


def test_an_empty_log_is_at_zero(recorder: EventRecorder) -> None:
    assert recorder.max_notification_id() is None
    assert recorder.extent() == (0, 0)
    assert (recorder.ordinal(0), recorder.position_of(0), recorder.position_at(NOON)) == (0, 0, 0)
    assert not recorder.select_rows(0, 10)
    assert list(recorder.digested_pages(0)) == []
    assert recorder.insert_events([]) == []


def test_an_append_is_whole_and_gives_the_positions_at_which_its_events_stand(recorder: EventRecorder) -> None:
    positions = [*recorder.insert_events([event(0), event(1)]), *recorder.insert_events([event(2)])]
    assert positions == sorted(set(positions))
    assert [row[0] for row in recorder.select_rows(0, 10)] == positions
    assert recorder.max_notification_id() == positions[-1]
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(2, "another.happened"), event(3)])
    assert len(recorder.select_events(STREAM)) == 3


def test_the_very_same_events_are_stored_once(recorder: EventRecorder) -> None:
    positions = recorder.insert_events([event(0), event(1)])
    recorder.insert_events([event(2)])
    with suppress(IntegrityError):  # as good: whoever appends reads the stream again and finds them
        assert recorder.insert_events([event(0), event(1)]) == positions
    assert len(recorder.select_events(STREAM)) == 3


@pytest.mark.parametrize(
    ("wanted", "versions"),
    [
        ({}, [0, 1, 2, 3]),
        ({"gt": 1}, [2, 3]),
        ({"lte": 2}, [0, 1, 2]),
        ({"gt": 0, "lte": 2, "limit": 1}, [1]),
        ({"desc": True, "limit": 2}, [3, 2]),
        ({"gt": 0, "lte": 2, "desc": True}, [2, 1]),
        ({"gt": 3}, []),
        ({"lte": 9, "desc": True, "limit": 1}, [3]),
    ],
)
def test_a_stream_can_be_read_in_part(recorder: EventRecorder, wanted: dict[str, int], versions: list[int]) -> None:
    recorder.insert_events([event(i) for i in range(4)])
    assert [e.originator_version for e in recorder.select_events(STREAM, **wanted)] == versions  # type: ignore[arg-type]
    assert not recorder.select_events(uuid4())


def test_the_log_can_be_read_in_part(recorder: EventRecorder) -> None:
    names = ["a.done", "a.done.again", "b.done", "a.done"]
    one, two, three, four = recorder.insert_events([event(i, name) for i, name in enumerate(names)])

    def found(start: int | None, limit: int = 10, **wanted: object) -> list[int]:
        return [n.id for n in recorder.select_notifications(start, limit, **wanted)]  # type: ignore[arg-type]

    assert found(None) == found(1) == found(one) == [one, two, three, four]
    assert found(one, inclusive_of_start=False) == found(one + 1) == [two, three, four]
    settled = EventLog(recorder).settled
    assert [settled(p) for p in (0, one, two - 1, two, four)] == [0, one, one, two, four]
    assert found(two, 1) == [two]
    assert found(None, stop=three) == [one, two, three]
    assert found(four + 1) == []
    assert found(None, topics=["a.done"]) == [one, four]  # and not the name that begins like it
    assert found(None, 1, topics=["b.done", "a.done"]) == [one]
    assert found(two, topics=["a.done"], stop=three) == []


def test_ordinals_and_positions_lead_to_each_other(recorder: EventRecorder) -> None:
    """Over more events than a store may keep the places of."""
    log = EventLog(recorder)
    for moment in range(3):
        define(log, events=400, recorded_at=NOON + timedelta(minutes=moment))
        assert log.count() == (moment + 1) * 400
    positions = [e.position for e in log.read()]
    for ordinal in (1, 2, 400, 499, 500, 501, 999, 1000, 1001, 1200):
        position = positions[ordinal - 1]
        assert (recorder.position_of(ordinal), recorder.ordinal(position)) == (position, ordinal)
        assert [e.id for e in log.stored_after(ordinal - 1, 1)] == [position]
        found = log.at(position)
        assert found is not None
        assert found.position == position
    assert [log.position_at(NOON + timedelta(minutes=m)) for m in (-1, 0, 1, 2)] == [
        0, positions[399], positions[799], positions[1199],
    ]  # fmt: skip
    assert log.at(positions[-1] + 1) is None


def test_pages_of_digests_hold_every_event_once(recorder: EventRecorder) -> None:
    log = EventLog(recorder)
    for _ in range(3):
        define(log, events=800)
    pages = list(recorder.digested_pages(log.head()))
    assert [(page.after, len(page.versions), page.misplaced, page.untied) for page in pages] == [
        (0, 2000, None, None), (2000, 400, None, None),
    ]  # fmt: skip
    hashes = "".join(e.stored.hash for e in log.read())
    assert b"".join(page.digests for page in pages).hex() == hashes


def test_a_subscription_catches_up_and_then_waits(recorder: EventRecorder) -> None:
    assert isinstance(recorder, ApplicationRecorder)
    one, two, three = recorder.insert_events([event(0), event(1, "other.happened"), event(2)])
    with recorder.subscribe(gt=one) as all_events, recorder.subscribe(topics=["thing.happened"]) as some:
        assert [next(all_events).id, next(all_events).id] == [two, three]
        assert [next(some).id, next(some).id] == [one, three]
        (four,) = recorder.insert_events([event(3)])
        assert next(all_events).id == next(some).id == four


def test_the_state_tells_how_much_there_is(recorder: EventRecorder) -> None:
    positions = recorder.insert_events([event(0), event(1)])
    state = recorder.state()
    assert (state.events, state.newest_position) == (2, positions[-1])
