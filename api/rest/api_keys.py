"""API keys: what there are, never what proves them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.rest.dependencies import AccessOf, PlatformOf, ViewOf, needs, only_known_parameters, wait_for_position
from api.rest.documented import listed
from api.rest.listing import CurrentListingOf
from commands.permissions import Permission
from queries import api_keys as queries
from queries.relational import RecordedSort

router = APIRouter(
    prefix="/v1/api-keys",
    tags=["api keys"],
    dependencies=[needs(Permission.HOLD_KEYS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_api_keys", **listed(queries.API_KEY_SCHEMA))
def list_api_keys(
    listing: CurrentListingOf,
    platform: PlatformOf,
    view: ViewOf,
    access: AccessOf,
    prefix: Annotated[str, Query(max_length=100, description="how the keys begin, as `c254_ab`")] = "",
    sort: Annotated[RecordedSort, Query()] = "-log_position",
) -> Response:
    """Keys of the caller's tenant, newest first; who is no admin sees those that act for them."""
    platform.credentials.write_uses()
    principal = access.principal
    actor = None if access.holds(Permission.MANAGE_KEYS) else principal.actor
    return listing.answer(
        queries.API_KEY_SCHEMA,
        ["api_keys"],
        lambda page: queries.list_api_keys(view.pool, principal.tenant, page, actor=actor, prefix=prefix, sort=sort),
    )
