"""Registered hubs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from api.graphql.access import NEEDS_RESULTS
from api.graphql.connections import PAGE, PAGED, After, AsOf, Connection, First, Listing
from api.graphql.context import Info
from api.graphql.nodes import Noun
from api.graphql.scalars import Long
from queries.instruments import list_instruments


@strawberry.type(description="A hub: the place and market that quotes and contracts of its name are about.")
class Instrument(Noun):
    KEY = "instrument_id"
    LOADER = "instrument"

    instrument_id: UUID
    name: str
    iso: str
    node: str
    node_type: str
    market: str
    time_zone: str
    recorded_at: datetime
    log_position: Long


@strawberry.type
class InstrumentsQuery:
    @strawberry.field(description="Hubs by name.", extensions=NEEDS_RESULTS, metadata=PAGED)
    def instruments(
        self, info: Info, first: First = PAGE, after: After = None, as_of: AsOf = None
    ) -> Connection[Instrument]:
        listing = Listing("instruments", ("name",), tuple[str], (as_of,))
        request = listing.request(first, after, info.context.position_as_of(as_of))
        page = list_instruments(info.context.view.pool, info.context.tenant, request)
        return listing.connection(request, page, Instrument.of)

    @strawberry.field(description="One hub, null where there is none.", extensions=NEEDS_RESULTS)
    async def instrument(self, info: Info, instrument_id: UUID, as_of: AsOf = None) -> Instrument | None:
        return await Instrument.find(info.context, instrument_id, info.context.position_as_of(as_of))
