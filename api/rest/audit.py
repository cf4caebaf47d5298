"""The audit log and the lineage."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.problems import Problem
from api.rest.dependencies import CallerOf, PlatformOf, only_known_parameters, wait_for_position
from infra.log_verification import Verification, verify_log
from infra.tabular import guarded_cell
from queries.audit import COLUMNS
from queries.audit import list_audit as audit_of
from queries.lineage import lineage

router = APIRouter(
    prefix="/v1", tags=["audit"], dependencies=[Depends(only_known_parameters), Depends(wait_for_position)]
)


@router.get("/audit", operation_id="list_audit", response_model=dict[str, Any])
def list_audit(
    platform: PlatformOf,
    caller: CallerOf,
    outcome: Annotated[str | None, Query(max_length=50)] = None,
    limit: Annotated[int | None, Query(ge=1)] = None,
    format: Annotated[Literal["json", "csv"], Query()] = "json",
) -> dict[str, Any] | Response:
    """Who did what, when, and what came of it; newest first."""
    found = audit_of(platform.pool, caller.tenant, outcome=outcome, limit=limit)
    if format == "json":
        return {"items": found}
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in found:
        entry["recorded_at"] = entry["recorded_at"].isoformat().replace("+00:00", "Z")
        writer.writerow(guarded_cell(entry[column]) for column in COLUMNS)
    return Response(sink.getvalue(), media_type="text/csv; charset=utf-8")


@router.get("/audit/verification", operation_id="verify_audit")
def verify_audit(
    platform: PlatformOf,
    seal: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="SHA-256 of a seal kept elsewhere")] = None,
) -> Verification:
    """Reads the whole log and names the first event that does not agree with the seals or with its stream."""
    return verify_log(platform.log, platform.seals, seal)


@router.get("/lineage/{node_id}", operation_id="read_lineage")
def read_lineage(node_id: str, platform: PlatformOf, caller: CallerOf) -> dict[str, Any]:
    """Everything that a result, publication or object was made from, as nodes and edges."""
    found = lineage(platform.pool, caller.tenant, node_id)
    if found is None:
        raise Problem(
            404, f"nothing is known of {node_id}", remedy="Give the id of a curve, valuation, publication or object."
        )
    return found
