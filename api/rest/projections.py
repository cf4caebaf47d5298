"""The read models: how far each has come, building them anew, and comparing them with the events."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from api.curve_keeping import curve_keeper
from api.platform import Platform
from api.problems import Problem
from api.projection_lags import projection_lags
from api.rest.dependencies import PlatformOf, needs, only_known_parameters, wait_for_position
from api.rest.progress import Report, reporting
from commands.permissions import Permission
from infra.errors import PlatformError
from projections import topics
from projections.agents import CURVE_KEEPER
from projections.columnar_build import ColumnarProjection
from projections.elsewhere import FollowedElsewhere
from projections.relational import RelationalProjection
from queries.dead_letters import dead_letters

router = APIRouter(prefix="/v1/projections", tags=["projections"], dependencies=[Depends(only_known_parameters)])

RELATIONAL = "relational read models"


@router.get("", operation_id="list_projections", dependencies=[needs(Permission.VERIFY), Depends(wait_for_position)])
def list_projections(platform: PlatformOf) -> dict[str, Any]:
    """How far each read model has come, and how far it lies behind, in events and in seconds.

    `lag_s` is the age of the oldest event that is not in it; `trouble` what keeps it from following the log, else null.
    """
    return {"head": platform.log.head(), "items": [asdict(lag) for lag in projection_lags(platform)]}


@router.get(
    "/dead-letters",
    operation_id="list_dead_letters",
    dependencies=[needs(Permission.VERIFY), Depends(wait_for_position)],
)
def list_dead_letters(platform: PlatformOf, projection: Annotated[str | None, Query()] = None) -> dict[str, Any]:
    """Events that a read model could not apply, and those of the same streams that wait behind them (`follows`)."""
    if projection not in (None, topics.NAME, CURVE_KEEPER):
        _known(platform, projection)
    return {"items": dead_letters(platform.pool, projection)}


@router.post("/{name}/retry", operation_id="retry_projection", dependencies=[needs(Permission.OPERATE)])
def retry_projection(
    name: str, platform: PlatformOf, position: Annotated[int | None, Query(description="a dead letter's", ge=1)] = None
) -> dict[str, Any]:
    """Applies dead letters, in order within each stream: all, or the stream of the one at `position`.

    Answers the positions that `succeeded`, those `failing` still with the reason, and those `waiting` behind them.
    """
    if name == topics.NAME:
        return {"name": name, **asdict(platform.topics.retry(position))}
    if name == CURVE_KEEPER:
        return {"name": name, **asdict(curve_keeper(platform).retry(position))}
    projection = _every(platform)[_known(platform, name)]
    _refuse_other_versions(platform, {name})
    if isinstance(projection, RelationalProjection):
        retried = platform.relational.retry(projection, platform.log, position)
    else:
        retried = platform.columnar.retry(projection, platform.log, position)
    return {"name": name, **asdict(retried)}


@router.post("/rebuild", operation_id="rebuild_projections", dependencies=[needs(Permission.OPERATE)])
def rebuild_projections(platform: PlatformOf) -> StreamingResponse:
    """Builds all read models anew beside the live ones and swaps them in, the relational ones together.

    Answers lines of JSON: `{name, position, of}` while it goes on, and last `{items: [{name, position}]}` or
    `{problem, remedy}`.
    """
    return reporting(lambda report: {"items": _rebuild(platform, sorted(_every(platform)), report)})


@router.post("/{name}/rebuild", operation_id="rebuild_projection", dependencies=[needs(Permission.OPERATE)])
def rebuild_projection(name: str, platform: PlatformOf) -> StreamingResponse:
    """Builds one read model anew beside the live one and swaps it in; answers as for all of them."""
    wanted = [_known(platform, name)]
    return reporting(lambda report: {"items": _rebuild(platform, wanted, report)})


@router.post("/verification", operation_id="verify_projections", dependencies=[needs(Permission.VERIFY)])
def verify_projections(platform: PlatformOf) -> StreamingResponse:
    """Compares all read models with ones built anew.

    Answers lines of JSON: `{name, position, of}` while it goes on, and last `{items: [{name, differences}]}`, some of
    the differing rows as text, or `{problem, remedy}`.
    """
    return reporting(lambda report: {"items": _verify(platform, sorted(_every(platform)), report)})


@router.post("/{name}/verification", operation_id="verify_projection", dependencies=[needs(Permission.VERIFY)])
def verify_projection(name: str, platform: PlatformOf) -> StreamingResponse:
    """Compares one read model with one built anew; answers as for all of them."""
    wanted = [_known(platform, name)]
    return reporting(lambda report: {"items": _verify(platform, wanted, report)})


def _refuse_other_versions(platform: Platform, names: AbstractSet[str]) -> None:
    """Only projectors build versions: a process of another one must not put its own in the place of theirs.

    Raises PlatformError.
    """
    if not platform.log.head():
        return
    for subscription in platform.subscriptions:
        theirs = isinstance(subscription, FollowedElsewhere) and subscription.checkpoint == 0
        if theirs and (concerned := names & set(subscription.projections)):
            raise PlatformError(
                f"{', '.join(sorted(concerned))}: the projector's version is another one than this process knows",
                "Ask a process of the projector's version, or wait until the projector has built them.",
            )


def _rebuild(platform: Platform, names: list[str], report: Report) -> list[dict[str, Any]]:
    _refuse_other_versions(platform, set(names))
    done: dict[str, int] = {}
    if relational := [p for p in platform.relational.projections if p.name in names]:
        position = platform.relational.rebuild(relational, report(RELATIONAL))
        done |= {projection.name: position for projection in relational}
    for columnar in platform.columnar.projections:
        if columnar.name in names:
            done[columnar.name] = platform.columnar.rebuild(columnar, platform.log, report(columnar.name))
    return [{"name": name, "position": done[name]} for name in names]


def _verify(platform: Platform, names: list[str], report: Report) -> list[dict[str, Any]]:
    found: dict[str, list[str]] = {}
    if relational := [p for p in platform.relational.projections if p.name in names]:
        found |= platform.relational.verify(relational, report(RELATIONAL))
    for columnar in platform.columnar.projections:
        if columnar.name in names:
            found[columnar.name] = platform.columnar.verify(columnar, platform.log, report(columnar.name))
    return [{"name": name, "differences": found[name]} for name in names]


def _every(platform: Platform) -> dict[str, RelationalProjection | ColumnarProjection]:
    every: dict[str, RelationalProjection | ColumnarProjection] = {p.name: p for p in platform.relational.projections}
    return every | {p.name: p for p in platform.columnar.projections}


def _known(platform: Platform, name: str) -> str:
    known = sorted(_every(platform))
    if name not in known:
        raise Problem(404, f"there is no read model {name}", remedy=f"The read models are {', '.join(known)}.")
    return name
