"""Defined scenarios."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from api.graphql.access import NEEDS_RESULTS
from api.graphql.connections import PAGE, PAGED, After, AsOf, Connection, First, Listing
from api.graphql.context import Info
from api.graphql.nodes import Noun
from api.graphql.scalars import Long
from queries.scenarios import list_scenarios


@strawberry.type(description="What curves assume beyond the quotes, as last revised; growth is a fraction a year.")
class Scenario(Noun):
    KEY = "scenario_id"
    LOADER = "scenario"

    scenario_id: UUID
    name: str
    revision: int
    growth_per_year: float
    seasonal_weight: float
    recorded_at: datetime
    log_position: Long


@strawberry.type
class ScenariosQuery:
    @strawberry.field(description="Scenarios by name.", extensions=NEEDS_RESULTS, metadata=PAGED)
    def scenarios(
        self, info: Info, first: First = PAGE, after: After = None, as_of: AsOf = None
    ) -> Connection[Scenario]:
        listing = Listing("scenarios", ("name",), tuple[str], (as_of,))
        request = listing.request(first, after, info.context.position_as_of(as_of))
        page = list_scenarios(info.context.view.pool, info.context.tenant, request)
        return listing.connection(request, page, Scenario.of)

    @strawberry.field(description="One scenario, null where there is none.", extensions=NEEDS_RESULTS)
    async def scenario(self, info: Info, scenario_id: UUID, as_of: AsOf = None) -> Scenario | None:
        return await Scenario.find(info.context, scenario_id, info.context.position_as_of(as_of))
