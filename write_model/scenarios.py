"""Scenarios: the assumptions beyond what the market quotes, revised in the open."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from write_model.base import Aggregate, Refused, stream_id

NOUN = "scenario"


@dataclass(frozen=True)
class Assumptions:
    """Price growth a year past the last quote, and how much of the learnt season to apply (0 none, 1 all)."""

    growth_per_year: float
    seasonal_weight: float


class Scenario(Aggregate):
    """A named set of assumptions; `revision` counts from 1."""

    NAME = "scenario"

    def __init__(self, name: str, assumptions: Assumptions) -> None:
        self.name = name
        self.assumptions = assumptions
        self.revision = 1

    class Defined(Aggregate.Created):
        TOPIC = "scenario.defined"
        name: str
        assumptions: Assumptions

    class Revised(Aggregate.Event):
        TOPIC = "scenario.revised"
        name: str
        assumptions: Assumptions

        def apply(self, aggregate: Scenario) -> None:
            aggregate.assumptions, aggregate.revision = self.assumptions, aggregate.revision + 1

    class Confirmed(Aggregate.Event):
        """Revised to what it was already. On record, so that the command, should it come again, is known."""

        TOPIC = "scenario.confirmed"

    @classmethod
    def define(cls, scenario_id: UUID, name: str, assumptions: Assumptions) -> Scenario:
        return cls._create(cls.Defined, id=scenario_id, name=name, assumptions=assumptions)

    def define_again(self, assumptions: Assumptions) -> None:
        """The same assumptions change nothing; others are a revision, which is a command of its own."""
        if assumptions != self.assumptions:
            raise Refused(
                f"the scenario {self.name} is defined already, with other assumptions",
                remedy="Revise it with `carbon254 scenarios revise`, or give the new one another name.",
            )

    def revise(self, assumptions: Assumptions, revision: int | None = None) -> None:
        """Where the `revision` is given that somebody looked at before, no other may have come between."""
        if revision is not None and revision != self.revision:
            raise Refused(
                f"the scenario {self.name} is at revision {self.revision} by now, not {revision}",
                remedy="Look at it again, and revise what it is now.",
                status=412,
            )
        if assumptions == self.assumptions:
            self.trigger_event(self.Confirmed)
        else:
            self.trigger_event(self.Revised, name=self.name, assumptions=assumptions)


def scenario_id(tenant: str, name: str) -> UUID:
    """A scenario is found by its name."""
    return stream_id(tenant, NOUN, name)
