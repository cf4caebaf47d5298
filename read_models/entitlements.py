"""`pg.entitlement_product`: what each tenant is entitled to, a row an ISO and channel, as last granted.

It is what people look at. Who may read what is decided from the events themselves, never from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from read_models.relational import Cursor, insert

TABLES = """
CREATE TABLE IF NOT EXISTS entitlement_product (
    tenant text NOT NULL,
    iso text NOT NULL,
    channel text NOT NULL,
    valid_from timestamptz,
    valid_until timestamptz,
    granted_by text NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL,
    PRIMARY KEY (tenant, iso, channel)
);
"""


def put_grant(cursor: Cursor, row: Mapping[str, Any]) -> None:
    """Adds a grant in place of the one that its channel had."""
    remove_grants(cursor, row["tenant"], row["iso"], [row["channel"]])
    insert(cursor, "entitlement_product", dict(row))


def remove_grants(cursor: Cursor, tenant: str, iso: str, channels: Sequence[str]) -> None:
    cursor.execute(
        "DELETE FROM entitlement_product WHERE tenant = %s AND iso = %s AND channel = ANY(%s)",
        (tenant, iso, list(channels)),
    )
