"""API keys: whose they are, what they may, whether they still count and when they were last used. Never their hash."""

from __future__ import annotations

import pyarrow as pa

from infra.event_recorder import Pool
from queries.relational import ALL, RECORDED_ORDERS, Page, PageRequest, RecordedSort, page

API_KEY_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("prefix", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("actor", pa.string(), nullable=False),
        pa.field("roles", pa.json_(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("issued_by", pa.string(), nullable=False),
        pa.field("issued_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("expires_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("revoked_at", pa.timestamp("us", "UTC")),
        pa.field("last_used_at", pa.timestamp("us", "UTC")),
        pa.field("log_position", pa.int64(), nullable=False),
    ]
)
"""The columns of a listed key; `status` is active, expired or revoked at the moment of asking."""

_KEYS = """
    SELECT key_id AS id, 'c254_' || prefix AS prefix, name, k.actor, roles, channel,
           CASE WHEN coalesce(k.revoked_at, a.revoked_at) IS NOT NULL THEN 'revoked'
                WHEN expires_at <= now() THEN 'expired' ELSE 'active' END AS status,
           issued_by, issued_at, expires_at, coalesce(k.revoked_at, a.revoked_at) AS revoked_at, last_used_at,
           k.log_position
    FROM api_key k
    LEFT JOIN revoked_actor a ON a.tenant = k.tenant AND a.actor = k.actor AND a.log_position > k.log_position
    LEFT JOIN access.api_key_use USING (key_id)
    WHERE k.tenant = %(tenant)s AND (%(actor)s::text IS NULL OR k.actor = %(actor)s)
      AND starts_with('c254_' || prefix, %(prefix)s)
      AND (%(as_of)s::bigint IS NULL OR k.log_position <= %(as_of)s)
"""


def list_api_keys(
    pool: Pool,
    tenant: str,
    request: PageRequest = ALL,
    *,
    actor: str | None = None,
    prefix: str = "",
    sort: RecordedSort = "-log_position",
) -> Page:
    """A tenant's keys, newest first unless sorted otherwise: of one actor, and with a prefix, where given.

    `as_of` leaves out keys that were issued later; what became of the others is what it is now.
    """
    return page(pool, _KEYS, {"tenant": tenant, "actor": actor, "prefix": prefix}, RECORDED_ORDERS[sort], request)
