"""Backups, made by the server while it serves. Restoring one is done by the program, where no server runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.platform import Platform
from api.problems import Problem
from api.rest.dependencies import PlatformOf, PrincipalOf, needs, only_known_parameters
from api.rest.progress import Report, reporting
from commands.permissions import Permission
from infra.backup_place import BackupPlace
from infra.backup_writing import Source, make_backup
from infra.errors import PlatformError

router = APIRouter(prefix="/v1/backups", tags=["operations"], dependencies=[Depends(only_known_parameters)])


class NewBackup(BaseModel):
    """Where to: a folder of the server's machine, or `s3://bucket/prefix`; CARBON254_BACKUP_TO where left out."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    to: Annotated[str | None, Field(default=None, min_length=1, max_length=1000)]


@router.post("", operation_id="make_backup", dependencies=[needs(Permission.OPERATE)])
def back_up(wanted: NewBackup, platform: PlatformOf, principal: PrincipalOf) -> StreamingResponse:
    """Backs up events, seals, objects and keys; where a backup of this log is already, what is new is added to it.

    Only the data folder's token may name the place: a backup holds what belongs to all tenants. Answers lines of JSON:
    `{name, position, of}` while it goes on, and last what there is now and what is new, or `{problem, remedy}`.
    """
    to = wanted.to or platform.settings.backup_to
    if wanted.to not in (None, platform.settings.backup_to) and principal.kind != "folder token":
        raise Problem(
            403, "only the data folder's token may say where a backup goes",
            remedy="Leave `to` out; the server's CARBON254_BACKUP_TO names the place.",
        )  # fmt: skip
    if to is None:
        raise Problem(422, "to: where should the backup go?", remedy="Name a place, or set CARBON254_BACKUP_TO.")
    return reporting(lambda report: _backup(platform, to, report))


def _backup(platform: Platform, to: str, report: Report) -> dict[str, Any]:
    if not platform.backing_up.acquire(blocking=False):
        raise PlatformError("A backup is being made already.", "Wait for it to end.")
    try:
        passphrase = platform.settings.backup_passphrase
        source = Source(
            log=platform.log,
            seals=platform.seals,
            objects=platform.objects,
            keys=platform.folder.keys(),
            passphrase=passphrase.get_secret_value() if passphrase else None,
            is_simulated=platform.folder.is_simulated,
            store="EventStoreDB" if platform.settings.eventstoredb_uri else "PostgreSQL",
            code_version=platform.code_version,
        )
        made = make_backup(source, BackupPlace.at(to, made=True), datetime.now(UTC), report)
        answer: dict[str, Any] = msgspec.to_builtins(made)
        return answer
    finally:
        platform.backing_up.release()
