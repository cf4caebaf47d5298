"""Issuing and revoking API keys, and revoking everything of an actor."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from commands.instruments import Name
from commands.message import Caller, Command, Context, Tools, example
from commands.permissions import Permission, permissions_of
from infra.key_secrets import new_key
from infra.principal import Channel, Principal, Role
from write_model.api_keys import ActorAccess, ApiKey, actor_access_id, api_key_id
from write_model.base import NotFound, Refused

USUAL_LIFE = timedelta(days=90)
LONGEST_LIFE = timedelta(days=366)

Actor = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,200}$")]


class IssueApiKey(Command):
    """A key with a name, and its scopes: roles and a channel (the issuer's own where none is given).

    It acts for `actor`, the issuer where none is given, until `expires_at`: 90 days from now where none is given, and
    366 days at most.
    """

    model_config = example(name="nightly export", roles=["reader"], channel="downloads")

    name: Name
    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=6)]
    channel: Channel | None = None
    actor: Actor | None = None
    expires_at: AwareDatetime | None = None


class RevokeApiKey(Command):
    """Takes a key back for good, effective on the next request."""

    model_config = example(key_id="6f1e2d3c-4b5a-5968-8776-655443322110")

    key_id: UUID


class RevokeActor(Command):
    """Takes back all that an actor holds now: keys, and tokens that were issued before this moment."""

    model_config = example(actor="ada")

    actor: Actor


def stream_of_new_key(_: IssueApiKey, caller: Caller, __: Tools) -> UUID:
    return api_key_id(caller.tenant, caller.command_id)


def stream_of_key(command: RevokeApiKey, _: Caller, __: Tools) -> UUID:
    return command.key_id


def stream_of_actor(command: RevokeActor, caller: Caller, _: Tools) -> UUID:
    return actor_access_id(caller.tenant, command.actor)


def handle_issue_api_key(command: IssueApiKey, _: ApiKey | None, context: Context) -> ApiKey:
    """The key has no more rights than its issuer, and its text is in the answer alone."""
    issuer = _principal(context)
    actor, channel = command.actor or issuer.actor, command.channel or issuer.channel
    _check_within_rights(issuer, command, actor, channel)
    made = new_key()
    context.show_once(made.text)
    return ApiKey.issue(
        context.stream_id,
        name=command.name,
        actor=actor,
        roles=tuple(sorted(set(command.roles))),
        channel=channel,
        prefix=made.prefix,
        secret_sha256=made.secret_sha256,
        expires_at=_end(command, context.tools.now()),
    )


def handle_revoke_api_key(command: RevokeApiKey, key: ApiKey | None, context: Context) -> ApiKey:
    principal = _principal(context)
    # Somebody else's key is as little to be seen as one that does not exist.
    if key is None or not (_is_admin(principal) or key.actor == principal.actor):
        raise NotFound("API key", command.key_id, remedy="`carbon254 api-keys list` shows the keys.")
    key.revoke()
    return key


def handle_revoke_actor(command: RevokeActor, access: ActorAccess | None, context: Context) -> ActorAccess:
    principal = _principal(context)
    if not (_is_admin(principal) or command.actor == principal.actor):
        raise _forbidden(f"{principal.actor} may not revoke what {command.actor} holds", "Ask an admin.")
    if access is None:
        return ActorAccess.revoke(context.stream_id, command.actor)
    access.revoke_again()
    return access


def _check_within_rights(issuer: Principal, command: IssueApiKey, actor: str, channel: Channel) -> None:
    if issuer.kind == "key":
        # It could outlive its own end and its own revocation by a child.
        raise _forbidden("an API key issues no API keys", "Issue it with a token.")
    if lacking := sorted(set(command.roles) - issuer.roles - {"reader"}):
        raise _forbidden(
            f"a key has no more rights than its issuer, who is not {', '.join(lacking)}",
            f"Leave these roles out; {issuer.actor} has {', '.join(sorted(issuer.roles)) or 'none'}.",
        )
    if not issuer.roles:
        raise _forbidden(f"{issuer.actor} has no role to give", "Ask an admin for a role.")
    if channel != issuer.channel and not _is_admin(issuer):
        raise _forbidden(f"the issuer's channel is {issuer.channel}, not {channel}", "Leave the channel out.")
    if actor != issuer.actor and not _is_admin(issuer):
        raise _forbidden(f"only an admin issues keys for others, like {actor}", "Leave the actor out, or ask an admin.")


def _end(command: IssueApiKey, now: datetime) -> datetime:
    end = command.expires_at or now + USUAL_LIFE
    if end <= now:
        raise Refused(f"expires_at {end.isoformat()} is over already", remedy="Give a later time, or none.", status=422)
    if end > now + LONGEST_LIFE:
        raise Refused(
            f"expires_at {end.isoformat()} is more than {LONGEST_LIFE.days} days from now",
            remedy="Give an earlier time, and issue another key when this one ends.",
            status=422,
        )
    return end


def _principal(context: Context) -> Principal:
    """Rights are given and taken by somebody who has some, never by the platform itself."""
    if context.caller.principal is None:
        raise _forbidden("nobody in particular sent this", "Send it with a token.")
    return context.caller.principal


def _is_admin(principal: Principal) -> bool:
    return Permission.MANAGE_KEYS in permissions_of(principal.roles)


def _forbidden(reason: str, remedy: str) -> Refused:
    return Refused(reason, remedy=remedy, status=403)
