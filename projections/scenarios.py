"""Scenarios: a row a revision."""

from __future__ import annotations

from collections.abc import Iterator

from infra.event_mapper import RecordedEvent
from projections.changing import tenant_parts
from projections.relational import RelationalProjection
from read_models import scenarios as table
from read_models.batch import Batch, Wanted
from write_model.scenarios import Scenario


def _defined(batch: Batch, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Scenario.Defined)
    batch.insert(
        table.ScenarioRow(
            scenario_id=recorded.stream_id,
            tenant=recorded.metadata.tenant,
            name=recorded.event.name,
            revision=1,
            growth_per_year=recorded.event.assumptions.growth_per_year,
            seasonal_weight=recorded.event.assumptions.seasonal_weight,
            recorded_at=recorded.metadata.recorded_at,
            log_position=recorded.position,
        )
    )


def _own_rows(recorded: RecordedEvent) -> Iterator[Wanted]:
    yield table.ScenarioRow, recorded.stream_id


def _revised(batch: Batch, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Scenario.Revised)
    table.add_revision(
        batch,
        recorded.stream_id,
        recorded.position,
        growth_per_year=recorded.event.assumptions.growth_per_year,
        seasonal_weight=recorded.event.assumptions.seasonal_weight,
        recorded_at=recorded.metadata.recorded_at,
    )


PROJECTION = RelationalProjection(
    name="scenarios",
    version=2,
    tables=table.TABLES,
    handlers={Scenario.Defined: _defined, Scenario.Revised: _revised},
    finds={Scenario.Revised: _own_rows},
    parts=tenant_parts,
)
