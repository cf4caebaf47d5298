"""Registered hubs."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, page

BY_NAME = Order(("name",))


def list_instruments(pool: Pool, tenant: str, request: PageRequest = ALL) -> Page:
    """Hubs by name."""
    return page(
        pool,
        """SELECT instrument_id AS id, name, iso, node, node_type, market, time_zone, recorded_at, log_position
           FROM instrument WHERE tenant = %(tenant)s""",
        {"tenant": tenant},
        BY_NAME,
        request,
    )
