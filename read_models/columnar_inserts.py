"""`pg.columnar_insert`: what is on its way into a columnar table beyond its checkpoint, and what goes in together.

Noted before rows go in, so that after a crash the same rows go in again under the same token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from infra.errors import ColumnarStoreError
from read_models.batch import Cursor
from read_models.relational import load_checkpoint

COLUMNAR_INSERTS = """
CREATE TABLE IF NOT EXISTS columnar_insert (
    projection text NOT NULL, store text NOT NULL, positions bigint[] NOT NULL,
    is_to_be_parted boolean NOT NULL DEFAULT false, PRIMARY KEY (projection, store, positions)
);
"""


class Begun(NamedTuple):
    """An insert of the events at `positions`. One `is_to_be_parted` failed: its rows are taken out, and each of its
    events goes in alone.
    """

    positions: tuple[int, ...]
    is_to_be_parted: bool


def begun_inserts(cursor: Cursor, projection: str, store: str, after: int) -> list[Begun]:
    """Those that are not wholly behind the position `after`."""
    cursor.execute(
        """SELECT positions, is_to_be_parted FROM columnar_insert
           WHERE projection = %s AND store = %s AND %s < ANY (positions) ORDER BY positions""",
        (projection, store, after),
    )
    return [Begun(tuple(positions), is_to_be_parted) for positions, is_to_be_parted in cursor.fetchall()]


def note_inserts(cursor: Cursor, projection: str, store: str, version: int, inserts: Sequence[Sequence[int]]) -> None:
    """Says that these are about to begin. Raises ColumnarStoreError where their events are on their way otherwise, or
    are there already: of two processes that both think themselves in charge, one has to look again.
    """
    if not inserts:
        return
    _lock(cursor, projection, store)
    positions = [position for each in inserts for position in each]
    cursor.execute(
        "SELECT positions FROM columnar_insert WHERE projection = %s AND store = %s AND positions && %s::bigint[]",
        (projection, store, positions),
    )
    others = {tuple(found) for (found,) in cursor.fetchall()} - {tuple(each) for each in inserts}
    if others or min(positions) <= load_checkpoint(cursor, projection, version, store):
        raise ColumnarStoreError(
            f"Another process puts rows from position {min(positions)} on into the read model {projection}, too.",
            "What it has done is looked at, and the rest is tried again.",
        )
    cursor.executemany(
        "INSERT INTO columnar_insert VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [(projection, store, list(each)) for each in inserts],
    )


def part_inserts(cursor: Cursor, projection: str, store: str) -> None:
    """Says of every insert of several events that it is to be parted."""
    cursor.execute(
        """UPDATE columnar_insert SET is_to_be_parted = true
           WHERE projection = %s AND store = %s AND cardinality(positions) > 1""",
        (projection, store),
    )


def take_parted(cursor: Cursor, projection: str, store: str) -> list[int]:
    """Puts an insert of each of their events in place of those that are to be parted; returns their positions.

    Whoever else wants to part them waits for the end of the transaction, in which their rows are to be taken out.
    """
    _lock(cursor, projection, store)
    cursor.execute(
        """WITH parted AS (
               DELETE FROM columnar_insert WHERE projection = %s AND store = %s AND is_to_be_parted RETURNING *)
           INSERT INTO columnar_insert
           SELECT projection, store, ARRAY[position] FROM parted, unnest(positions) AS position
           RETURNING positions[1]""",
        (projection, store),
    )
    return [position for (position,) in cursor.fetchall()]


def forget_inserts(cursor: Cursor, projection: str, store: str, through: int) -> None:
    """Those that are wholly behind the checkpoint `through`."""
    cursor.execute(
        "DELETE FROM columnar_insert WHERE projection = %s AND store = %s AND %s >= ALL (positions)",
        (projection, store, through),
    )


def _lock(cursor: Cursor, projection: str, store: str) -> None:
    """Until the transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"inserts {projection} {store}",))
