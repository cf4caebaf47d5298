"""Who did what, when, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, Row, page, rows

NEWEST_FIRST = Order(("position",), descending=True)

COLUMNS = (
    "position", "recorded_at", "actor", "command", "event", "outcome", "reason", "target_id", "command_id",
    "correlation_id", "causation_id",
)  # fmt: skip


@dataclass(frozen=True)
class AuditFilter:
    """Which entries: each field that is set must agree. `noun` is the event's first part, `id` what it is about."""

    actor: str | None = None
    outcome: str | None = None
    noun: str | None = None
    id: UUID | None = None
    correlation_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_audit(pool: Pool, tenant: str, wanted: AuditFilter | None = None, request: PageRequest = ALL) -> Page:
    """The audit log of a tenant, newest first; recorded times in [since, until)."""
    wanted = wanted or AuditFilter()
    return page(
        pool,
        f"""SELECT {", ".join(COLUMNS)} FROM audit_log
            WHERE tenant = %(tenant)s
              AND (%(actor)s::text IS NULL OR actor = %(actor)s)
              AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
              AND (%(noun)s::text IS NULL OR split_part(event, '.', 1) = %(noun)s)
              AND (%(id)s::uuid IS NULL OR target_id = %(id)s)
              AND (%(correlation_id)s::uuid IS NULL OR correlation_id = %(correlation_id)s)
              AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s)
              AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s)""",  # noqa: S608 - names from this file
        {"tenant": tenant, **asdict(wanted)},
        NEWEST_FIRST,
        request,
    )


def audit_by_position(pool: Pool, tenant: str, positions: Sequence[int]) -> dict[int, Row]:
    """The tenant's entries at these positions, in one query."""
    found = rows(
        pool,
        f"SELECT {', '.join(COLUMNS)} FROM audit_log WHERE tenant = %(tenant)s AND position = ANY(%(positions)s)",  # noqa: S608
        {"tenant": tenant, "positions": list(positions)},
    )
    return {entry["position"]: entry for entry in found}
