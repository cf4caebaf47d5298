"""Contracts with their valuations."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from api.graphql.access import NEEDS_RESULTS
from api.graphql.connections import PAGE, PAGED, After, AsOf, Connection, First, Listing, cut
from api.graphql.context import Info
from api.graphql.curves import Curve
from api.graphql.loaders import ValuationsKey
from api.graphql.nodes import Noun
from api.graphql.scalars import FloatColumn, Long
from queries.ppas import list_ppas
from queries.relational import Row

VALUATIONS_PAGE = 10


@strawberry.type(description="What was agreed. Rates are fractions (0.07 for 7 %).")
class PpaTerms:
    power_mw: FloatColumn = strawberry.field(description="One value, or an hourly profile.")
    fixed_price_usd_per_mwh: float
    first_month: date
    last_month: date
    discount_rate_per_year: float
    upfront_cost_usd: float


@strawberry.type(description="What a contract was worth against one curve.")
class PpaValuation(Noun):
    KEY = "valuation_id"
    LOADER = "valuation"

    valuation_id: UUID
    ppa_id: UUID
    curve_id: UUID
    figures: JSON = strawberry.field(description="All headline figures, named with their units.")
    parameters: JSON
    digest: str
    code_version: str
    recorded_at: datetime
    log_position: Long

    @strawberry.field(description="Net present value: the mean of the simulated paths.")
    def npv_mean_usd(self) -> float:
        return float(self._figure("npv_mean_usd"))

    @strawberry.field(description="The standard error of that mean.")
    def npv_standard_error_usd(self) -> float:
        return float(self._figure("npv_standard_error_usd"))

    @strawberry.field(description="The fixed price at which the contract would be worth nothing.")
    def break_even_price_usd_per_mwh(self) -> float:
        return float(self._figure("break_even_price_usd_per_mwh"))

    def _figure(self, name: str) -> Any:
        return self.figures[name]  # type: ignore[index]

    @strawberry.field(description="The contract.", metadata={"rows": lambda _: 1})
    async def ppa(self, info: Info) -> Ppa | None:
        return await Ppa.find(info.context, self.ppa_id, self.as_of)

    @strawberry.field(description="The curve that it was priced on.", metadata={"rows": lambda _: 1})
    async def curve(self, info: Info) -> Curve | None:
        return await Curve.find(info.context, self.curve_id, self.as_of)


@strawberry.type(description="A power purchase agreement: a fixed price for energy delivered at a hub.")
class Ppa(Noun):
    KEY = "ppa_id"
    LOADER = "ppa"

    ppa_id: UUID
    name: str
    hub: str
    side: str = strawberry.field(description="`buy` pays the fixed price, `sell` receives it.")
    terms: PpaTerms
    recorded_at: datetime
    log_position: Long

    @classmethod
    def of(cls, row: Row, as_of: int | None = None) -> Self:
        terms = row["terms"]
        agreed = PpaTerms(
            power_mw=FloatColumn(terms["power_mw"]),
            fixed_price_usd_per_mwh=terms["fixed_price_usd_per_mwh"],
            first_month=date.fromisoformat(terms["first_month"]),
            last_month=date.fromisoformat(terms["last_month"]),
            discount_rate_per_year=terms["discount_rate_per_year"],
            upfront_cost_usd=terms["upfront_cost_usd"],
        )
        return super().of(row | {"terms": agreed}, as_of)

    @strawberry.field(description="What it was worth, newest first.", metadata=PAGED)
    async def valuations(
        self, info: Info, first: First = VALUATIONS_PAGE, after: After = None
    ) -> Connection[PpaValuation]:
        listing = Listing("valuations", ("log_position",), tuple[int], (self.ppa_id,))
        request = listing.request(first, after, self.as_of)
        before = request.after[0] if request.after else None
        found = await info.context.load(self.as_of).valuations.load(ValuationsKey(self.ppa_id, first + 1, before))
        return listing.connection(request, cut(found or [], first), PpaValuation.of)


@strawberry.type
class PpasQuery:
    @strawberry.field(description="Contracts by name.", extensions=NEEDS_RESULTS, metadata=PAGED)
    def ppas(self, info: Info, first: First = PAGE, after: After = None, as_of: AsOf = None) -> Connection[Ppa]:
        listing = Listing("ppas", ("name",), tuple[str], (as_of,))
        request = listing.request(first, after, info.context.position_as_of(as_of))
        page = list_ppas(info.context.view.pool, info.context.tenant, request)
        return listing.connection(request, page, Ppa.of)

    @strawberry.field(description="One contract, null where there is none.", extensions=NEEDS_RESULTS)
    async def ppa(self, info: Info, ppa_id: UUID, as_of: AsOf = None) -> Ppa | None:
        return await Ppa.find(info.context, ppa_id, info.context.position_as_of(as_of))

    @strawberry.field(description="One valuation, null where there is none.", extensions=NEEDS_RESULTS)
    async def ppa_valuation(self, info: Info, valuation_id: UUID, as_of: AsOf = None) -> PpaValuation | None:
        return await PpaValuation.find(info.context, valuation_id, info.context.position_as_of(as_of))
