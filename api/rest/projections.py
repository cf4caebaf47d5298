"""The read models: how far each has come, building one anew, and comparing it with the events."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from api.platform import Platform
from api.problems import Problem
from api.projection_lags import projection_lags
from api.rest.dependencies import PlatformOf, only_known_parameters, wait_for_position
from projections.columnar_build import ColumnarProjection
from projections.relational import Progress, RelationalProjection
from queries.dead_letters import dead_letters

router = APIRouter(prefix="/v1/projections", tags=["projections"], dependencies=[Depends(only_known_parameters)])

Work = Callable[[Progress], dict[str, Any]]


@router.get("", operation_id="list_projections", dependencies=[Depends(wait_for_position)])
def list_projections(platform: PlatformOf) -> dict[str, Any]:
    """How far each read model has come, and how far it lies behind, in events and in seconds.

    `lag_s` is the age of the oldest event that is not in it; `trouble` what keeps it from following the log, else null.
    """
    return {"head": platform.log.head(), "items": [asdict(lag) for lag in projection_lags(platform)]}


@router.get("/dead-letters", operation_id="list_dead_letters")
def list_dead_letters(platform: PlatformOf, projection: Annotated[str | None, Query()] = None) -> dict[str, Any]:
    """Events that a read model could not apply, and those of the same streams that wait behind them (`follows`)."""
    if projection is not None:
        _find(platform, projection)
    return {"items": dead_letters(platform.pool, projection)}


@router.post("/{name}/retry", operation_id="retry_projection")
def retry_projection(
    name: str, platform: PlatformOf, position: Annotated[int | None, Query(description="a dead letter's", ge=1)] = None
) -> dict[str, Any]:
    """Applies dead letters, in order within each stream: all, or the stream of the one at `position`.

    Answers the positions that `succeeded`, those `failing` still with the reason, and those `waiting` behind them.
    """
    projection = _find(platform, name)
    if isinstance(projection, RelationalProjection):
        retried = platform.relational.retry(projection, platform.log, position)
    else:
        retried = platform.columnar.retry(projection, platform.log, position)
    return {"name": name, **asdict(retried)}


@router.post("/{name}/rebuild", operation_id="rebuild_projection")
def rebuild_projection(name: str, platform: PlatformOf) -> StreamingResponse:
    """Builds a read model anew beside the live one and swaps it in.

    Answers lines of JSON: `{position, of}` while it goes on, and last `{name, position}` or `{problem}`.
    """
    projection = _find(platform, name)

    def rebuild(progress: Progress) -> int:
        if isinstance(projection, RelationalProjection):
            return platform.relational.rebuild([projection], progress)
        return platform.columnar.rebuild(projection, platform.log, progress)

    return _reporting(lambda progress: {"name": name, "position": rebuild(progress)})


@router.post("/{name}/verification", operation_id="verify_projection")
def verify_projection(name: str, platform: PlatformOf) -> StreamingResponse:
    """Compares a read model with one built anew; lines of JSON, the last `{name, differences}` or `{problem}`."""
    projection = _find(platform, name)

    def verify(progress: Progress) -> list[str]:
        if isinstance(projection, RelationalProjection):
            return platform.relational.verify([projection], progress)[name]
        return platform.columnar.verify(projection, platform.log, progress)

    return _reporting(lambda progress: {"name": name, "differences": verify(progress)})


def _find(platform: Platform, name: str) -> RelationalProjection | ColumnarProjection:
    every: dict[str, RelationalProjection | ColumnarProjection] = {p.name: p for p in platform.relational.projections}
    every |= {p.name: p for p in platform.columnar.projections}
    if name not in every:
        raise Problem(404, f"there is no read model {name}", remedy=f"The read models are {', '.join(sorted(every))}.")
    return every[name]


def _reporting(work: Work) -> StreamingResponse:
    """Runs `work` in a thread of its own and answers its progress line by line."""
    lines: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def run() -> None:
        try:
            lines.put(work(lambda position, of: lines.put({"position": position, "of": of})))
        except Exception as error:  # told as the last line, for the headers have left long ago
            lines.put({"problem": f"{type(error).__name__}: {error}"})
        lines.put(None)

    def told() -> Iterator[str]:
        # In a copy of the request's context, so that its log lines bear the same correlation id.
        threading.Thread(target=copy_context().run, args=(run,), name="projection-work", daemon=True).start()
        while (line := lines.get()) is not None:
            yield json.dumps(line) + "\n"

    return StreamingResponse(told(), media_type="application/x-ndjson")
