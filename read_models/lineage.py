"""`pg.lineage_node` and `pg.lineage`: what every result and publication was made from, down to raw bytes.

A node is an aggregate as one of its events left it (its id is the stream's, its position the event's), or an object
(its id is the SHA-256 of its bytes, its position 0). An edge says that `child` was made from `parent`, each as it stood
then: what happens to a parent later changes nothing in the lineage of a result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from read_models.batch import Batch, Row, json_text

TABLES = """
CREATE TABLE IF NOT EXISTS lineage_node (
    id text NOT NULL,
    position bigint NOT NULL,
    tenant text,
    kind text NOT NULL,
    label text NOT NULL,
    details jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS lineage (
    child text NOT NULL,
    child_position bigint NOT NULL,
    parent text NOT NULL,
    parent_position bigint NOT NULL,
    role text NOT NULL
);
CREATE INDEX IF NOT EXISTS lineage_node_lookup ON lineage_node USING hash (id);
CREATE INDEX IF NOT EXISTS lineage_lookup ON lineage USING hash (child);
CREATE INDEX IF NOT EXISTS lineage_downstream ON lineage (parent, parent_position);
"""

OBJECT = 0
"""The position of an object's node: objects never change."""

RAW_BYTES = "raw bytes"
"""The role in which a publication has the bytes that it was read from."""

Edge = tuple[str, int, str]
"""Parent, the position of its node, and its role."""


class NodeRow(Row):
    TABLE = "lineage_node"
    LOOKUP = "id"
    KEY = ("id", "position")

    id: str
    position: int
    kind: str
    label: str
    details: str
    tenant: str | None = None


class EdgeRow(Row):
    TABLE = "lineage"
    LOOKUP = "child"
    KEY = ("child", "child_position", "parent", "role")

    child: str
    child_position: int
    parent: str
    parent_position: int
    role: str


def put_object(batch: Batch, sha256: str, *, bucket: str, label: str, **details: Any) -> None:
    """Adds an object once; the first who names it labels it."""
    if not batch.is_put(NodeRow, sha256, OBJECT):
        batch.put(NodeRow(id=sha256, position=OBJECT, kind=f"object:{bucket}", label=label, details=json_text(details)))


def put_edges(batch: Batch, child: str, child_position: int, edges: Iterable[Edge]) -> None:
    """Adds what `child` was made from; an edge that is there already stays as it is."""
    write = batch.put if child_position == OBJECT else batch.insert
    for parent, position, role in dict.fromkeys(edges):
        write(EdgeRow(child, child_position, parent, position, role))


def node_before(batch: Batch, node_id: str, position: int) -> NodeRow | None:
    """The newest node of an aggregate up to a position; `batch` must hold its nodes."""
    nodes = [node for node in batch.of(NodeRow, node_id) if node.position <= position]
    return max(nodes, key=lambda node: node.position, default=None)
