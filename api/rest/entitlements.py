"""What tenants are entitled to."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.rest.dependencies import AccessOf, ViewOf, needs, only_known_parameters, wait_for_position
from commands.permissions import Permission
from queries.entitlements import list_entitlements as entitlements_of

router = APIRouter(
    prefix="/v1/entitlements",
    tags=["entitlements"],
    dependencies=[needs(Permission.READ_MARKET_DATA), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_entitlements")
def list_entitlements(
    view: ViewOf, access: AccessOf, tenant: Annotated[str | None, Query(max_length=100)] = None
) -> dict[str, Any]:
    """What your tenant was granted, by ISO and channel; admins of the platform's own tenant see what every tenant was.

    The platform's own tenant is entitled to everything, without a grant.
    """
    if not access.holds(Permission.GRANT_ENTITLEMENTS):
        if tenant not in (None, access.principal.tenant):
            access.demand(f"what {tenant} is entitled to", Permission.GRANT_ENTITLEMENTS)
        tenant = access.principal.tenant
    return {"items": entitlements_of(view.pool, tenant).items}
