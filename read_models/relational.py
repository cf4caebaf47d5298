"""What the relational read models share: where they are, and how far each has come.

Tables are named without their schema: the connection's search path says whether they are the live ones (`pg`), ones
that are being built beside them, or a replay's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import LiteralString

from psycopg import sql

from read_models.batch import Cursor

LIVE_SCHEMA = "pg"

CHECKPOINTS = """
CREATE TABLE IF NOT EXISTS checkpoint (
    projection text NOT NULL, store text NOT NULL DEFAULT '', version integer NOT NULL, position bigint NOT NULL,
    PRIMARY KEY (projection, store));
"""


_MOVE = """ON CONFLICT (projection, store) DO UPDATE SET version = excluded.version, position = CASE
    WHEN held.version = excluded.version THEN greatest(held.position, excluded.position)
    ELSE excluded.position END"""
_SAVE = f"""
INSERT INTO checkpoint AS held (projection, store, version, position) VALUES (%s, %s, %s, %s)
{_MOVE}"""  # noqa: S608 - from this file
_SAVE_SOON = f"""
WITH settings AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO checkpoint AS held (projection, store, version, position)
SELECT %s::text, %s::text, %s::integer, %s::bigint FROM settings
{_MOVE}"""  # noqa: S608 - from this file


def drop_views(cursor: Cursor, names: Iterable[str], schema: str) -> None:
    """Takes views away, so that the tables beneath them can be exchanged, or tables that had their names before."""
    for name in names:
        cursor.execute("SELECT relkind::text FROM pg_class WHERE oid = to_regclass(%s)", (f"{schema}.{name}",))
        if found := cursor.fetchone():
            statement = sql.SQL("DROP VIEW {}" if found == ("v",) else "DROP TABLE {}")
            cursor.execute(statement.format(sql.Identifier(schema, name)))


def create_views(cursor: Cursor, views: Mapping[str, LiteralString], schema: str) -> None:
    """Makes views of tables in the same schema."""
    cursor.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
    for name, query in views.items():
        cursor.execute(sql.SQL("CREATE VIEW {} AS ").format(sql.Identifier(name)) + sql.SQL(query))


def load_checkpoint(cursor: Cursor, projection: str, version: int, store: str = "") -> int:
    """How far a projection has come; 0 for a new one.

    `store` names the store that holds its rows where that is not this database: a checkpoint is worth nothing for
    another store, or for one that was made anew.
    """
    cursor.execute("SELECT version, position FROM checkpoint WHERE projection = %s AND store = %s", (projection, store))
    row = cursor.fetchone()
    return int(row[1]) if row and row[0] == version else 0


def load_checkpoints(cursor: Cursor, versions: Mapping[str, int]) -> dict[str, int]:
    """How far each of some projections of this database has come, by name; `versions` are what they are now."""
    cursor.execute("SELECT projection, version, position FROM checkpoint WHERE store = ''")
    held = {projection: position for projection, version, position in cursor if versions.get(projection) == version}
    return {projection: held.get(projection, 0) for projection in versions}


def save_checkpoints(cursor: Cursor, versions: Mapping[str, int], position: int) -> None:
    """Records that several projections of this database have come to a position, in one round trip."""
    cursor.executemany(_SAVE, [(projection, "", version, position) for projection, version in versions.items()])


def save_checkpoint(cursor: Cursor, projection: str, version: int, position: int, store: str = "") -> None:
    """Records how far a projection has come; within a version it never goes back."""
    cursor.execute(_SAVE, (projection, store, version, position))


def save_checkpoint_soon(cursor: Cursor, projection: str, version: int, position: int, store: str = "") -> None:
    """As `save_checkpoint`, but the transaction's commit need not be on disk: for what may be done once more."""
    cursor.execute(_SAVE_SOON, (projection, store, version, position))
