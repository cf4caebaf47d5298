"""The audit log and the lineage."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from api.problems import Problem
from api.rest.caching import answer
from api.rest.dependencies import (
    AccessOf,
    NameParameter,
    PlatformOf,
    PrincipalOf,
    SpanOf,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.documented import listed, unlisted
from api.rest.formats import json_bytes
from api.rest.listing import ListingOf
from api.rest.progress import reporting
from api.rest.resources import ReadingOf
from commands.permissions import Permission
from infra.log_verification import verify_log
from infra.seals import StoredSeal
from infra.tabular import MEDIA_TYPES
from queries.audit import AUDIT_SCHEMA, AuditFilter, Sort
from queries.audit import list_audit as audit_of
from queries.lineage import Direction, lineage
from queries.relational import Row

router = APIRouter(
    prefix="/v1", tags=["audit"], dependencies=[Depends(only_known_parameters), Depends(wait_for_position)]
)

_EVENT = unlisted("The event.", "position", "event", "stream_id", "version", "hash", "metadata", "data")
_GRAPH = unlisted("The graph around the node.", "id", "position", "direction", "nodes", "edges")


LARGEST_SEAL_BYTES = 1_000_000
_SEAL_BODY = {
    "requestBody": {
        "required": False,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class ListedSeal(BaseModel):
    """A seal without the events that it vouches for; ordinals count the log's events from 1."""

    sha256: str
    first_ordinal: int
    last_ordinal: int
    root: str
    previous_seal: str
    sealed_at: datetime


class Seals(BaseModel):
    """The newest seals."""

    public_key: str
    items: list[ListedSeal]


@router.get("/audit", operation_id="list_audit", dependencies=[needs(Permission.READ_AUDIT)], **listed(AUDIT_SCHEMA))
def list_audit(
    listing: ListingOf,
    view: ViewOf,
    caller: PrincipalOf,
    span: SpanOf,
    actor: NameParameter = None,
    outcome: Annotated[str | None, Query(max_length=50, description="done, unchanged, refused, …")] = None,
    noun: Annotated[str | None, Query(max_length=50, description="publication, curve, ppa, command, …")] = None,
    id: Annotated[UUID | None, Query(description="what was changed, made or refused")] = None,
    correlation_id: Annotated[UUID | None, Query()] = None,
    sort: Annotated[Sort, Query()] = "-position",
) -> Response:
    """Who did what, when, and what came of it; newest first. `since` and `until` are about `recorded_at`."""
    wanted = AuditFilter(
        actor=actor,
        outcome=outcome,
        noun=noun,
        id=id,
        correlation_id=correlation_id,
        since=span.since,
        until=span.until,
    )
    return listing.answer(
        AUDIT_SCHEMA, ["audit"], lambda page: audit_of(view.pool, caller.tenant, wanted, page, sort=sort)
    )


@router.post(
    "/audit/verification",
    operation_id="verify_audit",
    openapi_extra=_SEAL_BODY,
    dependencies=[needs(Permission.VERIFY)],
)
async def verify_audit(
    request: Request,
    platform: PlatformOf,
    seal: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="SHA-256 of a seal kept elsewhere")] = None,
) -> StreamingResponse:
    """Reads the whole log and names the first event that does not agree with the seals or with its stream.

    The body may be the file of a seal that was kept elsewhere. Answers lines of JSON: `{name, position, of}` while it
    goes on, and last `{events, sealed_events, unsealed_events, seals, difference}` or `{problem}`.
    """
    kept: bytes | str | None = await _body(request) or seal
    return reporting(
        lambda report: msgspec.to_builtins(verify_log(platform.log, platform.seals, kept, report("audit")))
    )


@router.get("/audit/seals", operation_id="list_seals", dependencies=[needs(Permission.VERIFY)])
def list_seals(platform: PlatformOf, limit: Annotated[int, Query(ge=1, le=1_000)] = 20) -> Seals:
    """The newest seals, newest first, and the key that they are signed with (Ed25519, in hexadecimal)."""
    newest = islice(platform.seals.newest_first(), limit)
    return Seals(public_key=platform.seals.public_key, items=[_listed_seal(stored) for stored in newest])


@router.get(
    "/audit/seals/{sha256}",
    operation_id="read_seal",
    response_class=Response,
    responses=unlisted("The seal's file."),
    dependencies=[needs(Permission.VERIFY)],
)
def read_seal(
    request: Request, sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], platform: PlatformOf
) -> Response:
    """The file of a seal, for an auditor to keep elsewhere. It never changes."""
    content = platform.seals.content(sha256)
    if content is None:
        raise Problem(404, f"there is no seal {sha256}", remedy="`carbon254 audit seals list` shows the newest.")
    return answer(request, content, MEDIA_TYPES["json"], immutable=True)


@router.get(
    "/audit/{position}",
    operation_id="read_event",
    dependencies=[needs(Permission.READ_AUDIT)],
    response_class=Response,
    responses=_EVENT,
)
def read_event(
    request: Request, position: Annotated[int, Path(ge=1, lt=2**63)], platform: PlatformOf, caller: PrincipalOf
) -> Response:
    """One event as the log holds it: its facts, its metadata, and its hash. It never changes."""
    event = platform.log.at(position)
    if event is None or event.metadata.tenant != caller.tenant:
        raise Problem(
            404, f"there is no event at position {position}", remedy="`carbon254 audit list` shows the positions."
        )
    shown = {
        "position": event.position,
        "event": event.name,
        "stream_id": event.stream_id,
        "version": event.stored.originator_version,
        "hash": event.stored.hash,
        "metadata": msgspec.to_builtins(event.metadata),
        "data": event.payload(),
    }
    return answer(request, json_bytes(shown), MEDIA_TYPES["json"], immutable=True)


@router.get(
    "/lineage/{node_id}",
    operation_id="read_lineage",
    dependencies=[needs(Permission.READ_RESULTS)],
    response_class=Response,
    responses=_GRAPH,
)
def read_lineage(
    node_id: str,
    reading: ReadingOf,
    view: ViewOf,
    access: AccessOf,
    direction: Annotated[Direction, Query()] = "upstream",
) -> Response:
    """What a result, publication or object was made from, or (downstream) what was made from it: nodes and edges."""
    entitled = access.entitled()

    def read(as_of: int) -> Row | None:
        found = lineage(view.pool, access.principal.tenant, node_id, direction, entitled=entitled, as_of=as_of)
        if found is None:
            access.demand_lineage(view, node_id)
        return found

    remedy = "Give the id of a curve, valuation, publication or object."
    missing = Problem(404, f"nothing is known of {node_id}", remedy=remedy)
    return reading.answer(["lineage"], read, missing, narrowed=entitled is not None)


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_SEAL_BYTES:
            raise Problem(
                413, "a seal has 1 MB at most", remedy="Send the file that `carbon254 audit seals export` wrote."
            )
    return bytes(content)


def _listed_seal(stored: StoredSeal) -> ListedSeal:
    seal = stored.seal
    return ListedSeal(
        sha256=stored.sha256,
        first_ordinal=seal.first_ordinal,
        last_ordinal=seal.last_ordinal,
        root=seal.root,
        previous_seal=seal.previous_seal,
        sealed_at=seal.sealed_at,
    )
