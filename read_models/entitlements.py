"""`pg.entitlement_product`: what each tenant is entitled to, a row an ISO and channel, as last granted or revoked.

It is what people look at. Who may read what is decided from the events themselves, never from here.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from read_models.batch import Row

TABLES = """
CREATE TABLE IF NOT EXISTS entitlement_product (
    entitlements_id uuid NOT NULL,
    tenant text NOT NULL,
    iso text NOT NULL,
    channel text NOT NULL,
    valid_from timestamptz,
    valid_until timestamptz,
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL,
    revoked_at timestamptz,
    log_position bigint NOT NULL,
    PRIMARY KEY (entitlements_id, iso, channel)
);
"""


class EntitlementRow(Row):
    """`entitlements_id` names the tenant's stream; `log_position` is that of the last event about the row."""

    TABLE = "entitlement_product"
    LOOKUP = "entitlements_id"

    entitlements_id: UUID
    tenant: str
    iso: str
    channel: str
    valid_from: datetime | None
    valid_until: datetime | None
    granted_by: str
    granted_at: datetime
    revoked_at: datetime | None
    log_position: int
