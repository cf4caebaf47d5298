"""Scenarios as last revised."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, Row, by_id, page

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


def scenarios_by_id(pool: Pool, tenant: str, scenario_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Those of the scenarios that the tenant has, as last revised, in one query."""
    return by_id(
        pool,
        "SELECT scenario_id AS id, s.* FROM scenario s WHERE tenant = %(tenant)s AND scenario_id = ANY(%(ids)s)",
        {"tenant": tenant, "ids": list(scenario_ids)},
    )
