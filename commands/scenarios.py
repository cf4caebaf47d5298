"""Defining and revising scenarios."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from commands.instruments import Name
from commands.message import Caller, Command, Context, Tools, example
from write_model.base import NotFound
from write_model.scenarios import Assumptions, Scenario, scenario_id


class DefineScenario(Command):
    """Growth is a fraction a year (0.02 for 2 %); the seasonal weight is between 0 (flat) and 1 (the whole season)."""

    model_config = example(name="base", growth_per_year=0.02, seasonal_weight=1.0)

    name: Name
    growth_per_year: Annotated[float, Field(ge=-0.5, le=0.5)]
    seasonal_weight: Annotated[float, Field(ge=0, le=1)] = 1.0

    def assumptions(self) -> Assumptions:
        return Assumptions(growth_per_year=self.growth_per_year, seasonal_weight=self.seasonal_weight)


class ReviseScenario(DefineScenario):
    """Other assumptions for a scenario that is defined already: if it still has the `revision`, where one is given."""

    model_config = example(name="base", growth_per_year=0.03, seasonal_weight=1.0, revision=1)

    revision: Annotated[int, Field(ge=1)] | None = None


def stream_of_scenario(command: DefineScenario, caller: Caller, _: Tools) -> UUID:
    return scenario_id(caller.tenant, command.name)


def handle_define_scenario(command: DefineScenario, scenario: Scenario | None, context: Context) -> Scenario:
    if scenario is None:
        return Scenario.define(context.stream_id, command.name, command.assumptions())
    scenario.define_again(command.assumptions())
    return scenario


def handle_revise_scenario(command: ReviseScenario, scenario: Scenario | None, _: Context) -> Scenario:
    if scenario is None:
        raise NotFound("scenario", command.name, remedy="Define it first with `carbon254 scenarios define`.")
    scenario.revise(command.assumptions(), command.revision)
    return scenario
