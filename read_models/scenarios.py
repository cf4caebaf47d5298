"""`pg.scenario`: each scenario, a row a revision.

A revision holds from its `log_position` until the position `superseded_by`; the newest has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from read_models.relational import Cursor

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
CREATE UNIQUE INDEX IF NOT EXISTS scenario_by_name ON scenario (tenant, name) WHERE superseded_by IS NULL;
"""


def add_revision(cursor: Cursor, scenario_id: UUID, log_position: int, row: Mapping[str, Any]) -> None:
    """Adds a revision of a known scenario with the columns of `row`; the one before it stays, superseded."""
    cursor.execute(
        "UPDATE scenario SET superseded_by = %s WHERE scenario_id = %s AND superseded_by IS NULL",
        (log_position, scenario_id),
    )
    cursor.execute(
        """INSERT INTO scenario (scenario_id, tenant, name, revision, growth_per_year, seasonal_weight, recorded_at,
                                 log_position)
           SELECT scenario_id, tenant, name, revision + 1, %(growth_per_year)s, %(seasonal_weight)s, %(recorded_at)s,
                  %(log_position)s
           FROM scenario WHERE scenario_id = %(scenario_id)s AND superseded_by = %(log_position)s""",
        {**row, "scenario_id": scenario_id, "log_position": log_position},
    )
