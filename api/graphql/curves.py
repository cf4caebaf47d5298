"""Built curves with their points."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from api.graphql.access import NEEDS_RESULTS
from api.graphql.connections import PAGE, PAGED, After, AsOf, Connection, First, Listing
from api.graphql.context import Info
from api.graphql.limits import column_cost
from api.graphql.nodes import Noun
from api.graphql.scalars import BooleanColumn, DateColumn, FloatColumn, Long, column
from queries.curves import list_curves

_MONTHS = 12 * 30  # more than any curve has: they end in December 2050


@strawberry.type(description="The monthly prices of a curve, as columns of one length.")
class CurvePoints:
    table: strawberry.Private[Any]

    @strawberry.field
    def row_count(self) -> int:
        return int(self.table.num_rows)

    @strawberry.field(description="The first day of each delivery month.")
    def delivery_month(self) -> DateColumn:
        return DateColumn(column(self.table["delivery_month"]))

    @strawberry.field
    def price_usd_per_mwh(self) -> FloatColumn:
        return FloatColumn(column(self.table["price_usd_per_mwh"]))

    @strawberry.field(description="Whether the month lies beyond the last quote.")
    def is_extrapolated(self) -> BooleanColumn:
        return BooleanColumn(column(self.table["is_extrapolated"]))


@strawberry.type(description="A monthly forward curve of one hub under one scenario; built once, never changed.")
class Curve(Noun):
    KEY = "curve_id"
    LOADER = "curve"

    curve_id: UUID
    hub: str
    scenario: str
    first_month: date
    last_quoted_month: date
    last_month: date
    digest: str
    recorded_at: datetime
    log_position: Long

    @strawberry.field(description="Its prices.", metadata={"rows": lambda _: column_cost(_MONTHS)})
    async def points(self, info: Info) -> CurvePoints:
        return CurvePoints(table=await info.context.load(self.as_of).points.load(self.curve_id))

    @strawberry.field(description="How well it meets the quotes, and what was needed for that.")
    async def report(self, info: Info) -> JSON:
        return JSON(await self._detail(info, "report"))

    @strawberry.field(description="What it was built with.")
    async def parameters(self, info: Info) -> JSON:
        return JSON(await self._detail(info, "parameters"))

    @strawberry.field(description="The version of the code that built it.")
    async def code_version(self, info: Info) -> str:
        return str(await self._detail(info, "code_version"))

    async def _detail(self, info: Info, name: str) -> Any:
        row = await info.context.load(self.as_of).curve.load(self.curve_id)
        assert row is not None
        return row[name]


@strawberry.type
class CurvesQuery:
    @strawberry.field(description="Curves, newest first.", extensions=NEEDS_RESULTS, metadata=PAGED)
    def curves(
        self, info: Info, hub: str | None = None, first: First = PAGE, after: After = None, as_of: AsOf = None
    ) -> Connection[Curve]:
        listing = Listing("curves", ("log_position",), tuple[int], (hub, as_of))
        request = listing.request(first, after, info.context.position_as_of(as_of))
        page = list_curves(info.context.view.pool, info.context.tenant, hub, request)
        return listing.connection(request, page, Curve.of)

    @strawberry.field(description="One curve, null where there is none.", extensions=NEEDS_RESULTS)
    async def curve(self, info: Info, curve_id: UUID, as_of: AsOf = None) -> Curve | None:
        return await Curve.find(info.context, curve_id, info.context.position_as_of(as_of))
