"""What tenants are entitled to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.rest.dependencies import (
    AccessOf,
    IsoParameter,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.documented import listed
from api.rest.listing import CurrentListingOf
from commands.permissions import Permission
from queries import entitlements as queries

router = APIRouter(
    prefix="/v1/entitlements",
    tags=["entitlements"],
    dependencies=[needs(Permission.READ_MARKET_DATA), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_entitlements", **listed(queries.ENTITLEMENT_SCHEMA))
def list_entitlements(
    listing: CurrentListingOf,
    view: ViewOf,
    access: AccessOf,
    tenant: Annotated[str | None, Query(max_length=100)] = None,
    iso: IsoParameter = None,
    sort: Annotated[queries.Sort, Query()] = "tenant",
) -> Response:
    """What your tenant was granted, by ISO and channel; admins of the platform's own tenant see what every tenant was.

    The platform's own tenant is entitled to everything, without a grant.
    """
    if not access.holds(Permission.GRANT_ENTITLEMENTS):
        if tenant not in (None, access.principal.tenant):
            access.demand(f"what {tenant} is entitled to", Permission.GRANT_ENTITLEMENTS)
        tenant = access.principal.tenant
    return listing.answer(
        queries.ENTITLEMENT_SCHEMA,
        ["entitlements"],
        lambda page: queries.list_entitlements(view.pool, tenant, page, iso=iso, sort=sort),
    )
