"""What something was made from, and what was made from it: the part of the lineage graph around one node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from infra.event_recorder import Pool
from queries.relational import Row, row, rows

Direction = Literal["upstream", "downstream"]

# What ties one row to the next stands in a LATERAL query with an OFFSET: only there does the planner take it down to
# the tables below the views, where indexes answer it.
_EDGES = """
WITH RECURSIVE found AS (
    SELECT child, child_position, parent, parent_position, role FROM lineage
    WHERE {near} = %(id)s AND {near}_position = %(position)s
      AND (%(as_of)s::bigint IS NULL OR child_position <= %(as_of)s)
    UNION
    SELECT l.child, l.child_position, l.parent, l.parent_position, l.role
    FROM found f CROSS JOIN LATERAL (
        SELECT * FROM lineage WHERE {near} = f.{far} AND {near}_position = f.{far}_position OFFSET 0
    ) l
    WHERE %(as_of)s::bigint IS NULL OR l.child_position <= %(as_of)s
)
SELECT child, child_position, parent, parent_position, role FROM found
ORDER BY child, child_position, role, parent_position, parent
"""
_WAY: dict[Direction, str] = {
    "upstream": _EDGES.format(near="child", far="parent"),
    "downstream": _EDGES.format(near="parent", far="child"),
}

# A tenant's own, and publications of the ISOs that it is entitled to.
_SEEN = """
({node}.tenant = %(tenant)s OR (
    SELECT iso FROM publication
    WHERE publication_id = CASE WHEN {node}.kind = 'publication' THEN {node}.id::uuid END AND superseded_by IS NULL
) = ANY(%(isos)s::text[]))
"""
# An object is seen by whoever sees something that was made from it.
_NODES = f"""
SELECT n.id, n.position, n.kind, n.label, n.details FROM lineage_node n
JOIN unnest(%(ids)s::text[], %(positions)s::bigint[]) AS wanted (wanted_id, wanted_position)
  ON n.id = wanted_id AND n.position = wanted_position
WHERE n.id = ANY(%(ids)s::text[]) AND n.position = ANY(%(positions)s::bigint[])
  AND ({_SEEN.format(node="n")} OR n.tenant IS NULL AND EXISTS (
    SELECT FROM lineage l CROSS JOIN LATERAL (
        SELECT * FROM lineage_node WHERE id = l.child AND position = l.child_position OFFSET 0
    ) made
    WHERE l.parent = n.id AND l.parent_position = n.position AND {_SEEN.format(node="made")}))
ORDER BY n.id, n.position
"""  # noqa: S608 - names from this file

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
    *,
    entitled: Sequence[str] | None = None,
    as_of: int | None = None,
) -> Row | None:
    """`{id, position, direction, nodes, edges}` of everything a node was made from (upstream) or that was made from it.

    A node is known by id and position: an aggregate as that event left it (its newest where no `position` is given), an
    object at position 0. `as_of` leaves out what was made after that position. None where there is no such node; left
    out are nodes of other tenants, publications of ISOs that are not among `entitled`, what only they were made from,
    and edges to all these.
    """
    if position is None:
        newest = row(pool, _NEWEST, {"id": node_id, "as_of": as_of})
        position = newest["position"] if newest else None
    if position is None or (as_of is not None and position > as_of):
        return None
    edges = rows(pool, _WAY[direction], {"id": node_id, "position": position, "as_of": as_of})
    ends = {(edge[end], edge[f"{end}_position"]) for edge in edges for end in ("child", "parent")}
    wanted = sorted(ends | {(node_id, position)})
    ids, positions = [end[0] for end in wanted], [end[1] for end in wanted]
    nodes = rows(pool, _NODES, {"ids": ids, "positions": positions, "tenant": tenant, "isos": entitled})
    known = {(node["id"], node["position"]) for node in nodes}
    if (node_id, position) not in known:
        return None
    seen = [e for e in edges if {(e["child"], e["child_position"]), (e["parent"], e["parent_position"])} <= known]
    return {"id": node_id, "position": position, "direction": direction, "nodes": nodes, "edges": seen}
