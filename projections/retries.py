"""Applying events that were set aside, stream by stream and in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from infra.errors import PlatformError
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.failures import attempt
from read_models import dead_letters
from read_models.batch import Cursor

Apply = Callable[[Cursor, RecordedEvent], None]
"""Writes what one event brings; in a transaction that also takes it off the list."""


class NoDeadLetter(PlatformError):
    """A position was named that the projection has not set aside."""


@dataclass(frozen=True)
class StillFailing:
    position: int
    reason: str


@dataclass
class Retried:
    """Positions that have been applied now, events that still fail, and positions that wait behind these."""

    succeeded: list[int] = field(default_factory=list)
    failing: list[StillFailing] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)


def retry_streams(pool: Pool, projection: str, log: EventLog, apply: Apply, position: int | None) -> Retried:
    """Applies the dead letters of every stream, or of the one that has a dead letter at `position`.

    Each is taken off the list once it is applied, so that a crash loses nothing. Raises NoDeadLetter.
    """
    retried = Retried()
    with pool.connection() as connection, connection.cursor() as cursor:
        streams = list(dead_letters.parked_streams(cursor, projection))
        if position is not None:
            streams = [s for s in streams if position in dead_letters.dead_positions(cursor, projection, s)]
    if position is not None and not streams:
        raise NoDeadLetter(
            f"The read model {projection} has set nothing aside at position {position}.",
            "`carbon254 projections dead-letters` lists what is set aside.",
        )
    for stream in streams:
        _retry_stream(pool, projection, log, apply, stream, retried)
    return retried


def _retry_stream(pool: Pool, projection: str, log: EventLog, apply: Apply, stream: UUID, retried: Retried) -> None:
    with pool.connection() as connection, connection.cursor() as cursor:
        positions = dead_letters.dead_positions(cursor, projection, stream)
    for index, position in enumerate(positions):
        recorded = log.at(position)
        assert recorded is not None, f"nothing stands at position {position}, which was set aside"
        failure = attempt(partial(_apply, pool, projection, apply, recorded))
        if failure is None:
            retried.succeeded.append(position)
            continue
        with pool.connection() as connection, connection.cursor() as cursor:
            dead_letters.add_dead_letter(cursor, projection, recorded, failure)
            dead_letters.wait_behind(cursor, projection, stream, position)
        retried.failing.append(StillFailing(position, failure.reason))
        retried.waiting += positions[index + 1 :]
        return


def _apply(pool: Pool, projection: str, apply: Apply, recorded: RecordedEvent) -> None:
    with pool.connection() as connection, connection.cursor() as cursor:
        apply(cursor, recorded)
        dead_letters.remove_dead_letter(cursor, projection, recorded.position)
