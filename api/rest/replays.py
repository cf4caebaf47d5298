"""Replays: the read models as they stood at a position or time, beside the live ones. Reads take `replay=NAME`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.platform import Platform
from api.problems import Problem
from api.rest.dependencies import (
    PlatformOf,
    is_number,
    known_position,
    moment,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.progress import Report, reporting
from commands.permissions import Permission
from projections.replays import NoReplay, ReplayNameTaken
from queries.replays import list_replays as replays_of

router = APIRouter(prefix="/v1/replays", tags=["replays"], dependencies=[Depends(only_known_parameters)])


class NewReplay(BaseModel):
    """A replay to be made: `to` is a position of the log, or a time and stands for the last one recorded by then."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$", description="small letters, digits and _")]
    to: Annotated[str, Field(max_length=100, description="a log position, or a time with its offset (else UTC)")]


@router.post("", operation_id="create_replay", dependencies=[needs(Permission.OPERATE)])
def create_replay(wanted: NewReplay, platform: PlatformOf) -> StreamingResponse:
    """Builds the relational read models as they stood, under a name.

    Answers lines of JSON: `{name, position, of}` while it goes on, and last `{replay: {name, position}}` or
    `{problem, remedy}`. The same replay again is there at once.
    """
    if is_number(wanted.to):
        position = known_position(platform, wanted.to, "to", remedy="Give a position that the log has come to.")
    else:
        position = platform.log.position_at(moment(wanted.to, "to"))
    try:
        is_new = platform.replays.reserve(wanted.name, position)
    except ReplayNameTaken as error:
        raise Problem(409, error.message, remedy=error.remedy) from error

    def build(report: Report) -> dict[str, Any]:
        if is_new:
            _build(platform, wanted.name, position, report)
        return {"replay": {"name": wanted.name, "position": position}}

    return reporting(build)


@router.get("", operation_id="list_replays", dependencies=[needs(Permission.READ_RESULTS), Depends(wait_for_position)])
def list_replays(platform: PlatformOf) -> dict[str, Any]:
    """Which replays there are, the position that each shows, and when it was made."""
    return {"items": replays_of(platform.pool)}


@router.delete("/{name}", operation_id="drop_replay", dependencies=[needs(Permission.OPERATE)])
def drop_replay(name: str, platform: PlatformOf) -> dict[str, Any]:
    """Drops a replay with its tables; the live read models and the log stay as they are."""
    try:
        platform.replays.drop(name)
    except NoReplay as error:
        raise Problem(404, error.message, remedy=error.remedy) from error
    return {"dropped": name}


def _build(platform: Platform, name: str, position: int, report: Report) -> None:
    platform.replays.build(name, position, report(name))
    # Of the columnar rows a replay shows those up to its position: they have to be there.
    platform.wait_for(position)
