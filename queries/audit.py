"""Who did what, when, and what came of it."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import Row, rows

COLUMNS = (
    "position", "recorded_at", "actor", "command", "event", "outcome", "reason", "target_id", "command_id",
    "correlation_id", "causation_id",
)  # fmt: skip


def list_audit(pool: Pool, tenant: str, *, outcome: str | None = None, limit: int | None = None) -> list[Row]:
    """The audit log of a tenant, newest first."""
    return rows(
        pool,
        f"""SELECT {", ".join(COLUMNS)} FROM pg.audit_log
            WHERE tenant = %(tenant)s AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
            ORDER BY position DESC LIMIT %(limit)s""",  # noqa: S608 - names from this file
        {"tenant": tenant, "outcome": outcome, "limit": limit},
    )
