"""Granting and revoking entitlements, and what a caller is entitled to at this moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, NamedTuple, get_args
from uuid import UUID

from pydantic import BeforeValidator, Field, model_validator

from commands.instruments import Iso, Name
from commands.message import Caller, Command, Context, Tools, example
from commands.permissions import NotPermitted
from infra.principal import CHANNELS, Channel, Principal
from write_model.base import NotFound, Refused
from write_model.entitlements import Entitlements, Window, entitlements_id

ISOS: tuple[Iso, ...] = get_args(Iso)


def _aware(value: object) -> datetime:
    """A time with an offset as it says, else UTC; a bare date is its midnight."""
    try:
        parsed = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{value!r} is no time; write 2026-01-31 or 2026-01-31T05:00-06:00") from error


Moment = Annotated[datetime, BeforeValidator(_aware)]
Channels = Annotated[tuple[Channel, ...], Field(min_length=1, max_length=len(CHANNELS))]


class GrantEntitlement(Command):
    """Market data of an ISO for a tenant, by some channels, in [valid_from, valid_until). What these channels had been
    granted before is replaced."""

    model_config = example(tenant="acme", iso="MISO", channels=["hub", "api"], valid_until="2027-01-01")

    tenant: Name
    iso: Iso
    channels: Channels
    valid_from: Moment | None = None
    valid_until: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> GrantEntitlement:
        if self.valid_from and self.valid_until and self.valid_until <= self.valid_from:
            raise ValueError("valid_until must be later than valid_from")
        return self


class RevokeEntitlement(Command):
    """Takes channels of an ISO from a tenant, all of them where none is named; effective on the next request."""

    model_config = example(tenant="acme", iso="MISO", channels=["downloads"])

    tenant: Name
    iso: Iso
    channels: Channels = CHANNELS


def stream_of_entitlements(command: GrantEntitlement | RevokeEntitlement, _: Caller, tools: Tools) -> UUID:
    return entitlements_id(tools.platform_tenant, command.tenant)


def handle_grant_entitlement(
    command: GrantEntitlement, entitlements: Entitlements | None, context: Context
) -> Entitlements:
    if command.tenant == context.tools.platform_tenant:
        raise Refused(
            f"{command.tenant} is the platform's own tenant, which is entitled to everything",
            remedy="Grant to the tenant of the colleague or customer.",
            status=422,
        )
    if command.valid_until and command.valid_until <= context.tools.now():
        raise Refused(
            f"valid_until {command.valid_until.isoformat()} is over already",
            remedy="Give a later time, or revoke what is to end now.",
            status=422,
        )
    entitlements = entitlements or Entitlements.open(context.stream_id, command.tenant)
    entitlements.grant(command.iso, set(command.channels), Window(command.valid_from, command.valid_until))
    return entitlements


def handle_revoke_entitlement(
    command: RevokeEntitlement, entitlements: Entitlements | None, _: Context
) -> Entitlements:
    if entitlements is None:
        raise NotFound(
            "entitlement", f"of {command.tenant}", remedy="`carbon254 entitlements list` shows what is granted."
        )
    entitlements.revoke(command.iso, set(command.channels))
    return entitlements


class Entitled(NamedTuple):
    """The ISOs that may go to a caller by a channel, and the position of the event that last decided about its tenant.

    The position tells the same ISOs before and after others were granted and taken back.
    """

    isos: frozenset[str]
    position: int


def entitled_now(tools: Tools, principal: Principal, channel: Channel) -> Entitled:
    """What may go to this caller by `channel` now.

    It is decided from the events of the tenant's own stream, read anew each time: a revocation by any process counts
    from the next question on, and no cache can be stale.
    """
    if principal.tenant == tools.platform_tenant:
        return Entitled(frozenset(ISOS), 0)
    found = tools.read_aggregate(Entitlements, entitlements_id(tools.platform_tenant, principal.tenant))
    if found is None:
        return Entitled(frozenset(), 0)
    now = tools.now()
    return Entitled(frozenset(iso for iso in ISOS if found.value.allows(iso, channel, now)), found.position)


def entitled_isos(tools: Tools, principal: Principal, channel: Channel) -> frozenset[str]:
    """The ISOs whose market data may go to this caller by `channel` now."""
    return entitled_now(tools, principal, channel).isos


def demand_entitlement(tools: Tools, principal: Principal, iso: str, channel: Channel) -> None:
    """Raises NotPermitted naming ISO and channel where the caller may not have this market data this way."""
    if iso not in entitled_isos(tools, principal, channel):
        raise NotPermitted(
            f"{principal.tenant} is not entitled to {iso} by the channel {channel}",
            remedy=f"The platform's admin grants it: `carbon254 entitlements grant {principal.tenant} --iso {iso} "
            f"--channel {channel}`.",
        )
