"""What someone with full rights on the event table can do to it, each way a few statements of SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from infra.event_mapper import LoggedEvent
from infra.event_recorder import PostgresRecorder
from infra.event_store import EventLog

Tamper = Callable[[EventLog], None]


def execute(log: EventLog, *statements: str) -> None:
    assert isinstance(log.recorder, PostgresRecorder)
    with log.recorder.pool.connection() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def stream_at(log: EventLog, position: int) -> UUID:
    return log.page(position - 1, 1)[0].stream_id


def change(column: str, found: str, put: str, position: int) -> Tamper:
    """Replaces text in the payload or the metadata of an event."""
    new = f"convert_to(replace(convert_from({column}, 'UTF8'), '{found}', '{put}'), 'UTF8')"
    return lambda log: execute(log, f"UPDATE log.events SET {column} = {new} WHERE position = {position}")


def change_column(assignment: str, position: int) -> Tamper:
    return lambda log: execute(log, f"UPDATE log.events SET {assignment} WHERE position = {position}")


def delete(position: int) -> Tamper:
    return lambda log: execute(log, f"DELETE FROM log.events WHERE position = {position}")


def delete_and_close_the_gap(position: int) -> Tamper:
    return lambda log: execute(
        log,
        f"DELETE FROM log.events WHERE position = {position}",
        f"UPDATE log.events SET position = position + 1000 WHERE position > {position}",
        "UPDATE log.events SET position = position - 1001 WHERE position > 1000",
        "UPDATE log.head SET position = position - 1",
    )


def cut_off(last: int) -> Tamper:
    """Ends the log at a position, as if nothing had come after it."""
    return lambda log: execute(
        log, f"DELETE FROM log.events WHERE position > {last}", f"UPDATE log.head SET position = {last}"
    )


def swap(one: int, other: int) -> Tamper:
    return lambda log: execute(
        log,
        f"UPDATE log.events SET position = 1000000 WHERE position = {one}",
        f"UPDATE log.events SET position = {one} WHERE position = {other}",
        f"UPDATE log.events SET position = {other} WHERE position = 1000000",
    )


def insert(position: int) -> Tamper:
    """Puts in an event of a new stream, a copy of the first but for its stream, and moves the rest back."""
    return lambda log: execute(
        log,
        f"UPDATE log.events SET position = position + 1000000 WHERE position >= {position}",
        "UPDATE log.events SET position = position - 999999 WHERE position >= 1000000",
        f"""INSERT INTO log.events SELECT {position}, gen_random_uuid(), 0, name, metadata, payload, recorded_at
            FROM log.events WHERE position = 1""",
        "UPDATE log.head SET position = position + 1",
    )


def forge(position: int, **metadata: Any) -> Tamper:
    """Changes metadata of an event, and computes all later hashes of its stream anew: each carries the right one."""

    def tamper(log: EventLog) -> None:
        stream, previous = stream_at(log, position), None
        for event in log.recorder.select_events(stream):
            if event.id >= position:
                changed = msgspec.json.decode(event.metadata) | (metadata if event.id == position else {})
                if previous is not None:
                    changed["previous_hash"] = previous
                forged = LoggedEvent(
                    originator_id=stream, originator_version=event.originator_version, topic=event.topic,
                    state=event.state, metadata=msgspec.json.encode(changed, order="sorted"),
                )  # fmt: skip
                previous = forged.hash
                execute(
                    log, f"UPDATE log.events SET metadata = '\\x{forged.metadata.hex()}' WHERE position = {event.id}"
                )

    return tamper


ON_ONE_EVENT: dict[str, tuple[Tamper, str, int]] = {
    "payload": (change("payload", "0.0", "0.9", 2), "changed", 2),
    "payload of a stream's last event": (change("payload", "0.003", "0.9", 9), "changed", 9),
    "metadata": (change("metadata", "define-scenario", "revise-scenario", 7), "changed", 7),
    "actor": (change("metadata", '"actor":"a"', '"actor":"b"', 1), "changed", 1),
    "time in the metadata": (change("metadata", "2026-06-01", "2026-05-01", 6), "changed", 6),
    "time column": (change_column("recorded_at = recorded_at + interval '1 hour'", 4), "changed", 4),
    "no time column": (change_column("recorded_at = NULL", 4), "changed", 4),
    "name": (change_column("name = 'scenario.undefined'", 7), "changed", 7),
    "metadata that is none": (change_column("metadata = 'nonsense'", 8), "changed", 8),
    "unsealed metadata that is none": (change_column("metadata = 'nonsense'", 10), "changed", 10),
    "unsealed time column": (change_column("recorded_at = now()", 10), "changed", 10),
    "actor, hashes computed anew": (forge(6, actor="somebody else"), "changed", 6),
    "time, hashes computed anew": (forge(2, recorded_at="2020-01-01T00:00:00Z"), "changed", 2),
    "deleted from the middle": (delete(4), "missing", 4),
    "deleted from a stream's middle": (delete(2), "missing", 2),
    "deleted, the rest renumbered": (delete_and_close_the_gap(4), "missing", 4),
    "cut off within a seal": (cut_off(3), "cut off", 4),
    "cut off behind a seal": (cut_off(5), "cut off", 6),
    "the last sealed event cut off": (cut_off(8), "cut off", 9),
    "swapped across streams": (swap(3, 5), "reordered", 3),
    "swapped in a stream": (swap(7, 8), "reordered", 7),
    "another stream and version": (change_column("version = 7", 3), "missing", 3),
}
"""By what was done: how it is done to the fixture `sealed`, and what is to be said of which position."""
