"""What each tenant is entitled to."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, page

# A grant has a row for each of its channels, all of one position.
_KEY = ("tenant", "iso", "channel")
SORTS = {
    "tenant": Order(_KEY),
    "-tenant": Order(_KEY, descending=True),
    "log_position": Order(("log_position", *_KEY)),
    "-log_position": Order(("log_position", *_KEY), descending=True),
}
Sort = Literal["tenant", "-tenant", "log_position", "-log_position"]

ENTITLEMENT_SCHEMA = pa.schema(
    [
        pa.field("tenant", pa.string(), nullable=False),
        pa.field("iso", pa.string(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("valid_from", pa.timestamp("us", "UTC")),
        pa.field("valid_until", pa.timestamp("us", "UTC")),
        pa.field("granted_by", pa.string(), nullable=False),
        pa.field("granted_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("log_position", pa.int64(), nullable=False),
    ]
)
"""The columns of a listed entitlement, which is valid in [valid_from, valid_until); null is open."""


def list_entitlements(
    pool: Pool,
    tenant: str | None = None,
    request: PageRequest = ALL,
    *,
    iso: str | None = None,
    sort: Sort = "tenant",
) -> Page:
    """What is granted now, to one tenant and for one ISO where they are named; by tenant, ISO and channel."""
    return page(
        pool,
        """SELECT tenant, iso, channel, valid_from, valid_until, granted_by, granted_at, log_position
           FROM entitlement_product
           WHERE revoked_at IS NULL
             AND (%(tenant)s::text IS NULL OR tenant = %(tenant)s)
             AND (%(iso)s::text IS NULL OR iso = %(iso)s)""",
        {"tenant": tenant, "iso": iso},
        SORTS[sort],
        request,
    )
