"""`pg.audit_log`: who did what, when, and what came of it; one row an event.

Where the command itself is what an event belongs to, as it mostly is, or what caused it, `correlation_id` or
`causation_id` is null: of a row here, most of PostgreSQL's time goes into reading UUIDs, and every event has one.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from read_models.batch import Row

TABLES = """
CREATE TABLE IF NOT EXISTS audit_log (
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    tenant text NOT NULL,
    actor text NOT NULL,
    command text NOT NULL,
    event text NOT NULL,
    outcome text NOT NULL,
    reason text,
    target_id uuid NOT NULL,
    command_id uuid NOT NULL,
    correlation_id uuid,
    causation_id uuid
);
CREATE UNIQUE INDEX IF NOT EXISTS audit_by_position ON audit_log (position);
CREATE INDEX IF NOT EXISTS audit_by_target ON audit_log (target_id, position);
"""


class AuditEntry(Row):
    TABLE = "audit_log"

    position: int
    recorded_at: datetime
    tenant: str
    actor: str
    command: str
    event: str
    outcome: str
    reason: str | None
    target_id: UUID
    command_id: UUID
    correlation_id: UUID | None
    causation_id: UUID | None
