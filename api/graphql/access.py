"""The same access as by REST: every root field says what permission it needs, and market data asks for its ISO."""

from __future__ import annotations

from typing import Any

from strawberry.extensions import FieldExtension

from api.graphql.context import Context, Info
from commands.permissions import Permission


class Needs(FieldExtension):
    """Refuses a field, before it reads anything, to callers without the permission."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def resolve(self, next_: Any, source: Any, info: Info, **arguments: Any) -> Any:
        info.context.access.demand(info.field_name, self.permission)
        return next_(source, info, **arguments)

    async def resolve_async(self, next_: Any, source: Any, info: Info, **arguments: Any) -> Any:
        info.context.access.demand(info.field_name, self.permission)
        return await next_(source, info, **arguments)


def demand_market_data(context: Context, iso: str) -> None:
    """The one place where fields of market data ask: raises Refused where this ISO's data may not go to the caller.

    The channel is the caller's own, as for JSON from the REST API.
    """
    context.access.demand_iso(iso)


NEEDS_MARKET_DATA: list[FieldExtension] = [Needs(Permission.READ_MARKET_DATA)]
NEEDS_RESULTS: list[FieldExtension] = [Needs(Permission.READ_RESULTS)]
NEEDS_AUDIT: list[FieldExtension] = [Needs(Permission.READ_AUDIT)]
NEEDS_VERIFY: list[FieldExtension] = [Needs(Permission.VERIFY)]
