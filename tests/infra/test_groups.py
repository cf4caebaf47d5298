"""Workers that share a log by its engine, the same on each: all is done, in order, and what a killed one had begun."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import EventLog
from infra.groups import Group, GroupWorker, IsEnding
from infra.kurrent_client import open_kurrent
from infra.kurrent_group import KurrentGroup
from infra.kurrent_recorder import KurrentRecorder
from infra.postgres_group import PostgresGroup
from infra.recorder import EventRecorder
from tests.e2e.program import wait_until
from tests.infra.group_process import lane_of
from tests.infra.test_event_store import define
from tests.services.kurrentdb import KurrentStandIn
from tests.services.kurrentdb_groups import Consumer
from tests.services.kurrentdb_groups import Group as StandInGroup

pytestmark = pytest.mark.enable_socket


class Shared:
    """A log, and the workers of a group over it."""

    def __init__(self, recorder: EventRecorder, pool: Pool) -> None:
        self.log = EventLog(recorder)
        self.name = f"group{uuid4().hex}"
        self._recorder = recorder
        self._pool = pool
        self._workers: list[GroupWorker] = []

    def group(self) -> Group:
        if isinstance(self._recorder, KurrentRecorder):
            return KurrentGroup(self.name, self._recorder, self.log, lane_of)
        return PostgresGroup(self.name, self._pool, self.log, lane_of)

    def start(self, helper: Helper) -> GroupWorker:
        """A worker that has joined."""
        worker = GroupWorker(self.group(), helper.begin, helper.handle)
        self._workers.append(worker)
        worker.start()
        wait_until(lambda: helper.begun > 0 and worker.trouble is None)
        return worker

    def grow(self, streams: int) -> list[int]:
        """Streams with three events each, of which the group wants two; the positions of those."""
        events = [recorded for _ in range(streams) for recorded in define(self.log, events=3).events]
        return [recorded.position for recorded in events if lane_of(recorded)]

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()


class Helper:
    """What a worker does: notes what it was given, once `may_go_on` is set."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.is_at_work = threading.Event()
        self.fails_with: Exception | None = None
        self.begun = 0
        self.done: list[tuple[UUID, int]] = []

    def begin(self, is_ending: IsEnding) -> None:
        assert not is_ending()
        self.begun += 1

    def handle(self, events: Sequence[RecordedEvent]) -> None:
        self.is_at_work.set()
        self.may_go_on.wait()
        if self.fails_with:
            raise self.fails_with
        self.done += [(recorded.stream_id, recorded.position) for recorded in events]

    @property
    def positions(self) -> list[int]:
        return [position for _, position in self.done]


@pytest.fixture
def shared(recorder: EventRecorder, pool: Pool) -> Iterator[Shared]:
    made = Shared(recorder, pool)
    yield made
    made.stop()


def test_all_that_is_wanted_is_done_once_and_each_stream_in_order(shared: Shared) -> None:
    one, two = Helper(), Helper()
    workers = [shared.start(one), shared.start(two)]
    one.may_go_on.clear()
    wanted = shared.grow(40)
    wait_until(lambda: one.is_at_work.is_set() and two.done)
    one.may_go_on.set()
    wait_until(lambda: len(one.done) + len(two.done) >= len(wanted))
    wait_until(lambda: workers[0].lag == 0)
    assert Counter(one.positions + two.positions) == Counter(wanted)
    assert sum(worker.handled for worker in workers) == len(wanted)
    for helper in (one, two):
        for stream in {stream for stream, _ in helper.done}:
            of_stream = [position for of, position in helper.done if of == stream]
            assert (of_stream, len(of_stream)) == (sorted(of_stream), 2)


def test_a_group_begins_with_what_comes_and_goes_on_where_it_was(shared: Shared) -> None:
    shared.grow(1)
    first, second = Helper(), Helper()
    worker = shared.start(first)
    early = shared.grow(2)
    wait_until(lambda: len(first.done) == len(early))
    worker.stop()
    late = shared.grow(2)
    shared.start(second)
    wait_until(lambda: len(second.done) == len(late))
    assert (sorted(first.positions), sorted(second.positions)) == (early, late)
    assert (first.begun, second.begun) == (1, 1)


