"""Who did what, when, and what came of it."""

from __future__ import annotations

from dataclasses import astuple
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from api.graphql.access import NEEDS_AUDIT
from api.graphql.connections import PAGE, PAGED, After, AsOf, Connection, First, Listing
from api.graphql.context import Info
from api.graphql.nodes import Noun
from api.graphql.scalars import Long
from api.rest.dependencies import moment
from commands.permissions import Permission
from queries.audit import AuditFilter, list_audit


@strawberry.type(description="One event of the log, or one refusal.")
class AuditEntry(Noun):
    KEY = "position"
    LOADER = "audit_entry"
    NEEDS = Permission.READ_AUDIT

    position: Long
    recorded_at: datetime
    actor: str
    command: str
    event: str
    outcome: str
    reason: str | None
    target_id: UUID
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID

    @classmethod
    def key_of(cls, text: str) -> Any:
        position = int(text)
        if not 0 <= position < 2**63:
            raise ValueError(text)
        return position


@strawberry.input(description="Which entries: each field that is given must agree.")
class AuditWhere:
    actor: str | None = None
    outcome: str | None = None
    noun: str | None = strawberry.field(default=None, description="publication, curve, ppa, command, …")
    id: UUID | None = strawberry.field(default=None, description="What was changed, made or refused.")
    correlation_id: UUID | None = None
    since: str | None = strawberry.field(default=None, description="Recorded at this time or later.")
    until: str | None = strawberry.field(default=None, description="Recorded before this time.")


@strawberry.type
class AuditQuery:
    @strawberry.field(description="The audit log, newest first.", extensions=NEEDS_AUDIT, metadata=PAGED)
    def audit(
        self,
        info: Info,
        where: AuditWhere | None = None,
        first: First = PAGE,
        after: After = None,
        as_of: AsOf = None,
    ) -> Connection[AuditEntry]:
        where = where or AuditWhere()
        wanted = AuditFilter(
            actor=where.actor,
            outcome=where.outcome,
            noun=where.noun,
            id=where.id,
            correlation_id=where.correlation_id,
            since=moment(where.since, "since") if where.since else None,
            until=moment(where.until, "until") if where.until else None,
        )
        listing = Listing("audit", ("position",), tuple[int], (*astuple(wanted), as_of))
        request = listing.request(first, after, info.context.position_as_of(as_of))
        page = list_audit(info.context.view.pool, info.context.tenant, wanted, request)
        return listing.connection(request, page, AuditEntry.of)
