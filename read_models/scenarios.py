"""`pg.scenario`: each scenario as last revised."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from read_models.batch import Row

TABLES = """
CREATE TABLE IF NOT EXISTS scenario (
    scenario_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    name text NOT NULL,
    revision integer NOT NULL,
    growth_per_year double precision NOT NULL,
    seasonal_weight double precision NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL,
    UNIQUE (tenant, name)
);
"""


class ScenarioRow(Row):
    TABLE = "scenario"
    LOOKUP = "scenario_id"

    scenario_id: UUID
    tenant: str
    name: str
    revision: int
    growth_per_year: float
    seasonal_weight: float
    recorded_at: datetime
    log_position: int
