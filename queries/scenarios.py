"""Scenarios as last revised."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import Row, rows


def list_scenarios(pool: Pool, tenant: str) -> list[Row]:
    return rows(
        pool,
        """SELECT scenario_id AS id, name, revision, growth_per_year, seasonal_weight, recorded_at, log_position
           FROM pg.scenario WHERE tenant = %(tenant)s ORDER BY name""",
        {"tenant": tenant},
    )
