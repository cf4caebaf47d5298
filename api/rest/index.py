"""`GET /v1`: what there is, and the page behind the `type` of problems."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from api.problems import TYPES_PAGE, types_page
from api.rest.dependencies import needs, only_known_parameters
from commands.permissions import Permission

router = APIRouter(tags=["operations"])


@router.get(
    "/v1",
    operation_id="list_resources",
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters)],
)
def list_resources(request: Request) -> dict[str, Any]:
    """The resources and commands of this API, with their addresses."""
    paths = request.app.openapi()["paths"]
    reads = {path: operations["get"]["operationId"] for path, operations in paths.items() if "get" in operations}
    return {
        "resources": [
            {"name": operation, "href": path} for path, operation in reads.items() if path.startswith("/v1/")
        ],
        "commands": [{"name": path.rpartition("/")[2], "href": path} for path in paths if "/commands/" in path],
        "openapi": "/openapi.json",
        "problems": TYPES_PAGE,
    }


@router.get(TYPES_PAGE, include_in_schema=False)
def problem_types() -> HTMLResponse:
    """What each type of problem means."""
    return HTMLResponse(types_page())
