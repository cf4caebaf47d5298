"""`pg.scenario`: each scenario as last revised."""

from __future__ import annotations

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
