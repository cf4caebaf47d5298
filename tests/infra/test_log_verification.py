"""Someone with full rights on the event table cannot change it unseen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from infra.event_mapper import LoggedEvent
from infra.event_store import EventLog
from infra.log_verification import Difference, verify_log
from infra.sealing import Sealer
from infra.seals import Seals
from tests.infra.test_event_store import define

KEY = bytes(range(32))


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    return Seals(tmp_path / "seals", KEY)


@pytest.fixture
def sealed(log: EventLog, seals: Seals) -> EventLog:
    """Nine events of four streams under two seals, and one event that is not sealed."""
    sealer = Sealer(log, seals, lambda: datetime.now(UTC))
    define(log, events=3)
    define(log, events=2)
    assert sealer.seal_pending() == 5
    define(log, events=4)
    assert sealer.seal_pending() == 4
    define(log)
    return log


def execute(log: EventLog, *statements: str) -> None:
    with log.recorder.pool.connection() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def difference(log: EventLog, seals: Seals) -> Difference:
    found = verify_log(log, seals).difference
    assert found is not None, "it was not seen"
    return found


def stream_at(log: EventLog, position: int) -> UUID:
    return log.page(position - 1, 1)[0].stream_id


def test_an_untouched_log_agrees_and_the_newest_are_counted(sealed: EventLog, seals: Seals) -> None:
    found = verify_log(sealed, seals)
    assert found.difference is None
    assert (found.events, found.sealed_events, found.unsealed_events, found.seals) == (10, 9, 1, 2)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("payload = convert_to(replace(convert_from(payload, 'UTF8'), '0.0', '0.9'), 'UTF8')", "changed"),
        ("metadata = convert_to(replace(convert_from(metadata, 'UTF8'), '\"a\"', '\"b\"'), 'UTF8')", "changed"),
        ("name = 'scenario.undefined'", "changed"),
        ("recorded_at = recorded_at + interval '1 hour'", "changed"),
    ],
)
@pytest.mark.parametrize("position", [2, 7])
def test_a_change_is_named_by_stream_and_position(
    sealed: EventLog, seals: Seals, change: str, kind: str, position: int
) -> None:
    stream = stream_at(sealed, position)
    execute(sealed, f"UPDATE log.events SET {change} WHERE position = {position}")
    found = difference(sealed, seals)
    assert (found.kind, found.position, found.stream_id) == (kind, position, stream)


def test_a_changed_actor_and_time_are_seen_even_with_all_hashes_computed_anew(sealed: EventLog, seals: Seals) -> None:
    """The attacker changes an event and repairs every later hash of its stream."""
    stream = stream_at(sealed, 6)
    previous = ""
    for event in sealed.recorder.select_events(stream):
        metadata = msgspec.json.decode(event.metadata) | {"previous_hash": previous, "actor": "somebody else"}
        forged = msgspec.json.encode(metadata, order="sorted")
        repaired = LoggedEvent(
            originator_id=stream, originator_version=event.originator_version, topic=event.topic, state=event.state,
            metadata=forged,
        )  # fmt: skip
        previous = repaired.hash
        execute(sealed, f"UPDATE log.events SET metadata = '\\x{forged.hex()}' WHERE position = {event.id}")
    found = difference(sealed, seals)
    assert (found.kind, found.position, found.stream_id) == ("changed", 6, stream)


def test_a_deleted_event_is_named(sealed: EventLog, seals: Seals) -> None:
    stream = stream_at(sealed, 4)
    execute(sealed, "DELETE FROM log.events WHERE position = 4")
    found = difference(sealed, seals)
    assert (found.kind, found.position, found.stream_id) == ("missing", 4, stream)


def test_a_deleted_event_is_named_though_the_rest_was_renumbered(sealed: EventLog, seals: Seals) -> None:
    stream = stream_at(sealed, 4)
    execute(
        sealed,
        "DELETE FROM log.events WHERE position = 4",
        "UPDATE log.events SET position = position + 1000 WHERE position > 4",
        "UPDATE log.events SET position = position - 1001 WHERE position > 4",
        "UPDATE log.head SET position = position - 1",
    )
    found = difference(sealed, seals)
    assert (found.kind, found.position, found.stream_id) == ("missing", 4, stream)


@pytest.mark.parametrize(("last", "first_lost"), [(3, 4), (8, 9)])
def test_a_cut_off_end_is_seen_though_the_head_was_set_back(
    sealed: EventLog, seals: Seals, last: int, first_lost: int
) -> None:
    stream = stream_at(sealed, first_lost)
    execute(sealed, f"DELETE FROM log.events WHERE position > {last}", f"UPDATE log.head SET position = {last}")
    found = difference(sealed, seals)
    assert (found.kind, found.position, found.stream_id) == ("cut off", first_lost, stream)


def test_the_loss_of_the_unsealed_end_is_seen_by_the_head(sealed: EventLog, seals: Seals) -> None:
    execute(sealed, "DELETE FROM log.events WHERE position = 10")
    found = difference(sealed, seals)
    assert (found.kind, found.position) == ("cut off", 10)


def test_swapped_events_are_named(sealed: EventLog, seals: Seals) -> None:
    execute(
        sealed,
        "UPDATE log.events SET position = 100 WHERE position = 3",
        "UPDATE log.events SET position = 3 WHERE position = 5",
        "UPDATE log.events SET position = 5 WHERE position = 100",
    )
    found = difference(sealed, seals)
    assert (found.kind, found.position) == ("reordered", 3)


def test_an_inserted_event_is_named(sealed: EventLog, seals: Seals) -> None:
    execute(
        sealed,
        "UPDATE log.events SET position = position + 1000 WHERE position >= 4",
        "UPDATE log.events SET position = position - 999 WHERE position >= 1000",
        """INSERT INTO log.events SELECT 4, gen_random_uuid(), 0, name, metadata, payload, recorded_at
           FROM log.events WHERE position = 1""",
        "UPDATE log.head SET position = position + 1",
    )
    found = difference(sealed, seals)
    assert (found.kind, found.position) == ("inserted", 4)


def test_a_change_in_the_unsealed_end_breaks_its_streams_chain(log: EventLog, seals: Seals) -> None:
    stream = define(log, events=3)
    execute(log, "UPDATE log.events SET payload = '{}' WHERE position = 2")
    found = difference(log, seals)
    assert (found.kind, found.position, found.stream_id) == ("broken chain", 3, stream.id)


def test_a_damaged_or_removed_seal_is_seen(sealed: EventLog, seals: Seals) -> None:
    first, second = sorted(seals._folder.glob("*.json"))
    content = first.read_bytes()
    first.write_bytes(content.replace(b'"first_ordinal":1', b'"first_ordinal":2'))
    assert difference(sealed, seals).kind == "broken seal"
    first.unlink()
    assert difference(sealed, seals).kind == "broken seal"
    first.write_bytes(content)
    assert verify_log(sealed, seals).difference is None
    second.unlink()
    assert verify_log(sealed, seals).unsealed_events == 5


def test_a_seal_kept_elsewhere_tells_that_log_and_seals_were_replaced(
    sealed: EventLog, seals: Seals, tmp_path: Path
) -> None:
    newest = seals.newest()
    assert newest is not None
    assert verify_log(sealed, seals, newest.sha256).difference is None
    execute(sealed, "DELETE FROM log.events WHERE position > 5", "UPDATE log.head SET position = 5")
    anew = Seals(tmp_path / "anew", KEY)
    Sealer(sealed, anew, lambda: datetime.now(UTC)).seal_pending()
    assert verify_log(sealed, anew).difference is None
    found = verify_log(sealed, anew, newest.sha256).difference
    assert found is not None
    assert found.kind == "unknown seal"


def test_a_seal_of_another_key_is_not_trusted(sealed: EventLog, seals: Seals) -> None:
    other = Seals(seals._folder, bytes(32))
    assert difference(sealed, other).kind == "broken seal"


def test_the_running_sealer_follows_the_log_and_seals_the_rest_when_stopped(log: EventLog, seals: Seals) -> None:
    sealer = Sealer(log, seals, lambda: datetime.now(UTC))
    sealer.start()
    define(log, events=5)
    sealer.stop()
    found = verify_log(log, seals)
    assert (found.difference, found.sealed_events) == (None, 5)
