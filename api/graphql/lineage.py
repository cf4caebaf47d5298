"""What something was made from, and what was made from it."""

from __future__ import annotations

from enum import Enum

import strawberry
from strawberry.scalars import JSON

from api.graphql.access import NEEDS_RESULTS
from api.graphql.connections import AsOf
from api.graphql.context import Info
from api.graphql.scalars import Long
from api.problems import Problem
from queries.lineage import lineage as lineage_of

MAX_NODES = 5000


@strawberry.enum(description="Towards what it was made from, or towards what was made from it.")
class Direction(Enum):
    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


@strawberry.type(description="An aggregate as one of its events left it, or an object (at position 0).")
class LineageNode:
    id: str
    position: Long
    kind: str
    label: str
    details: JSON


@strawberry.type(description="`child` was made from `parent`, each as it stood then.")
class LineageEdge:
    child: str
    child_position: Long
    parent: str
    parent_position: Long
    role: str


@strawberry.type(description="The part of the lineage graph around one node.")
class Lineage:
    id: str
    position: Long
    direction: Direction
    nodes: list[LineageNode]
    edges: list[LineageEdge]


@strawberry.type
class LineageQuery:
    @strawberry.field(
        description=f"The lineage of a result, publication or object of up to {MAX_NODES} nodes; null where unknown.",
        extensions=NEEDS_RESULTS,
        metadata={"rows": lambda _: MAX_NODES // 10},
    )
    def lineage(
        self,
        info: Info,
        id: str,
        direction: Direction = Direction.UPSTREAM,
        position: Long | None = None,
        as_of: AsOf = None,
    ) -> Lineage | None:
        context = info.context
        entitled = context.access.entitled()
        known = context.position_as_of(as_of)
        found = lineage_of(
            context.view.pool, context.tenant, id, direction.value, position, entitled=entitled, as_of=known
        )
        if found is None:
            context.access.demand_lineage(context.view, id)
            return None
        if len(found["nodes"]) > MAX_NODES:
            remedy = f"`GET /v1/lineage/{id}` has no such limit."
            raise Problem(400, f"lineage: {len(found['nodes'])} nodes are more than {MAX_NODES}", remedy=remedy)
        return Lineage(
            id=found["id"],
            position=found["position"],
            direction=direction,
            nodes=[LineageNode(**node) for node in found["nodes"]],
            edges=[LineageEdge(**edge) for edge in found["edges"]],
        )
