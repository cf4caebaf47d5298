"""Registered hubs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, Row, by_id, page

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


def instruments_by_id(pool: Pool, tenant: str, instrument_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Those of the hubs that the tenant has, in one query."""
    return by_id(
        pool,
        "SELECT instrument_id AS id, i.* FROM instrument i WHERE tenant = %(tenant)s AND instrument_id = ANY(%(ids)s)",
        {"tenant": tenant, "ids": list(instrument_ids)},
    )
