"""How far each read model has come."""

from __future__ import annotations

import strawberry

from api.graphql.access import NEEDS_VERIFY
from api.graphql.context import Info
from api.graphql.scalars import Long


@strawberry.type(description="A read model: the position that it has come to, and how far it lies behind the log.")
class Projection:
    name: str
    position: Long
    lag: Long


@strawberry.type
class ProjectionsQuery:
    @strawberry.field(description="The read models by name.", extensions=NEEDS_VERIFY, metadata={"rows": lambda _: 20})
    def projections(self, info: Info) -> list[Projection]:
        context = info.context
        head = context.platform.log.head()
        known = sorted(context.known_positions.items())
        return [Projection(name=name, position=Long(at), lag=Long(max(0, head - at))) for name, at in known]
