"""Following curves: asking for a hub's curve to be built again whenever it is stale, and taking that back."""

from __future__ import annotations

from uuid import UUID

from commands.entitlements import demand_entitlement
from commands.instruments import Name
from commands.message import Caller, Command, Context, Tools, example
from commands.permissions import NotPermitted
from write_model.followed_curves import FollowedCurve, Rights, followed_curve_id, not_followed
from write_model.instruments import Instrument, instrument_id
from write_model.scenarios import Scenario, scenario_id


class FollowCurve(Command):
    """Has the curve of a hub under a scenario built again whenever what it was made from is known otherwise.

    It is built in the name and with the rights of whoever asked last: with the roles of that moment, and as long as
    the actor (or the API key by which it was asked) is not revoked. Entitlements are asked for at each build.
    """

    model_config = example(hub="PJM-WH", scenario="base")

    hub: Name
    scenario: Name


class UnfollowCurve(Command):
    """Has the curve of a hub under a scenario not built by itself any more."""

    model_config = example(hub="PJM-WH", scenario="base")

    hub: Name
    scenario: Name


def stream_of_followed_curve(command: FollowCurve | UnfollowCurve, caller: Caller, _: Tools) -> UUID:
    return followed_curve_id(caller.tenant, command.hub, command.scenario)


def handle_follow_curve(command: FollowCurve, followed: FollowedCurve | None, context: Context) -> FollowedCurve:
    tenant, principal = context.caller.tenant, context.caller.principal
    if principal is None:
        raise NotPermitted("nobody in particular sent this", remedy="Send it with a token.")
    instrument = context.load(
        Instrument,
        instrument_id(tenant, command.hub),
        "hub",
        command.hub,
        remedy="`carbon254 instruments list` shows the hubs.",
    )
    context.load(
        Scenario, scenario_id(tenant, command.scenario), "scenario", command.scenario,
        remedy="`carbon254 scenarios list` shows them; define one with `carbon254 scenarios define`.",
    )  # fmt: skip
    demand_entitlement(context.tools, principal, instrument.value.hub.iso, principal.channel)
    rights = Rights(
        roles=tuple(sorted(principal.roles)),
        channel=principal.channel,
        key_prefix=principal.key_prefix,
    )
    if followed is None:
        return FollowedCurve.follow(context.stream_id, command.hub, command.scenario, rights)
    followed.follow_again(rights)
    return followed


def handle_unfollow_curve(command: UnfollowCurve, followed: FollowedCurve | None, _: Context) -> FollowedCurve:
    if followed is None:
        raise not_followed(command.hub, command.scenario)
    followed.unfollow()
    return followed
