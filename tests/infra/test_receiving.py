"""A log that another store takes over: the same bytes at the same positions, and then a log like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.errors import UnusableLog
from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import EventLog
from infra.kurrent_client import KurrentDBClient
from infra.kurrent_positions import carried_position, carrying_id
from infra.kurrent_receiver import KurrentReceiver
from infra.kurrent_recorder import KurrentRecorder
from infra.log_verification import verify_log
from infra.postgres import open_pool
from infra.postgres_receiver import PostgresReceiver
from infra.receiving import LeavableLog, LogReceiver, NotEmpty, first_difference, pages_after, receive_all
from infra.sealing import Sealer
from infra.seals import Seals
from tests.infra.test_event_store import NOON, define
from tests.plugins_log import SEAL_KEY

Place = tuple[Callable[[], LeavableLog], LogReceiver]


def untold(done: int, of: int) -> None: ...


@pytest.fixture
def databases(postgres_dsn: str) -> Iterator[Callable[[], Pool]]:
    """Empty databases, as many as are asked for."""
    made: list[tuple[str, Pool]] = []

    def one() -> Pool:
        name = f"test_{uuid4().hex}"
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        made.append((name, open_pool(make_conninfo(postgres_dsn, dbname=name))))
        return made[-1][1]

    yield one
    for name, pool in made:
        pool.close()
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def place(databases: Callable[[], Pool], kurrent_client: KurrentDBClient) -> Callable[[str], Place]:
    def empty(kind: str) -> Place:
        if kind == "postgres":
            pool = databases()
            return lambda: PostgresRecorder(pool), PostgresReceiver(pool)
        category = f"test{uuid4().hex}"
        return lambda: KurrentRecorder(kurrent_client, category), KurrentReceiver(kurrent_client, category)

    return empty


def founded(place: Place) -> EventLog:
    recorder = place[0]()
    if isinstance(recorder, PostgresRecorder):
        recorder.create_schema()
    return EventLog(recorder)


def fill(log: EventLog, streams: int) -> None:
    for number in range(streams):
        define(log, events=1 + number % 3, recorded_at=NOON + timedelta(minutes=log.count()))


def take_over(log: EventLog, target: Place) -> EventLog:
    come_to = target[1].begin(log.recorder.log_id())
    receive_all(target[1], pages_after(log.recorder, come_to), 0, log.count(), untold)
    assert first_difference(log.recorder, target[0](), untold, log.count()) is None
    target[1].end()
    return EventLog(target[0]())


def assert_same_answers(before: EventLog, after: EventLog) -> None:
    """Everything that the port tells of the past is told alike."""
    one, other = before.recorder, after.recorder
    positions = [event.position for event in before.read()]
    assert [event.position for event in after.read()] == positions
    assert one.select_rows(0, 10**6) == other.select_rows(0, 10**6)
    for ordinal, position in enumerate(positions, start=1):
        assert other.ordinal(position) == ordinal
        assert other.position_of(ordinal) == position
        assert other.select_rows(position, 2) == one.select_rows(position, 2)
        stream = before.at(position).stream_id  # type: ignore[union-attr]
        assert other.select_events(stream) == one.select_events(stream)
        assert after.at(position) is not None
    middle = positions[len(positions) // 2]
    moment = before.at(middle).metadata.recorded_at  # type: ignore[union-attr]
    assert after.settled(other.position_at(moment)) == before.settled(one.position_at(moment))
    assert other.select_notifications(middle, 5, topics=["scenario.revised"]) == one.select_notifications(
        middle, 5, topics=["scenario.revised"]
    )
    assert after.count() == before.count()


@pytest.mark.parametrize("kinds", [("postgres", "kurrent"), ("kurrent", "postgres"), ("kurrent", "kurrent")], ids=str)
def test_a_log_keeps_its_positions_there_and_back(
    kinds: tuple[str, str], place: Callable[[str], Place], seals: Seals
) -> None:
    """Through other stores, with events appended in each of them, and back into the one where it began."""
    first, second = place(kinds[0]), place(kinds[1])
    log = founded(first)
    fill(log, 20)
    moved = take_over(log, second)
    assert_same_answers(log, moved)
    assert moved.recorder.log_id() == log.recorder.log_id()

    fill(moved, 7)
    assert moved.count() == log.count() + 13
    positions = [event.position for event in moved.read()]
    assert positions == sorted(set(positions))
    Sealer(moved, seals, lambda: datetime.now(UTC)).seal_pending()
    assert verify_log(moved, seals).difference is None

    log.recorder.leave("elsewhere")  # type: ignore[attr-defined]
    with pytest.raises(UnusableLog, match="moved away from here, to elsewhere"):
        first[0]().log_id()
    back = take_over(moved, first)
    assert_same_answers(moved, back)
    fill(back, 3)
    found = verify_log(back, seals)
    assert (found.difference, found.events, found.unsealed_events) == (None, moved.count() + 6, 6)
    third = take_over(back, place(kinds[1]))
    assert_same_answers(back, third)
    assert verify_log(third, seals).difference is None


@pytest.mark.parametrize("kind", ["postgres", "kurrent"])
def test_a_log_that_is_not_whole_is_no_log_and_goes_on_where_it_was(kind: str, place: Callable[[str], Place]) -> None:
    source, target = founded(place("kurrent")), place(kind)
    fill(source, 20)
    log_id = source.recorder.log_id()
    assert target[1].begin(log_id) == 0
    rows = source.recorder.select_rows(0, 1_000)
    target[1].receive(rows[:7])
    with pytest.raises(UnusableLog, match="not whole"):
        target[0]().log_id()
    with pytest.raises(NotEmpty):
        target[1].begin(uuid4())
    assert target[1].begin(log_id) == rows[6][0]
    assert_same_answers(source, take_over(source, target))
    with pytest.raises(NotEmpty):
        target[1].begin(log_id)


def test_a_subscription_goes_on_behind_any_event_of_a_log_that_was_taken_over(place: Callable[[str], Place]) -> None:
    source, target = founded(place("postgres")), place("kurrent")
    fill(source, 10)
    moved = take_over(source, target)
    fill(moved, 2)
    positions = [event.position for event in moved.read()]
    recorder = target[0]()
    for behind in (0, positions[4], positions[-3]):
        subscription = recorder.subscribe(behind)  # type: ignore[attr-defined]
        expected = [position for position in positions if position > behind]
        assert [event.id for event in islice(subscription, len(expected))] == expected
        subscription.stop()


def test_a_difference_is_named(place: Callable[[str], Place], databases: Callable[[], Pool]) -> None:
    source, pool = founded(place("kurrent")), databases()
    fill(source, 6)
    copied = take_over(source, (lambda: PostgresRecorder(pool), PostgresReceiver(pool)))
    third = source.recorder.position_of(3)
    with pool.connection() as connection:
        connection.execute("UPDATE log.events SET payload = '{}' WHERE position = %s", (third,))
    told = first_difference(source.recorder, copied.recorder, untold, 0)
    assert told is not None
    assert f"instead of the event at position {third}" in told
    with pool.connection() as connection:
        connection.execute("DELETE FROM log.events WHERE position >= %s", (third,))
    assert first_difference(source.recorder, copied.recorder, untold, 0) == f"the event at position {third} is missing"


def test_what_is_cut_off_behind_a_log_with_gaps_is_noticed(
    place: Callable[[str], Place], databases: Callable[[], Pool], tmp_path: Path
) -> None:
    source, pool = founded(place("kurrent")), databases()
    fill(source, 5)
    log = take_over(source, (lambda: PostgresRecorder(pool), PostgresReceiver(pool)))
    fill(log, 4)
    seals = Seals(tmp_path / "none", SEAL_KEY)
    assert verify_log(log, seals).difference is None
    for gone in (source.recorder.position_of(4), log.head()):
        with pool.connection() as connection:
            connection.execute("CREATE TABLE log.kept AS SELECT * FROM log.events WHERE position = %s", (gone,))
            connection.execute("DELETE FROM log.events WHERE position = %s", (gone,))
        found = verify_log(log, seals).difference
        assert found is not None
        with pool.connection() as connection:
            connection.execute("INSERT INTO log.events SELECT * FROM log.kept")
            connection.execute("DROP TABLE log.kept")
    assert verify_log(log, seals).difference is None


def test_an_id_carries_any_position() -> None:
    for position in (0, 1, 4_095, 4_096, 2**59 + 12_345, 2**60 - 1):
        carrying = carrying_id(position, bytes(range(32)))
        assert carried_position(carrying) == position
        assert (carrying.version, carrying.variant) == (8, "specified in RFC 4122")
    with pytest.raises(ValueError, match="too large"):
        carrying_id(2**60, bytes(32))
