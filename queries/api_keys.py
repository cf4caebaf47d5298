"""API keys: whose they are, what they may, whether they still count and when they were last used. Never their hash."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, page

NEWEST_FIRST = Order(("log_position",), descending=True)

_KEYS = """
    SELECT key_id AS id, 'c254_' || prefix AS prefix, name, k.actor, roles, channel, issued_by, issued_at, expires_at,
           coalesce(k.revoked_at, a.revoked_at) AS revoked_at, last_used_at, k.log_position,
           CASE WHEN coalesce(k.revoked_at, a.revoked_at) IS NOT NULL THEN 'revoked'
                WHEN expires_at <= now() THEN 'expired' ELSE 'active' END AS status
    FROM api_key k
    LEFT JOIN revoked_actor a ON a.tenant = k.tenant AND a.actor = k.actor AND a.log_position > k.log_position
    LEFT JOIN access.api_key_use USING (key_id)
    WHERE k.tenant = %(tenant)s AND (%(actor)s::text IS NULL OR k.actor = %(actor)s)
      AND starts_with('c254_' || prefix, %(prefix)s)
"""


def list_api_keys(
    pool: Pool, tenant: str, *, actor: str | None = None, prefix: str = "", request: PageRequest = ALL
) -> Page:
    """A tenant's keys, newest first: of one actor, and with a prefix, where given."""
    return page(pool, _KEYS, {"tenant": tenant, "actor": actor, "prefix": prefix}, NEWEST_FIRST, request)
