"""Who did what, when, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import pyarrow as pa

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, Row, page, rows

SORTS = {"-position": Order(("position",), descending=True), "position": Order(("position",))}
Sort = Literal["-position", "position"]

AUDIT_SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("actor", pa.string(), nullable=False),
        pa.field("command", pa.string(), nullable=False),
        pa.field("event", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("target_id", pa.string(), nullable=False),
        pa.field("command_id", pa.string(), nullable=False),
        pa.field("correlation_id", pa.string(), nullable=False),
        pa.field("causation_id", pa.string(), nullable=False),
    ]
)
"""The columns of an entry of the audit log."""

COLUMNS = tuple(AUDIT_SCHEMA.names)
_WHOLE = {name: f"coalesce({name}, command_id)" for name in ("correlation_id", "causation_id")}
_SELECTED = ", ".join(f"{_WHOLE[name]} AS {name}" if name in _WHOLE else name for name in COLUMNS)


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


def list_audit(
    pool: Pool,
    tenant: str,
    wanted: AuditFilter | None = None,
    request: PageRequest = ALL,
    *,
    sort: Sort = "-position",
) -> Page:
    """The audit log of a tenant, newest first unless sorted otherwise; recorded times in [since, until)."""
    wanted = wanted or AuditFilter()
    return page(
        pool,
        f"""SELECT {_SELECTED} FROM audit_log
            WHERE tenant = %(tenant)s
              AND (%(actor)s::text IS NULL OR actor = %(actor)s)
              AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
              AND (%(noun)s::text IS NULL OR split_part(event, '.', 1) = %(noun)s)
              AND (%(id)s::uuid IS NULL OR target_id = %(id)s)
              AND (%(correlation_id)s::uuid IS NULL OR {_WHOLE["correlation_id"]} = %(correlation_id)s)
              AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s)
              AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s)
              AND (%(as_of)s::bigint IS NULL OR position <= %(as_of)s)""",  # noqa: S608 - names from this file
        {"tenant": tenant, **asdict(wanted)},
        SORTS[sort],
        request,
    )


def audit_by_position(pool: Pool, tenant: str, positions: Sequence[int]) -> dict[int, Row]:
    """The tenant's entries at these positions, in one query."""
    found = rows(
        pool,
        f"SELECT {_SELECTED} FROM audit_log WHERE tenant = %(tenant)s AND position = ANY(%(positions)s)",  # noqa: S608
        {"tenant": tenant, "positions": list(positions)},
    )
    return {entry["position"]: entry for entry in found}
