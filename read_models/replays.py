"""`pg.replay`: the replays there are, each in a schema of its own."""

from __future__ import annotations

import re

from read_models.batch import Cursor

REPLAYS = """
CREATE TABLE IF NOT EXISTS replay (
    name text PRIMARY KEY,
    position bigint NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    is_complete boolean NOT NULL DEFAULT false
);
"""

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def replay_schema(name: str) -> str:
    """The schema that holds a replay's tables. Raises ValueError for what is no name of a replay."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a replay")
    return f"replay_{name}"


def add_replay(cursor: Cursor, name: str, position: int) -> bool:
    """Notes a replay that is about to be built; False when there is one of this name."""
    cursor.execute(
        "INSERT INTO replay (name, position) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING", (name, position)
    )
    return cursor.rowcount == 1


def find_replay(cursor: Cursor, name: str) -> tuple[int, bool] | None:
    """Position of a replay, and whether it is complete; None where there is none of this name."""
    cursor.execute("SELECT position, is_complete FROM replay WHERE name = %s", (name,))
    row = cursor.fetchone()
    return (int(row[0]), bool(row[1])) if row else None


def half_built_replays(cursor: Cursor) -> list[str]:
    cursor.execute("SELECT name FROM replay WHERE NOT is_complete ORDER BY name")
    return [name for (name,) in cursor.fetchall()]


def complete_replay(cursor: Cursor, name: str) -> None:
    cursor.execute("UPDATE replay SET is_complete = true WHERE name = %s", (name,))


def remove_replay(cursor: Cursor, name: str) -> None:
    cursor.execute("DELETE FROM replay WHERE name = %s", (name,))
