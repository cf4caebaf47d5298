"""What something was made from, and what was made from it: the part of the lineage graph around one node."""

from __future__ import annotations

from typing import Literal

from infra.event_recorder import Pool
from queries.relational import Row, row, rows

Direction = Literal["upstream", "downstream"]

_EDGES = """
WITH RECURSIVE found AS (
    SELECT child, child_position, parent, parent_position, role FROM lineage
    WHERE {near} = %(id)s AND {near}_position = %(position)s
      AND (%(as_of)s::bigint IS NULL OR child_position <= %(as_of)s)
    UNION
    SELECT l.child, l.child_position, l.parent, l.parent_position, l.role
    FROM lineage l JOIN found f ON l.{near} = f.{far} AND l.{near}_position = f.{far}_position
    WHERE %(as_of)s::bigint IS NULL OR l.child_position <= %(as_of)s
)
SELECT child, child_position, parent, parent_position, role FROM found
ORDER BY child, child_position, role, parent_position, parent
"""
_WAY: dict[Direction, str] = {
    "upstream": _EDGES.format(near="child", far="parent"),
    "downstream": _EDGES.format(near="parent", far="child"),
}

_NODES = """
SELECT id, position, kind, label, details FROM lineage_node
JOIN unnest(%(ids)s::text[], %(positions)s::bigint[]) AS wanted (wanted_id, wanted_position)
  ON id = wanted_id AND position = wanted_position
WHERE tenant IS NULL OR tenant = %(tenant)s
ORDER BY id, position
"""

_NEWEST = """
SELECT max(position) AS position FROM lineage_node
WHERE id = %(id)s AND (%(as_of)s::bigint IS NULL OR position <= %(as_of)s)
"""


def lineage(
    pool: Pool,
    tenant: str,
    node_id: str,
    direction: Direction = "upstream",
    position: int | None = None,
    as_of: int | None = None,
) -> Row | None:
    """`{id, position, direction, nodes, edges}` of everything a node was made from (upstream) or that was made from it.

    A node is known by id and position: an aggregate as that event left it (its newest where no `position` is given), an
    object at position 0. `as_of` leaves out what was made after that position. None where there is no such node; nodes
    of other tenants, and edges to them, are left out.
    """
    if position is None:
        newest = row(pool, _NEWEST, {"id": node_id, "as_of": as_of})
        position = newest["position"] if newest else None
    if position is None:
        return None
    edges = rows(pool, _WAY[direction], {"id": node_id, "position": position, "as_of": as_of})
    ends = {(edge[end], edge[f"{end}_position"]) for edge in edges for end in ("child", "parent")}
    wanted = sorted(ends | {(node_id, position)})
    ids, positions = [end[0] for end in wanted], [end[1] for end in wanted]
    nodes = rows(pool, _NODES, {"ids": ids, "positions": positions, "tenant": tenant})
    known = {(node["id"], node["position"]) for node in nodes}
    if (node_id, position) not in known:
        return None
    seen = [e for e in edges if {(e["child"], e["child_position"]), (e["parent"], e["parent_position"])} <= known]
    return {"id": node_id, "position": position, "direction": direction, "nodes": nodes, "edges": seen}
