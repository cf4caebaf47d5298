"""API keys: what there are, never what proves them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.rest.dependencies import PlatformOf, PrincipalOf, ViewOf, only_known_parameters, wait_for_position
from queries.api_keys import list_api_keys as keys_of

router = APIRouter(
    prefix="/v1/api-keys",
    tags=["api keys"],
    dependencies=[Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_api_keys")
def list_api_keys(
    platform: PlatformOf,
    view: ViewOf,
    principal: PrincipalOf,
    prefix: Annotated[str, Query(max_length=100, description="how the keys begin, as `c254_ab`")] = "",
) -> dict[str, Any]:
    """Keys of the caller's tenant, newest first; who is no admin sees those that act for them."""
    platform.credentials.write_uses()
    actor = None if "admin" in principal.roles else principal.actor
    return {"items": keys_of(view.pool, principal.tenant, actor=actor, prefix=prefix).items}
