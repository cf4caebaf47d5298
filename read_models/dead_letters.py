"""`pg.dead_letter`: events that a projection could not apply, and those of the same stream that wait behind them.

A projection that sets an event aside goes on with every other stream. Later events of the same stream would be applied
to a state that lacks the earlier one, so they are set aside too, untried, until the first is mended or retried.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from infra.event_mapper import RecordedEvent
from infra.failures import Failure
from read_models.batch import Cursor

DEAD_LETTERS = """
CREATE TABLE IF NOT EXISTS dead_letter (
    projection text NOT NULL,
    position bigint NOT NULL,
    stream_id uuid NOT NULL,
    event text NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL,
    first_failed_at timestamptz NOT NULL DEFAULT now(),
    last_failed_at timestamptz NOT NULL DEFAULT now(),
    follows bigint,
    PRIMARY KEY (projection, position)
);
CREATE INDEX IF NOT EXISTS dead_letter_by_stream ON dead_letter (projection, stream_id, position);
"""
"""`follows` is the position of the stream's first dead letter, behind which this one waits; null for that first one."""


def add_dead_letter(cursor: Cursor, projection: str, recorded: RecordedEvent, failure: Failure) -> None:
    """Sets an event aside. Done again, it counts the attempts and keeps the time of the first failure."""
    cursor.execute(
        """INSERT INTO dead_letter AS held (projection, position, stream_id, event, reason, attempts)
           VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (projection, position) DO UPDATE SET reason = excluded.reason, follows = NULL,
               attempts = held.attempts + excluded.attempts, last_failed_at = excluded.last_failed_at""",
        # PostgreSQL's text has no NUL character.
        (projection, recorded.position, recorded.stream_id, recorded.name, failure.reason.replace("\0", "\\0"),
         failure.attempts),
    )  # fmt: skip


def park_behind(cursor: Cursor, projection: str, recorded: RecordedEvent, first: int) -> None:
    """Sets an event aside untried, for the event of its stream at position `first` has to be applied before it."""
    cursor.execute(
        """INSERT INTO dead_letter (projection, position, stream_id, event, reason, attempts, follows)
           VALUES (%s, %s, %s, %s, %s, 0, %s) ON CONFLICT (projection, position) DO NOTHING""",
        (projection, recorded.position, recorded.stream_id, recorded.name, f"waits for position {first}", first),
    )


def parked_streams(cursor: Cursor, projection: str) -> dict[UUID, int]:
    """The streams of which a projection has set events aside, each with the position of the first of them."""
    cursor.execute(
        "SELECT stream_id, min(position) FROM dead_letter WHERE projection = %s GROUP BY stream_id", (projection,)
    )
    return dict(cursor.fetchall())


def dead_positions(cursor: Cursor, projection: str, stream_id: UUID | None = None) -> list[int]:
    """The positions that a projection has set aside, of one stream or of all, in order."""
    cursor.execute(
        """SELECT position FROM dead_letter WHERE projection = %(projection)s
             AND (%(stream)s::uuid IS NULL OR stream_id = %(stream)s) ORDER BY position""",
        {"projection": projection, "stream": stream_id},
    )
    return [position for (position,) in cursor.fetchall()]


def wait_behind(cursor: Cursor, projection: str, stream_id: UUID, first: int) -> None:
    """The stream's dead letters after position `first` wait for that one now."""
    cursor.execute(
        """UPDATE dead_letter SET follows = %(first)s, reason = %(reason)s
           WHERE projection = %(projection)s AND stream_id = %(stream)s AND position > %(first)s""",
        {"projection": projection, "stream": stream_id, "first": first, "reason": f"waits for position {first}"},
    )


def remove_dead_letter(cursor: Cursor, projection: str, position: int) -> None:
    """The event has been applied after all."""
    cursor.execute("DELETE FROM dead_letter WHERE projection = %s AND position = %s", (projection, position))


def keep_dead_letters(cursor: Cursor, projection: str, positions: Sequence[int]) -> None:
    """A projection was made anew from the first event on, and only the events at `positions` were set aside in it."""
    cursor.execute(
        "DELETE FROM dead_letter WHERE projection = %s AND position <> ALL(%s)", (projection, list(positions))
    )
