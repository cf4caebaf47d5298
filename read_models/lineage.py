"""`pg.lineage_node` and `pg.lineage`: what every result and publication was made from, down to raw bytes.

A node is an aggregate (its id is the stream's) or an object (its id is the SHA-256 of its bytes). An edge says that
`child` was made from `parent` as it stood at `parent_position`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from read_models.relational import Cursor

TABLES = """
CREATE TABLE IF NOT EXISTS pg.lineage_node (
    id text PRIMARY KEY,
    tenant text,
    kind text NOT NULL,
    label text NOT NULL,
    position bigint,
    details jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS pg.lineage (
    child text NOT NULL,
    parent text NOT NULL,
    role text NOT NULL,
    parent_position bigint,
    PRIMARY KEY (child, parent, role)
);
CREATE INDEX IF NOT EXISTS lineage_downstream ON pg.lineage (parent);
"""

Edge = tuple[str, str, int | None]


def put_node(
    cursor: Cursor, node_id: str, *, tenant: str | None, kind: str, label: str, position: int | None,
    details: Mapping[str, Any],
) -> None:  # fmt: skip
    """Adds a node, or brings it to its newest state."""
    cursor.execute(
        """INSERT INTO pg.lineage_node (id, tenant, kind, label, position, details) VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (id) DO UPDATE SET label = excluded.label, position = excluded.position,
               details = excluded.details""",
        (node_id, tenant, kind, label, position, Jsonb(dict(details))),
    )


def put_object(cursor: Cursor, sha256: str, *, bucket: str, label: str, details: Mapping[str, Any]) -> None:
    """Adds an object once; the first who names it labels it."""
    cursor.execute(
        """INSERT INTO pg.lineage_node (id, kind, label, details) VALUES (%s, %s, %s, %s)
           ON CONFLICT (id) DO NOTHING""",
        (sha256, f"object:{bucket}", label, Jsonb(dict(details))),
    )


def put_edges(cursor: Cursor, child: str, edges: Sequence[Edge]) -> None:
    """`edges` are (parent, role, position of the parent's event or None)."""
    cursor.executemany(
        """INSERT INTO pg.lineage (child, parent, role, parent_position) VALUES (%s, %s, %s, %s)
           ON CONFLICT (child, parent, role) DO UPDATE SET parent_position = excluded.parent_position""",
        [(child, parent, role, position) for parent, role, position in edges],
    )
