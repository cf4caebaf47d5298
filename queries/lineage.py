"""What something was made from: the part of the lineage graph below one node."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import Row, rows

_UPSTREAM = """
WITH RECURSIVE upstream AS (
    SELECT child, parent, role, parent_position FROM pg.lineage WHERE child = %(id)s
    UNION
    SELECT l.child, l.parent, l.role, l.parent_position FROM pg.lineage l JOIN upstream u ON l.child = u.parent
)
SELECT u.child, u.parent, u.role, u.parent_position, a.event AS parent_event
FROM upstream u LEFT JOIN pg.audit_log a ON a.position = u.parent_position
ORDER BY u.child, u.role, u.parent_position, u.parent
"""

_NODES = """
SELECT id, kind, label, position, details FROM pg.lineage_node
WHERE id = ANY(%(ids)s) AND (tenant IS NULL OR tenant = %(tenant)s) ORDER BY id
"""


def lineage(pool: Pool, tenant: str, node_id: str) -> Row | None:
    """`{id, nodes, edges}` of everything behind a node, or None where there is no such node."""
    edges = rows(pool, _UPSTREAM, {"id": node_id})
    ids = [node_id, *(edge["parent"] for edge in edges)]
    nodes = rows(pool, _NODES, {"ids": ids, "tenant": tenant})
    if not any(node["id"] == node_id for node in nodes):
        return None
    return {"id": node_id, "nodes": nodes, "edges": edges}
