"""Scenarios as last revised."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, page

BY_NAME = Order(("name",))


def list_scenarios(pool: Pool, tenant: str, request: PageRequest = ALL) -> Page:
    """Scenarios by name."""
    return page(
        pool,
        """SELECT scenario_id AS id, name, revision, growth_per_year, seasonal_weight, recorded_at, log_position
           FROM scenario WHERE tenant = %(tenant)s""",
        {"tenant": tenant},
        BY_NAME,
        request,
    )
