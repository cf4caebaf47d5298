"""`GET /` of a service: what it is, and what it answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request

from api.rest.dependencies import needs, only_known_parameters
from commands.permissions import Permission

router = APIRouter(tags=["operations"])


@router.get(
    "/",
    operation_id="describe_service",
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters)],
)
def describe_service(request: Request) -> dict[str, Any]:
    """The service's name and its routes; `note` where it has none in this version."""
    service = request.app.state.service
    paths = request.app.openapi()["paths"]
    described: dict[str, Any] = {"service": service.name, "routes": sorted(path for path in paths if path != "/")}
    if service.is_empty:
        described["note"] = "This version has nothing of this service yet: there are no routes but those of operation."
    return described
