"""Who may do what: one table from role to permissions, asked by the bus for commands and by the API for reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from infra.principal import ROLES, Principal, Role
from write_model.base import Refused


class Permission(StrEnum):
    """Each value is what the permission is called in messages, in the OpenAPI document and in docs/access.md."""

    READ_MARKET_DATA = "read market data"
    READ_RESULTS = "read results"
    COMPUTE = "compute"
    DEFINE = "define"
    READ_AUDIT = "read the audit log"
    HOLD_KEYS = "hold keys"
    MANAGE_KEYS = "manage keys"
    OPERATE = "operate"
    VERIFY = "verify"
    GRANT_ENTITLEMENTS = "grant entitlements"


_EVERYBODY = frozenset({Permission.READ_MARKET_DATA, Permission.READ_RESULTS, Permission.HOLD_KEYS})

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    "reader": _EVERYBODY,
    "analyst": _EVERYBODY | {Permission.COMPUTE, Permission.DEFINE},
    "approver": _EVERYBODY,
    "operator": _EVERYBODY | {Permission.OPERATE, Permission.VERIFY},
    "auditor": _EVERYBODY | {Permission.READ_AUDIT, Permission.VERIFY},
    "admin": _EVERYBODY | {Permission.READ_AUDIT, Permission.MANAGE_KEYS, Permission.GRANT_ENTITLEMENTS},
}

PLATFORM_ONLY = frozenset({Permission.OPERATE, Permission.VERIFY, Permission.GRANT_ENTITLEMENTS})
"""What touches everybody's data: a role holds these only in the platform's own tenant."""


class NotPermitted(Refused):
    """The caller is known, but may not do this."""

    def __init__(self, reason: str, *, remedy: str) -> None:
        super().__init__(reason, remedy=remedy, status=403)


def permissions_of(roles: Collection[str]) -> frozenset[Permission]:
    """What roles give in the platform's own tenant; a role that is not in the table gives nothing."""
    return frozenset().union(*(PERMISSIONS[role] for role in ROLES if role in roles))


def holds(principal: Principal, permission: Permission, platform_tenant: str) -> bool:
    if permission in PLATFORM_ONLY and principal.tenant != platform_tenant:
        return False
    return permission in permissions_of(principal.roles)


def demand(principal: Principal, what: str, permissions: Collection[Permission], platform_tenant: str) -> None:
    """Returns where the principal holds one of `permissions`; else raises NotPermitted, naming them and their roles."""
    if any(holds(principal, permission, platform_tenant) for permission in permissions):
        return
    wanted = " or ".join(f"`{permission}`" for permission in permissions)
    roles = " or ".join(role for role in ROLES if PERMISSIONS[role].intersection(permissions))
    own = ", ".join(sorted(principal.roles)) or "none"
    where = " in the platform's own tenant" if PLATFORM_ONLY.issuperset(permissions) else ""
    raise NotPermitted(
        f"{what} needs the permission {wanted}, which your roles ({own}) do not give you",
        remedy=f"Ask an admin for the role {roles}{where}.",
    )
