"""The audit log and the lineage."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Response

from api.problems import Problem
from api.rest.dependencies import (
    AccessOf,
    CallerOf,
    PlatformOf,
    ViewOf,
    moment,
    needs,
    only_known_parameters,
    wait_for_position,
)
from commands.permissions import Permission
from infra.log_verification import Verification, verify_log
from infra.tabular import guarded_cell
from queries.audit import COLUMNS, AuditFilter
from queries.audit import list_audit as audit_of
from queries.lineage import Direction, lineage
from queries.relational import PageRequest

router = APIRouter(
    prefix="/v1", tags=["audit"], dependencies=[Depends(only_known_parameters), Depends(wait_for_position)]
)


@router.get(
    "/audit", operation_id="list_audit", dependencies=[needs(Permission.READ_AUDIT)], response_model=dict[str, Any]
)
def list_audit(
    view: ViewOf,
    caller: CallerOf,
    actor: Annotated[str | None, Query(max_length=200)] = None,
    outcome: Annotated[str | None, Query(max_length=50)] = None,
    noun: Annotated[str | None, Query(max_length=50, description="publication, curve, ppa, command, …")] = None,
    id: Annotated[UUID | None, Query(description="what was changed, made or refused")] = None,
    correlation_id: Annotated[UUID | None, Query()] = None,
    since: Annotated[str | None, Query(description="recorded at this time or later")] = None,
    until: Annotated[str | None, Query(description="recorded before this time")] = None,
    limit: Annotated[int | None, Query(ge=1, le=10_000_000)] = None,
    format: Annotated[Literal["json", "csv"], Query()] = "json",
) -> dict[str, Any] | Response:
    """Who did what, when, and what came of it; newest first."""
    wanted = AuditFilter(
        actor=actor,
        outcome=outcome,
        noun=noun,
        id=id,
        correlation_id=correlation_id,
        since=moment(since, "since") if since else None,
        until=moment(until, "until") if until else None,
    )
    found = audit_of(view.pool, caller.tenant, wanted, PageRequest(limit)).items
    if format == "json":
        return {"items": found}
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in found:
        entry["recorded_at"] = entry["recorded_at"].isoformat().replace("+00:00", "Z")
        writer.writerow(guarded_cell(entry[column]) for column in COLUMNS)
    return Response(sink.getvalue(), media_type="text/csv; charset=utf-8")


@router.get("/audit/verification", operation_id="verify_audit", dependencies=[needs(Permission.VERIFY)])
def verify_audit(
    platform: PlatformOf,
    seal: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="SHA-256 of a seal kept elsewhere")] = None,
) -> Verification:
    """Reads the whole log and names the first event that does not agree with the seals or with its stream."""
    return verify_log(platform.log, platform.seals, seal)


@router.get("/audit/{position}", operation_id="read_event", dependencies=[needs(Permission.READ_AUDIT)])
def read_event(
    position: Annotated[int, Path(ge=1, lt=2**63)], platform: PlatformOf, caller: CallerOf
) -> dict[str, Any]:
    """One event as the log holds it: its facts, its metadata, and its hash."""
    found = platform.log.page(position - 1, limit=1)
    if not found or found[0].position != position or found[0].metadata.tenant != caller.tenant:
        raise Problem(404, f"there is no event at position {position}", remedy="`audit list` shows the positions.")
    event = found[0]
    return {
        "position": event.position,
        "event": event.name,
        "stream_id": event.stream_id,
        "version": event.stored.originator_version,
        "hash": event.stored.hash,
        "metadata": msgspec.to_builtins(event.metadata),
        "data": event.payload(),
    }


@router.get("/lineage/{node_id}", operation_id="read_lineage", dependencies=[needs(Permission.READ_RESULTS)])
def read_lineage(
    node_id: str, view: ViewOf, access: AccessOf, direction: Annotated[Direction, Query()] = "upstream"
) -> dict[str, Any]:
    """What a result, publication or object was made from, or (downstream) what was made from it: nodes and edges."""
    found = lineage(view.pool, access.principal.tenant, node_id, direction, entitled=access.entitled())
    if found is None:
        access.demand_lineage(view, node_id)
        raise Problem(
            404, f"nothing is known of {node_id}", remedy="Give the id of a curve, valuation, publication or object."
        )
    return found
