"""Tables of a build filled with the events of the log, page by page, one thing after the other.

While this waits for PostgreSQL nothing is done here. A long build has several processes at this, which keeps the cores
busy; threads that read ahead or fill several tables at once only take turns, and cost more than they bring.

Each page of a projection is a transaction that does not wait for the disk: a build that was interrupted starts over,
and the commit that puts a finished one into use does wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec
from psycopg import Connection, sql
from psycopg.errors import DeadlockDetected
from psycopg.rows import TupleRow

from infra.errors import PlatformError
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.failures import is_fault_of_event
from projections.parking import apply_or_park
from projections.relational import RelationalProjection, shares

Read = Callable[[int, int], Sequence[RecordedEvent]]
"""Up to so many events after a position, in their order."""

_PAGE = 10_000
_TRIES = 4


class Tables(msgspec.Struct, frozen=True):
    """Where a build has its tables; `fence` is the identity of one of them, which no later build's has."""

    schema: str
    fence: int = 0

    @contextmanager
    def transaction(self, pool: Pool) -> Iterator[Connection[TupleRow]]:
        """A transaction in which tables without a schema are those of this build.

        Raises PlatformError where another build has taken their place. As long as the transaction lasts, none can.
        """
        with pool.connection() as connection:
            path = sql.SQL("SET LOCAL search_path TO {}; SET LOCAL synchronous_commit TO off")
            connection.execute(path.format(sql.Identifier(self.schema)))
            if self.fence:
                connection.execute("LOCK TABLE dead_letter IN ACCESS SHARE MODE")
                if fence_of(connection) != self.fence:
                    raise PlatformError("The tables that were being built were dropped.", "Try again.")
            yield connection


def fence_of(connection: Connection[TupleRow]) -> int:
    """What tells the tables on the search path from those of a later build."""
    row = connection.execute("SELECT 'dead_letter'::regclass::oid::bigint").fetchone()
    assert row is not None
    return int(row[0])


class Span(msgspec.Struct, frozen=True):
    """The positions of the log in (after, through]."""

    after: int
    through: int


def fill(
    pool: Pool, read: Read, projections: Sequence[RelationalProjection], tables: Tables, span: Span
) -> Iterator[int]:
    """Applies the events of a span; gives the position that all projections have come to, page after page."""
    position = span.after
    for page in _pages(read, span):
        for projection, share in zip(projections, shares(projections, page), strict=True):
            if share:
                _apply(pool, projection, share, tables)
        yield (position := page[-1].position)
    if position < span.through:  # nobody asks for the last ones
        yield span.through


def _apply(pool: Pool, projection: RelationalProjection, events: Sequence[RecordedEvent], tables: Tables) -> None:
    """Applies them; again where this and another process, which puts the same rows, waited for each other."""
    for _ in range(_TRIES - 1):
        with suppress(DeadlockDetected):
            return _apply_once(pool, projection, events, tables)
    return _apply_once(pool, projection, events, tables)


def _apply_once(pool: Pool, projection: RelationalProjection, events: Sequence[RecordedEvent], tables: Tables) -> None:
    try:
        with tables.transaction(pool) as connection, connection.cursor() as cursor:
            projection.apply(cursor, events)
    except Exception as error:
        if not is_fault_of_event(error):
            raise
        with tables.transaction(pool) as connection:
            apply_or_park(connection, projection, events)


def _pages(read: Read, span: Span) -> Iterator[Sequence[RecordedEvent]]:
    after = span.after
    while page := [recorded for recorded in read(after, _PAGE) if recorded.position <= span.through]:
        after = page[-1].position
        yield page
