"""What each tenant is entitled to."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, page

BY_TENANT = Order(("tenant", "iso", "channel"))


def list_entitlements(pool: Pool, tenant: str | None = None, request: PageRequest = ALL) -> Page:
    """What is granted to one tenant, or to all where none is named; by tenant, ISO and channel."""
    return page(
        pool,
        """SELECT tenant, iso, channel, valid_from, valid_until, granted_by, granted_at, log_position
           FROM entitlement_product
           WHERE revoked_at IS NULL AND (%(tenant)s::text IS NULL OR tenant = %(tenant)s)""",
        {"tenant": tenant},
        BY_TENANT,
        request,
    )
