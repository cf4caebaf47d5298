"""Scenarios: a row a revision."""

from __future__ import annotations

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import scenarios as table
from read_models.relational import Cursor, insert
from write_model.scenarios import Scenario


def _defined(cursor: Cursor, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Scenario.Defined)
    row = {
        "scenario_id": recorded.stream_id,
        "tenant": recorded.metadata.tenant,
        "name": recorded.event.name,
        "revision": 1,
        "growth_per_year": recorded.event.assumptions.growth_per_year,
        "seasonal_weight": recorded.event.assumptions.seasonal_weight,
        "recorded_at": recorded.metadata.recorded_at,
        "log_position": recorded.position,
    }
    insert(cursor, "scenario", row)


def _revised(cursor: Cursor, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Scenario.Revised)
    row = {
        "growth_per_year": recorded.event.assumptions.growth_per_year,
        "seasonal_weight": recorded.event.assumptions.seasonal_weight,
        "recorded_at": recorded.metadata.recorded_at,
    }
    table.add_revision(cursor, recorded.stream_id, recorded.position, row)


PROJECTION = RelationalProjection(
    name="scenarios",
    version=2,
    tables=table.TABLES,
    handlers={Scenario.Defined: _defined, Scenario.Revised: _revised},
)
