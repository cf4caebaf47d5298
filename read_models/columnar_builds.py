"""`pg.columnar_build`: columnar projections of which a table was begun beside the live one.

A crash leaves such a table behind. The next start has to look only where a row says so: looking starts the engine.
"""

from __future__ import annotations

from read_models.batch import Cursor

COLUMNAR_BUILDS = """
CREATE TABLE IF NOT EXISTS columnar_build (
    projection text NOT NULL, store text NOT NULL, PRIMARY KEY (projection, store)
);
"""


def note_build(cursor: Cursor, projection: str, store: str) -> None:
    cursor.execute("INSERT INTO columnar_build VALUES (%s, %s) ON CONFLICT DO NOTHING", (projection, store))


def may_have_leftovers(cursor: Cursor, projection: str, store: str) -> bool:
    cursor.execute("SELECT 1 FROM columnar_build WHERE projection = %s AND store = %s", (projection, store))
    return cursor.fetchone() is not None


def forget_builds(cursor: Cursor, projection: str, store: str) -> None:
    cursor.execute("DELETE FROM columnar_build WHERE projection = %s AND store = %s", (projection, store))
