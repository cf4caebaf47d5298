"""The read models: how far each has come, building one anew, and comparing it with the events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from api.platform import Platform
from api.problems import Problem
from api.rest.dependencies import PlatformOf, only_known_parameters, wait_for_position
from api.rest.progress import reporting
from projections.relational import Progress
from queries.checkpoints import checkpoints

router = APIRouter(prefix="/v1/projections", tags=["projections"], dependencies=[Depends(only_known_parameters)])


@router.get("", operation_id="list_projections", dependencies=[Depends(wait_for_position)])
def list_projections(platform: PlatformOf) -> dict[str, Any]:
    """How far each read model has come, and how far it lies behind."""
    head = platform.log.head()
    known = checkpoints(platform.view)
    items = [
        {"name": name, "position": position, "lag": max(0, head - position)} for name, position in sorted(known.items())
    ]
    return {"head": head, "items": items}


@router.post("/{name}/rebuild", operation_id="rebuild_projection")
def rebuild_projection(name: str, platform: PlatformOf) -> StreamingResponse:
    """Builds a read model anew beside the live one and swaps it in.

    Answers lines of JSON: `{position, of}` while it goes on, and last `{name, position}` or `{problem}`.
    """
    rebuild = _find(platform, name, "rebuild")
    return reporting(lambda progress: {"name": name, "position": rebuild(progress)})


@router.post("/{name}/verification", operation_id="verify_projection")
def verify_projection(name: str, platform: PlatformOf) -> StreamingResponse:
    """Compares a read model with one built anew; lines of JSON, the last `{name, differences}` or `{problem}`."""
    verify = _find(platform, name, "verify")
    return reporting(lambda progress: {"name": name, "differences": verify(progress)})


def _find(platform: Platform, name: str, verb: str) -> Callable[[Progress], Any]:
    for projector in (platform.relational, platform.columnar):
        for projection in projector.projections:
            if projection.name == name:
                work = getattr(projector, verb)
                return lambda progress: work(projection, platform.log, progress)
    known = ", ".join(sorted(p.name for r in (platform.relational, platform.columnar) for p in r.projections))
    raise Problem(404, f"there is no read model {name}", remedy=f"The read models are {known}.")
