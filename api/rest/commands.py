"""`POST /v1/commands/<name>`: the one way to change anything. Each command is an operation of its own.

The header `Idempotency-Key` is the command's id: the same id is handled once, and answered alike.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response
from pydantic import BaseModel

from api.problems import RETRY_AFTER_S, Problem
from api.rest.caching import revision_of
from api.rest.dependencies import CallerOf, PlatformOf, only_known_parameters
from commands.bus import Handling
from commands.message import Answer, Command
from commands.registry import REGISTRY

router = APIRouter(prefix="/v1/commands", tags=["commands"], dependencies=[Depends(only_known_parameters)])

# Where what a command made can be read: by the name of the event that made it.
PLACES = {
    "publication.ingested": "/v1/publications/{id}",
    "publication.quarantined": "/v1/publications/{id}",
    "instrument.registered": "/v1/instruments/{id}",
    "quote_sheet.recorded": "/v1/quotes?sheet_id={id}",
    "scenario.defined": "/v1/scenarios/{id}",
    "curve.built": "/v1/curves/{id}",
    "ppa.registered": "/v1/ppas/{id}",
    "ppa.priced": "/v1/ppas/valuations/{id}",
}


IfMatch = Annotated[str | None, Header(description="the `ETag` of the thing: refused (412) if it was revised since")]


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


class UnderWay:
    """Commands that are being handled here now: the same one, sent again meanwhile, need not be computed twice.

    That it has one effect does not rest on this but on the log.
    """

    def __init__(self) -> None:
        self._ids: set[tuple[str, UUID]] = set()
        self._lock = threading.Lock()

    @contextmanager
    def alone(self, tenant: str, command_id: UUID) -> Iterator[None]:
        """Raises Problem where the tenant's command is under way already."""
        key = (tenant, command_id)
        with self._lock:
            if key in self._ids:
                raise Problem(
                    409,
                    f"the command {command_id} is being handled",
                    remedy="Send it again in a moment: the answer will be there.",
                    headers={"Retry-After": str(RETRY_AFTER_S)},
                )
            self._ids.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._ids.remove(key)


_under_way = UnderWay()


def _operation(handling: Handling) -> Callable[..., Response]:
    """The route's function for one command: FastAPI reads the body's schema from its signature."""

    def send(body: Command, platform: PlatformOf, caller: CallerOf) -> Response:
        with _under_way.alone(caller.tenant, caller.command_id):
            return _answered(platform.bus.dispatch(body, caller))

    def revise(body: Command, platform: PlatformOf, caller: CallerOf, if_match: IfMatch = None) -> Response:
        return send(_of_revision(body, if_match), platform, caller)

    operation = revise if "revision" in handling.message.model_fields else send
    operation.__annotations__ |= {
        "body": handling.message, "platform": PlatformOf, "caller": CallerOf, "return": Response,
    }  # fmt: skip
    if operation is revise:
        operation.__annotations__["if_match"] = IfMatch
    return operation


def _of_revision(body: Command, if_match: str | None) -> Command:
    """The command with the revision that `If-Match` names. Raises Problem for the tag of anything else."""
    if if_match is None or if_match.strip() == "*":
        return body
    revision = revision_of(if_match)
    if not revision:
        raise Problem(
            412, f"If-Match: {if_match[:100]} is no revision", remedy="Send the `ETag` of the thing as it is."
        )
    return body.model_copy(update={"revision": revision})


def _answered(answer: Answer) -> Response:
    """Written here and now: FastAPI would have another thread look at it first."""
    told = CommandAnswer(
        command_id=answer.command_id,
        id=answer.id,
        position=answer.position,
        status=answer.status,
        events=list(answer.events),
    )
    status, headers = 200, {}
    if answer.created and (place := PLACES.get(answer.events[0]["name"])):
        status, headers["Location"] = 201, place.format(id=answer.id)
    if answer.secret is not None:
        told.secret, headers["Cache-Control"] = answer.secret, "no-store"
    content = told.model_dump_json(exclude_unset=True)
    return Response(content, status, headers, media_type="application/json")


_CREATED = {
    "description": "It made something, which `Location` leads to (once the read models have come to `position`).",
    "model": CommandAnswer,
    "headers": {"Location": {"schema": {"type": "string"}}},
}

for _name, _handling in REGISTRY.items():
    router.add_api_route(
        f"/{_name}",
        _operation(_handling),
        methods=["POST"],
        response_model=CommandAnswer,
        operation_id=_name.replace("-", "_"),
        summary=_name.replace("-", " ").capitalize(),
        description=inspect.getdoc(_handling.message),
        response_description="It changed what was there, or nothing (`status` is then `unchanged`).",
        responses={201: _CREATED},
    )


@router.post("/{name}", include_in_schema=False)
def refuse_unknown_command(name: str) -> None:
    """Any other name."""
    raise Problem(404, f"there is no command {name}", remedy=f"The commands are {', '.join(sorted(REGISTRY))}.")
