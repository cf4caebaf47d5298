"""Every command says who may send it; who may not is refused on record; the documented table is the one that acts."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from api.platform import LOCAL_TENANT, Platform
from commands.message import Caller, Refused
from commands.permissions import PERMISSIONS, PLATFORM_ONLY, Permission, demand, holds
from commands.registry import REGISTRY
from commands.scenarios import DefineScenario
from infra.principal import ROLES, Principal, Role

ACCESS_PAGE = Path(__file__).parents[2] / "docs" / "access.md"


def principal(tenant: str, *roles: str) -> Principal:
    return Principal(tenant, "someone", frozenset(roles))


def caller(who: Principal, command_id: UUID | None = None) -> Caller:
    chosen = command_id or uuid4()
    return Caller(who.tenant, who.actor, chosen, chosen, chosen, who)


def documented() -> dict[str, dict[str, str]]:
    """The table of docs/access.md: permission to role to cell."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in ACCESS_PAGE.read_text().splitlines()
        if line.startswith("|")
    ]
    (header,) = [row for row in rows if row[0] == "permission"]
    named = {str(permission) for permission in Permission}
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows if row[0] in named}


def test_the_documented_table_is_the_one_that_acts() -> None:
    shown = documented()
    assert set(shown) == {str(permission) for permission in Permission}
    for permission in Permission:
        cells = shown[permission]
        assert {role for role in ROLES if cells[role]} == {role for role in ROLES if permission in PERMISSIONS[role]}
        assert (cells["held in"] == "the platform's own tenant") == (permission in PLATFORM_ONLY)


def test_every_role_is_in_the_table_and_none_holds_everything() -> None:
    assert set(PERMISSIONS) == set(ROLES)
    assert all(held < set(Permission) for held in PERMISSIONS.values())


@pytest.mark.parametrize("permission", sorted(PLATFORM_ONLY))
def test_another_tenant_operates_nothing_whatever_its_roles(permission: Permission) -> None:
    assert holds(principal("local", *ROLES), permission, "local")
    assert not holds(principal("acme", *ROLES), permission, "local")
    with pytest.raises(Refused, match=re.escape(f"`{permission}`")) as refused:
        demand(principal("acme", *ROLES), "this", (permission,), "local")
    assert refused.value.status == 403
    assert "platform's own tenant" in refused.value.remedy


def test_an_unknown_role_gives_nothing() -> None:
    assert not any(holds(principal("local", "root", "Admin", ""), permission, "local") for permission in Permission)


def test_a_message_names_permission_own_roles_and_who_could_help() -> None:
    with pytest.raises(Refused) as refused:
        demand(principal("acme", "reader"), "build-curve", (Permission.COMPUTE,), "local")
    assert refused.value.reason == (
        "build-curve needs the permission `compute`, which your roles (reader) do not give you"
    )
    assert refused.value.remedy == "Ask an admin for the role analyst."


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_each_command_is_for_those_roles_that_hold_its_permission(name: str, role: Role) -> None:
    permission = REGISTRY[name].permission
    assert holds(principal("local", role), permission, "local") == (permission in PERMISSIONS[role])


def test_who_may_not_is_refused_on_record(platform: Platform) -> None:
    command, who = DefineScenario(name=f"s-{uuid4()}", growth_per_year=0.1), principal(LOCAL_TENANT, "reader")
    sent = caller(who)
    with pytest.raises(Refused, match="define-scenario needs the permission `define`") as refused:
        platform.bus.dispatch(command, sent)
    assert refused.value.status == 403
    (recorded,) = platform.log.page(platform.log.head() - 1)
    assert (recorded.name, recorded.metadata.actor) == ("command.refused", "someone")
    assert recorded.payload()["reason"] == refused.value.reason
    assert platform.bus.dispatch(command, caller(principal(LOCAL_TENANT, "analyst"), sent.command_id)).status == "done"


def test_who_lost_a_role_is_not_told_the_recorded_answer(platform: Platform) -> None:
    command, command_id = DefineScenario(name=f"s-{uuid4()}", growth_per_year=0.1), uuid4()
    platform.bus.dispatch(command, caller(principal(LOCAL_TENANT, "analyst"), command_id))
    with pytest.raises(Refused) as refused:
        platform.bus.dispatch(command, caller(principal(LOCAL_TENANT, "reader"), command_id))
    assert refused.value.status == 403
