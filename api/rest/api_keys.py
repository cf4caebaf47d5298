"""API keys: what there are, never what proves them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.rest.dependencies import AccessOf, PlatformOf, ViewOf, needs, only_known_parameters, wait_for_position
from commands.permissions import Permission
from queries.api_keys import list_api_keys as keys_of

router = APIRouter(
    prefix="/v1/api-keys",
    tags=["api keys"],
    dependencies=[needs(Permission.HOLD_KEYS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_api_keys")
def list_api_keys(
    platform: PlatformOf,
    view: ViewOf,
    access: AccessOf,
    prefix: Annotated[str, Query(max_length=100, description="how the keys begin, as `c254_ab`")] = "",
) -> dict[str, Any]:
    """Keys of the caller's tenant, newest first; who is no admin sees those that act for them."""
    platform.credentials.write_uses()
    principal = access.principal
    actor = None if access.holds(Permission.MANAGE_KEYS) else principal.actor
    return {"items": keys_of(view.pool, principal.tenant, actor=actor, prefix=prefix).items}
