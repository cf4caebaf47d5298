"""What something was made from, and what was made from it: the part of the lineage graph around one node."""

from __future__ import annotations

from typing import Literal

from infra.event_recorder import Pool
from queries.relational import Row, rows

Direction = Literal["upstream", "downstream"]

_EDGES = """
WITH RECURSIVE found AS (
    SELECT child, parent, role, parent_position FROM pg.lineage WHERE {start} = %(id)s
    UNION
    SELECT l.child, l.parent, l.role, l.parent_position FROM pg.lineage l JOIN found f ON l.{start} = f.{next}
)
SELECT f.child, f.parent, f.role, f.parent_position, a.event AS parent_event
FROM found f LEFT JOIN pg.audit_log a ON a.position = f.parent_position
ORDER BY f.child, f.role, f.parent_position, f.parent
"""
_WAY: dict[Direction, str] = {
    "upstream": _EDGES.format(start="child", next="parent"),
    "downstream": _EDGES.format(start="parent", next="child"),
}

_NODES = """
SELECT id, kind, label, position, details FROM pg.lineage_node
WHERE id = ANY(%(ids)s) AND (tenant IS NULL OR tenant = %(tenant)s) ORDER BY id
"""


def lineage(pool: Pool, tenant: str, node_id: str, direction: Direction = "upstream") -> Row | None:
    """`{id, direction, nodes, edges}` of everything a node was made from (upstream) or that was made from it.

    None where there is no such node. Nodes of other tenants, and edges to them, are left out.
    """
    edges = rows(pool, _WAY[direction], {"id": node_id})
    ids = {node_id}.union(*((edge["parent"], edge["child"]) for edge in edges))
    nodes = rows(pool, _NODES, {"ids": list(ids), "tenant": tenant})
    known = {node["id"] for node in nodes}
    if node_id not in known:
        return None
    seen = [edge for edge in edges if edge["parent"] in known and edge["child"] in known]
    return {"id": node_id, "direction": direction, "nodes": nodes, "edges": seen}
