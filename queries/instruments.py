"""Registered hubs."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import Row, rows


def list_instruments(pool: Pool, tenant: str) -> list[Row]:
    return rows(
        pool,
        """SELECT instrument_id AS id, name, iso, node, node_type, market, time_zone, recorded_at, log_position
           FROM pg.instrument WHERE tenant = %(tenant)s ORDER BY name""",
        {"tenant": tenant},
    )
