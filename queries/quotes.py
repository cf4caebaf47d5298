"""Forward quotes: the newest of each product, or all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import pyarrow as pa

from infra.event_recorder import Pool
from queries.relational import ALL, KNOWN, Order, Page, PageRequest, page, rows

# A sheet has one quote a hub, product, source and time.
_KEY = ("quoted_at", "log_position", "hub", "product", "source")
SORTS = {"-quoted_at": Order(_KEY, descending=True), "quoted_at": Order(_KEY)}
Sort = Literal["-quoted_at", "quoted_at"]

QUOTE_SCHEMA = pa.schema(
    [
        pa.field("hub", pa.string(), nullable=False),
        pa.field("product", pa.string(), nullable=False),
        pa.field("price_usd_per_mwh", pa.float64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("quoted_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("sheet_id", pa.string(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("log_position", pa.int64(), nullable=False),
    ]
)
"""The columns of a listed quote."""

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


def list_quotes(
    pool: Pool,
    tenant: str,
    hub: str | None = None,
    request: PageRequest = ALL,
    *,
    product: str | None = None,
    source: str | None = None,
    sheet_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    sort: Sort = "-quoted_at",
) -> Page:
    """Quotes, newest first unless sorted otherwise; those quoted in [since, until)."""
    return page(
        pool,
        f"""SELECT hub, product, price_usd_per_mwh, source, quoted_at, sheet_id, recorded_at, log_position FROM quote
            WHERE tenant = %(tenant)s
              AND (%(hub)s::text IS NULL OR hub = %(hub)s)
              AND (%(product)s::text IS NULL OR product = %(product)s)
              AND (%(source)s::text IS NULL OR source = %(source)s)
              AND (%(sheet_id)s::uuid IS NULL OR sheet_id = %(sheet_id)s)
              AND (%(since)s::timestamptz IS NULL OR quoted_at >= %(since)s)
              AND (%(until)s::timestamptz IS NULL OR quoted_at < %(until)s)
              AND {KNOWN}""",  # noqa: S608 - names from this file
        {
            "tenant": tenant, "hub": hub, "product": product, "source": source, "sheet_id": sheet_id, "since": since,
            "until": until,
        },
        SORTS[sort],
        request,
    )  # fmt: skip