def test_what_fails_for_want_of_an_engine_is_told_and_given_again(shared: Shared) -> None:
    helper = Helper()
    helper.fails_with = OSError("no answer")
    worker = shared.start(helper)
    wanted = shared.grow(1)
    wait_until(lambda: worker.trouble == "OSError: no answer")
    assert shared.group().lag() >= len(wanted)
    helper.fails_with = None
    wait_until(lambda: len(helper.done) == len(wanted))
    assert sorted(set(helper.positions)) == wanted
    wait_until(lambda: worker.trouble is None)
    assert helper.begun >= 2, "what stands is looked at anew"


def test_one_that_is_told_to_end_finishes_what_it_began(shared: Shared) -> None:
    leaving, staying = Helper(), Helper()
    leaving.may_go_on.clear()
    worker = shared.start(leaving)
    wanted = shared.grow(2)
    leaving.is_at_work.wait()
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    leaving.may_go_on.set()
    stopping.join()
    assert leaving.done
    shared.start(staying)
    wait_until(lambda: len(leaving.done) + len(staying.done) >= len(wanted))
    assert sorted(leaving.positions + staying.positions) == wanted


def test_what_a_killed_worker_had_begun_is_done_by_another(
    shared: Shared, recorder: EventRecorder, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    on_postgres = isinstance(recorder, PostgresRecorder)
    address = request.getfixturevalue("dsn" if on_postgres else "kurrent_uri")
    notes, helper = tmp_path / "notes", Helper()
    group = shared.group()
    group.join()  # so that nothing comes before there is a group
    group.leave()
    category = recorder._prefix[:-1] if isinstance(recorder, KurrentRecorder) else ""
    command = [sys.executable, "-m", "tests.infra.group_process", address, category, shared.name, str(notes)]
    with subprocess.Popen(command) as killed:
        try:
            wanted = shared.grow(3)
            wait_until(lambda: notes.exists() and notes.read_text().endswith("\n"))
            shared.start(helper)
        finally:
            killed.kill()
    wait_until(lambda: len(helper.done) >= len(wanted))
    assert sorted(helper.positions) == wanted
    assert int(notes.read_text().split()[0]) in wanted


def test_a_worker_that_is_to_end_leaves_what_stands_to_others(shared: Shared) -> None:
    done: list[int] = []
    begun = threading.Event()

    def begin(is_ending: IsEnding) -> None:
        begun.set()
        wait_until(is_ending)
        done.extend(takewhile(lambda _: not is_ending(), [1, 2]))

    worker = GroupWorker(shared.group(), begin, lambda _: None)
    worker.start()
    assert begun.wait(60)
    assert worker.trouble is None, "it has joined"
    worker.stop()
    assert done == []


def test_one_that_is_told_to_end_does_not_wait_until_it_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """EventStoreDB may be long in answering who joins; what it lets in too late leaves again."""
    has_asked, may_join, join = threading.Event(), threading.Event(), StandInGroup.join

    def join_late(group: StandInGroup, room: int) -> Consumer:
        has_asked.set()
        may_join.wait()
        return join(group, room)

    monkeypatch.setattr(StandInGroup, "join", join_late)
    server = KurrentStandIn()
    client = open_kurrent(server.uri)
    recorder = KurrentRecorder(client)
    log, late, prompt = EventLog(recorder), Helper(), Helper()
    worker = GroupWorker(KurrentGroup("group", recorder, log, lane_of), late.begin, late.handle)
    worker.start()
    has_asked.wait()
    worker.stop()
    may_join.set()
    another = GroupWorker(KurrentGroup("group", recorder, log, lane_of), prompt.begin, prompt.handle)
    another.start()
    wait_until(lambda: prompt.begun > 0)
    wanted = [recorded.position for _ in range(10) for recorded in define(log, events=2).events if lane_of(recorded)]
    wait_until(lambda: len(prompt.done) >= len(wanted))
    another.stop()
    client.close()
    server.stop()
    assert (late.begun, late.done, sorted(prompt.positions)) == (0, [], wanted)
