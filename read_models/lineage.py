"""`pg.lineage_node` and `pg.lineage`: what every result and publication was made from, down to raw bytes.

A node is an aggregate as one of its events left it (its id is the stream's, its position the event's), or an object
(its id is the SHA-256 of its bytes, its position 0). An edge says that `child` was made from `parent`, each as it stood
then: what happens to a parent later changes nothing in the lineage of a result.

Both are views. Nearly all nodes are publications and what they were read from, and `pg.publication` tells those
already; the rest is stored here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

from read_models.batch import Batch, Row, json_text

TABLES = """
CREATE TABLE IF NOT EXISTS stored_lineage_node (
    id text NOT NULL,
    position bigint NOT NULL,
    tenant text,
    kind text NOT NULL,
    label text NOT NULL,
    details jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS stored_lineage (
    child text NOT NULL,
    child_position bigint NOT NULL,
    parent text NOT NULL,
    parent_position bigint NOT NULL,
    role text NOT NULL
);
CREATE INDEX IF NOT EXISTS stored_lineage_node_lookup ON stored_lineage_node USING hash (id);
CREATE INDEX IF NOT EXISTS stored_lineage_lookup ON stored_lineage USING hash (child);
CREATE INDEX IF NOT EXISTS stored_lineage_downstream ON stored_lineage (parent, parent_position);
"""

# An object may be named by several: the first labels it. Who did what stands in the audit log.
_NODE: LiteralString = """
SELECT n.id, n.position, n.tenant, n.kind, n.label,
       CASE WHEN a.position IS NULL THEN n.details ELSE n.details || jsonb_build_object(
           'event', a.event, 'actor', a.actor,
           'recorded_at', to_char(a.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) END AS details
FROM (
    SELECT DISTINCT ON (id, position) * FROM (
        SELECT id, position, tenant, kind, label, details, NULL::bigint AS named_at FROM stored_lineage_node
        UNION ALL
        SELECT publication_id::text, log_position, tenant, 'publication', array_to_string(names, ', '),
               jsonb_strip_nulls(jsonb_build_object(
                   'place', place, 'size_bytes', size_bytes, 'parser', parser, 'parser_version', parser_version)),
               log_position
        FROM publication
        UNION ALL
        SELECT raw_sha256[1], 0, NULL, 'object:raw', names[1], jsonb_build_object('place', place), log_position
        FROM publication
        UNION ALL
        SELECT rows_sha256, 0, NULL, 'object:rows', 'Parquet', jsonb_build_object('rows', row_count), log_position
        FROM publication WHERE rows_sha256 IS NOT NULL
        UNION ALL
        SELECT sha256, 0, NULL, 'object:raw', name, jsonb_build_object('place', place), log_position
        FROM publication_part
    ) named
    ORDER BY id, position, named_at
) n LEFT JOIN audit_log a ON a.position = n.position
"""
_EDGE: LiteralString = """
SELECT child, child_position, parent, parent_position, role FROM stored_lineage
UNION ALL
SELECT publication_id::text, log_position, raw_sha256[1], 0, 'raw bytes' FROM publication
UNION ALL
SELECT publication_id::text, log_position, rows_sha256, 0, 'rows' FROM publication WHERE rows_sha256 IS NOT NULL
UNION ALL
SELECT publication_id::text, p.log_position, part.sha256, 0, 'raw bytes'
FROM publication p JOIN publication_part part USING (publication_id)
"""
VIEWS: Mapping[str, LiteralString] = {"lineage_node": _NODE, "lineage": _EDGE}
"""Conditions on ids and positions go down to the tables; conditions of a join only where a LATERAL query has them."""

OBJECT = 0
"""The position of an object's node: objects never change."""

RAW_BYTES = "raw bytes"
"""The role in which a publication has the bytes that it was read from."""

Edge = tuple[str, int, str]
"""Parent, the position of its node, and its role."""


class NodeRow(Row):
    TABLE = "stored_lineage_node"
    LOOKUP = "id"
    KEY = ("id", "position")

    id: str
    position: int
    kind: str
    label: str
    details: str
    tenant: str | None = None


class EdgeRow(Row):
    TABLE = "stored_lineage"
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
