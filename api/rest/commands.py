"""`POST /v1/commands/<name>`: the one way to change anything."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Response
from pydantic import BaseModel, ValidationError

from api.problems import Problem, validation_problem
from api.rest.dependencies import CallerOf, PlatformOf, only_known_parameters

router = APIRouter(prefix="/v1/commands", tags=["commands"], dependencies=[Depends(only_known_parameters)])


class CommandAnswer(BaseModel):
    """What a command came to. `position` can be given to any read as `wait_for`.

    `secret` is there where the command made one: the text of an API key, told this once.
    """

    command_id: UUID
    id: UUID
    position: int
    status: str
    events: list[dict[str, Any]]
    secret: str | None = None


@router.post("/{name}", operation_id="send_command", response_model_exclude_unset=True)
def send_command(
    name: str, body: Annotated[dict[str, Any], Body()], platform: PlatformOf, caller: CallerOf, response: Response
) -> CommandAnswer:
    """Handles one command. The header `Idempotency-Key` is its id: the same id is handled once, and answered alike."""
    handling = platform.bus.registry.get(name)
    if handling is None:
        known = ", ".join(sorted(platform.bus.registry))
        raise Problem(404, f"there is no command {name}", remedy=f"The commands are {known}.")
    try:
        message = handling.message.model_validate(body)
    except ValidationError as error:
        raise validation_problem(list(error.errors())) from error
    answer = platform.bus.dispatch(message, caller)
    told = CommandAnswer(
        command_id=answer.command_id,
        id=answer.id,
        position=answer.position,
        status=answer.status,
        events=list(answer.events),
    )
    if answer.secret is not None:
        told.secret = answer.secret
        response.headers["Cache-Control"] = "no-store"
    return told
