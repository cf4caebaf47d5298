"""Built curves; their points come from `queries.curve_points`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, Row, by_id, page, row

NEWEST_FIRST = Order(("log_position",), descending=True)


def list_curves(pool: Pool, tenant: str, hub: str | None = None, request: PageRequest = ALL) -> Page:
    """Curves, newest first."""
    return page(
        pool,
        """SELECT curve_id AS id, hub, scenario, first_month, last_quoted_month, last_month, digest, recorded_at,
                  log_position
           FROM curve WHERE tenant = %(tenant)s AND (%(hub)s::text IS NULL OR hub = %(hub)s)""",
        {"tenant": tenant, "hub": hub},
        NEWEST_FIRST,
        request,
    )


def curve(pool: Pool, tenant: str, curve_id: UUID) -> Row | None:
    return row(
        pool,
        "SELECT curve_id AS id, c.* FROM curve c WHERE tenant = %(tenant)s AND curve_id = %(id)s",
        {"tenant": tenant, "id": curve_id},
    )


def curves_by_id(pool: Pool, tenant: str, curve_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Those of the curves that the tenant has, whole, in one query."""
    return by_id(
        pool,
        "SELECT curve_id AS id, c.* FROM curve c WHERE tenant = %(tenant)s AND curve_id = ANY(%(ids)s)",
        {"tenant": tenant, "ids": list(curve_ids)},
    )
