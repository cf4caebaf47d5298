"""`pg.api_key` and `pg.revoked_actor`, and `access.api_key_use`.

When a key was last used is no event: that table is no read model, and no rebuild touches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from read_models.batch import Cursor, Row

TABLES = """
CREATE TABLE IF NOT EXISTS api_key (
    key_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    actor text NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    secret_sha256 text NOT NULL,
    roles text[] NOT NULL,
    channel text NOT NULL,
    expires_at timestamptz NOT NULL,
    issued_by text NOT NULL,
    issued_at timestamptz NOT NULL,
    revoked_at timestamptz,
    log_position bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS api_key_by_tenant ON api_key (tenant, log_position);
CREATE TABLE IF NOT EXISTS revoked_actor (
    access_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    actor text NOT NULL,
    revoked_at timestamptz NOT NULL,
    log_position bigint NOT NULL
);
"""

USES = """
CREATE SCHEMA IF NOT EXISTS access;
CREATE TABLE IF NOT EXISTS access.api_key_use (key_id uuid PRIMARY KEY, last_used_at timestamptz NOT NULL);
"""


class ApiKeyRow(Row):
    TABLE = "api_key"
    LOOKUP = "key_id"

    key_id: UUID
    tenant: str
    actor: str
    name: str
    prefix: str
    secret_sha256: str
    roles: str
    channel: str
    expires_at: datetime
    issued_by: str
    issued_at: datetime
    revoked_at: datetime | None
    log_position: int


class RevokedActorRow(Row):
    TABLE = "revoked_actor"
    LOOKUP = "access_id"

    access_id: UUID
    tenant: str
    actor: str
    revoked_at: datetime
    log_position: int


def save_uses(cursor: Cursor, last_used_at: Mapping[UUID, datetime]) -> None:
    """Records the last use of each key, unless a later one is on record."""
    cursor.executemany(
        """INSERT INTO access.api_key_use AS held VALUES (%s, %s) ON CONFLICT (key_id) DO UPDATE
           SET last_used_at = greatest(held.last_used_at, excluded.last_used_at)""",
        list(last_used_at.items()),
    )
