"""`pg.scenario`: each scenario, a row a revision.

A revision holds from its `log_position` until the position `superseded_by`; the newest has none.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from read_models.batch import Batch, Row

TABLES = """
CREATE TABLE IF NOT EXISTS scenario (
    scenario_id uuid NOT NULL,
    tenant text NOT NULL,
    name text NOT NULL,
    revision integer NOT NULL,
    growth_per_year double precision NOT NULL,
    seasonal_weight double precision NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL,
    superseded_by bigint,
    PRIMARY KEY (scenario_id, log_position)
);
CREATE UNIQUE INDEX IF NOT EXISTS scenario_name_once ON scenario (tenant, name) WHERE superseded_by IS NULL;
"""


class ScenarioRow(Row):
    TABLE = "scenario"
    LOOKUP = "scenario_id"
    FOUND = "superseded_by IS NULL"

    scenario_id: UUID
    tenant: str
    name: str
    revision: int
    growth_per_year: float
    seasonal_weight: float
    recorded_at: datetime
    log_position: int
    superseded_by: int | None = None


def add_revision(batch: Batch, scenario_id: UUID, log_position: int, **columns: Any) -> None:
    """A new revision with other `columns`; the one before it stays, superseded. `batch` must hold them."""
    (held,) = (row for row in batch.of(ScenarioRow, scenario_id) if row.superseded_by is None)
    revised = replace(held, revision=held.revision + 1, log_position=log_position, **columns)
    batch.change(held, superseded_by=log_position)
    batch.insert(revised)
