"""Forward quotes: the newest of each product, or all of them."""

from __future__ import annotations

import pyarrow as pa

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, page, rows

# A sheet has one quote a hub, product, source and time.
NEWEST_FIRST = Order(("quoted_at", "log_position", "hub", "product", "source"), descending=True)

_NEWEST = """
SELECT DISTINCT ON (product) hub, product, price_usd_per_mwh, source, quoted_at, sheet_id, log_position
FROM quote
WHERE tenant = %(tenant)s AND hub = %(hub)s AND log_position <= %(through)s
ORDER BY product, quoted_at DESC, log_position DESC
"""

NEWEST_QUOTES_SCHEMA = pa.schema(
    [
        ("hub", pa.string()),
        ("product", pa.string()),
        ("price_usd_per_mwh", pa.float64()),
        ("source", pa.string()),
        ("quoted_at", pa.timestamp("us", "UTC")),
        ("sheet_id", pa.string()),
        ("log_position", pa.int64()),
    ]
)


def newest_quotes(pool: Pool, *, tenant: str, hub: str, through_position: int) -> pa.Table:
    """The newest quote of each product of a hub, among those recorded up to a position; sorted by product."""
    found = rows(pool, _NEWEST, {"tenant": tenant, "hub": hub, "through": through_position})
    for quote in found:
        quote["sheet_id"] = str(quote["sheet_id"])
    return pa.Table.from_pylist(found, schema=NEWEST_QUOTES_SCHEMA)


def list_quotes(pool: Pool, tenant: str, hub: str | None = None, request: PageRequest = ALL) -> Page:
    """All quotes, newest first."""
    return page(
        pool,
        """SELECT hub, product, price_usd_per_mwh, source, quoted_at, sheet_id, recorded_at, log_position FROM quote
           WHERE tenant = %(tenant)s AND (%(hub)s::text IS NULL OR hub = %(hub)s)""",
        {"tenant": tenant, "hub": hub},
        NEWEST_FIRST,
        request,
    )
