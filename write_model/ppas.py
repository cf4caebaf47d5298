"""Power purchase agreements: the contract, and each valuation of it as a result of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from write_model.base import Aggregate, Refused, stream_id
from write_model.results import Computation, ComputedResult

NOUN = "ppa"


@dataclass(frozen=True)
class Terms:
    """A fixed-price contract for delivered energy.

    `side` buy pays the fixed price and receives the market's; `power_mw` holds one value (a constant) or an hourly
    profile; delivery runs from the first day of `first_month` to the last of `last_month`. Upfront cost is what the
    holder pays at signing.
    """

    hub: str
    side: Literal["buy", "sell"]
    power_mw: tuple[float, ...]
    fixed_price_usd_per_mwh: float
    first_month: date
    last_month: date
    discount_rate_per_year: float
    upfront_cost_usd: float


class PpaContract(Aggregate):
    """A registered contract; its terms never change."""

    NAME = "ppa"

    def __init__(self, name: str, terms: Terms) -> None:
        self.name = name
        self.terms = terms

    class Registered(Aggregate.Created):
        TOPIC = "ppa.registered"
        name: str
        terms: Terms

    @classmethod
    def register(cls, ppa_id: UUID, name: str, terms: Terms) -> PpaContract:
        return cls._create(cls.Registered, id=ppa_id, name=name, terms=terms)

    def register_again(self, terms: Terms) -> None:
        """The same terms change nothing; other terms are another contract."""
        if terms != self.terms:
            raise Refused(
                f"the contract {self.name} is registered already, with other terms",
                remedy="Give the new contract a name of its own.",
            )


class PpaValuation(ComputedResult):
    """What a contract was worth against one curve, under recorded parameters and seed."""

    NAME = "ppa_valuation"

    def __init__(self, ppa_id: UUID, curve_id: UUID, computation: Computation) -> None:
        super().__init__(computation)
        self.ppa_id = ppa_id
        self.curve_id = curve_id

    class Priced(Aggregate.Created):
        """`figures` are the valuation's headline numbers; the whole of it is the artifact."""

        TOPIC = "ppa.priced"
        ppa_id: UUID
        curve_id: UUID
        computation: Computation
        figures: dict[str, Any]

    class Recomputed(ComputedResult.Recomputed):
        TOPIC = "ppa.valuation_recomputed"

    @classmethod
    def price(
        cls, valuation_id: UUID, *, ppa_id: UUID, curve_id: UUID, computation: Computation, figures: dict[str, Any]
    ) -> PpaValuation:
        return cls._create(
            cls.Priced, id=valuation_id, ppa_id=ppa_id, curve_id=curve_id, computation=computation, figures=figures
        )


def ppa_id(tenant: str, name: str) -> UUID:
    """A contract is found by its name."""
    return stream_id(tenant, NOUN, name)
