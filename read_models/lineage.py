"""`pg.lineage_node` and `pg.lineage`: what every result and publication was made from, down to raw bytes.

A node is an aggregate as one of its events left it (its id is the stream's, its position the event's), or an object
(its id is the SHA-256 of its bytes, its position 0). An edge says that `child` was made from `parent`, each as it stood
then: what happens to a parent later changes nothing in the lineage of a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from read_models.relational import Cursor

TABLES = """
CREATE TABLE IF NOT EXISTS lineage_node (
    id text NOT NULL,
    position bigint NOT NULL,
    tenant text,
    kind text NOT NULL,
    label text NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (id, position)
);
CREATE TABLE IF NOT EXISTS lineage (
    child text NOT NULL,
    child_position bigint NOT NULL,
    parent text NOT NULL,
    parent_position bigint NOT NULL,
    role text NOT NULL,
    PRIMARY KEY (child, child_position, parent, role)
);
CREATE INDEX IF NOT EXISTS lineage_downstream ON lineage (parent, parent_position);
"""

OBJECT = 0
"""The position of an object's node: objects never change."""

Edge = tuple[str, str, int]


def put_node(
    cursor: Cursor, node_id: str, *, tenant: str, kind: str, label: str, position: int, details: Mapping[str, Any]
) -> None:
    """Adds an aggregate as an event left it."""
    cursor.execute(
        """INSERT INTO lineage_node (id, position, tenant, kind, label, details) VALUES (%s, %s, %s, %s, %s, %s)""",
        (node_id, position, tenant, kind, label, Jsonb(dict(details))),
    )


def put_object(cursor: Cursor, sha256: str, *, bucket: str, label: str, details: Mapping[str, Any]) -> None:
    """Adds an object once; the first who names it labels it."""
    cursor.execute(
        """INSERT INTO lineage_node (id, position, kind, label, details) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (id, position) DO NOTHING""",
        (sha256, OBJECT, f"object:{bucket}", label, Jsonb(dict(details))),
    )


def put_edges(cursor: Cursor, child: str, child_position: int, edges: Sequence[Edge]) -> None:
    """`edges` are (parent, role, position at which it was read): the parent's node is its newest up to there."""
    cursor.executemany(
        """INSERT INTO lineage (child, child_position, parent, role, parent_position)
           SELECT %s, %s, %s, %s, coalesce(
               (SELECT max(position) FROM lineage_node WHERE id = %s AND position <= %s), 0)
           ON CONFLICT (child, child_position, parent, role) DO NOTHING""",
        [(child, child_position, parent, role, parent, position) for parent, role, position in edges],
    )


def copy_raw_edges(cursor: Cursor, child: str, child_position: int) -> None:
    """A new reading of a publication is made from the same raw bytes as the ones before it."""
    cursor.execute(
        """INSERT INTO lineage (child, child_position, parent, parent_position, role)
           SELECT DISTINCT child, %s::bigint, parent, parent_position, role FROM lineage
           WHERE child = %s AND role = 'raw bytes'""",
        (child_position, child),
    )


def newest_label(cursor: Cursor, node_id: str) -> str:
    """What the node was called so far."""
    cursor.execute("SELECT label FROM lineage_node WHERE id = %s ORDER BY position DESC LIMIT 1", (node_id,))
    row = cursor.fetchone()
    return str(row[0]) if row else ""
