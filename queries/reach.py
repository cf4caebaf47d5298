"""Whose a node of the lineage is: what decides who may see it."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import Row, rows

_USERS = """
SELECT DISTINCT n.tenant, p.iso
FROM (
    SELECT id, position FROM lineage_node WHERE id = %(id)s
    UNION
    SELECT child, child_position FROM lineage WHERE parent = %(id)s
) near
CROSS JOIN LATERAL (SELECT * FROM lineage_node WHERE id = near.id AND position = near.position OFFSET 0) n
LEFT JOIN publication p ON p.publication_id = CASE WHEN n.kind = 'publication' THEN n.id::uuid END
    AND p.superseded_by IS NULL
WHERE n.tenant IS NOT NULL
"""


def node_users(pool: Pool, node_id: str) -> list[Row]:
    """`{tenant, iso}` of each aggregate that is the node or was made from it; `iso` is null but for publications."""
    return rows(pool, _USERS, {"id": node_id})
