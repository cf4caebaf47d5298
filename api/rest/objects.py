"""Raw bytes in and out, and what an uploaded file holds."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.rest.caching import answer
from api.rest.dependencies import (
    AccessOf,
    CallerOf,
    PlatformOf,
    PrincipalOf,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.documented import NOT_MODIFIED
from commands.permissions import Permission
from commands.publications import FoundPayload, SkippedFile, survey_upload

router = APIRouter(prefix="/v1/objects", tags=["objects"], dependencies=[Depends(only_known_parameters)])

_OBJECT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    **NOT_MODIFIED,
}


class StoredObject(BaseModel):
    """The hash under which the bytes are kept."""

    sha256: str
    size_bytes: int


class UploadSurvey(BaseModel):
    """The payloads to send as `ingest-publication`, and what is no publication, with the reason."""

    payloads: list[FoundPayload]
    skipped: list[SkippedFile]


@router.post(
    "", status_code=201, operation_id="store_object", dependencies=[needs(Permission.DEFINE, Permission.OPERATE)]
)
async def store_object(request: Request, platform: PlatformOf, principal: PrincipalOf) -> StoredObject:
    """Keeps the request's body as it is, and answers its SHA-256. The same bytes twice are one object."""
    # Of at most LARGEST_BODY_BYTES["uploads"], as `Bodies` sees to. Where it is one chunk, joining copies nothing.
    content = b"".join([chunk async for chunk in request.stream() if chunk])
    sha256 = await run_in_threadpool(platform.bus.tools.uploads.keep, principal.tenant, content)
    return StoredObject(sha256=sha256, size_bytes=len(content))


@router.get(
    "/{sha256}",
    operation_id="read_object",
    response_class=Response,
    responses=_OBJECT,
    dependencies=[needs(Permission.READ_RESULTS), Depends(wait_for_position)],
)
def read_object(request: Request, sha256: str, platform: PlatformOf, view: ViewOf, access: AccessOf) -> Response:
    """The bytes of a raw object, as they were uploaded by your tenant, or published by an ISO you may download.

    They never change.
    """
    access.demand_object(view, sha256)
    return answer(request, platform.objects.get("raw", sha256), "application/octet-stream", immutable=True)


@router.post("/{sha256}/survey", operation_id="survey_object", dependencies=[needs(Permission.OPERATE)])
def survey_object(
    sha256: str,
    platform: PlatformOf,
    caller: CallerOf,
    name: Annotated[str, Query(min_length=1, max_length=500, description="the operator's file name")],
    named: Annotated[bool, Query(description="the file was named singly, so it must be a publication")] = True,
) -> UploadSurvey:
    """Unwraps archives and recognises publications by content. Each payload found is kept as an object of its own."""
    payloads, skipped = survey_upload(platform.bus.tools, caller.tenant, sha256, name, named=named)
    return UploadSurvey(payloads=payloads, skipped=skipped)
