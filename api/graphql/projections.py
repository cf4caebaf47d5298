"""How far each read model has come."""

from __future__ import annotations

import strawberry

from api.graphql.access import NEEDS_VERIFY
from api.graphql.context import Info
from api.graphql.scalars import Long
from api.projection_lags import projection_lags


@strawberry.type(description="A read model: the position that it has come to, and how far it lies behind the log.")
class Projection:
    name: str
    position: Long
    lag: Long = strawberry.field(description="Events that it has not applied.")
    lag_s: float = strawberry.field(description="Age in seconds of the oldest event that it has not applied.")
    dead_letters: int = strawberry.field(description="Events set aside because it could not apply them.")
    trouble: str | None = strawberry.field(description="What keeps it from following the log.")


@strawberry.type
class ProjectionsQuery:
    @strawberry.field(description="The read models by name.", extensions=NEEDS_VERIFY, metadata={"rows": lambda _: 20})
    def projections(self, info: Info) -> list[Projection]:
        return [
            Projection(
                name=found.name,
                position=Long(found.position),
                lag=Long(found.lag),
                lag_s=found.lag_s,
                dead_letters=found.dead_letters,
                trouble=found.trouble,
            )
            for found in projection_lags(info.context.platform)
        ]
