"""API keys, and the revocation of everything that an actor holds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from write_model.base import Aggregate, stream_id

NOUN = "api key"


class ApiKey(Aggregate):
    """A key by which programs call as `actor`, until it expires or is revoked. Its secret is in no event."""

    NAME = "api_key"

    def __init__(
        self,
        name: str,
        actor: str,
        roles: tuple[str, ...],
        channel: str,
        prefix: str,
        secret_sha256: str,
        expires_at: datetime,
    ) -> None:
        self.name = name
        self.actor = actor
        self.roles = roles
        self.channel = channel
        self.prefix = prefix
        self.secret_sha256 = secret_sha256
        self.expires_at = expires_at
        self.is_revoked = False

    class Issued(Aggregate.Created):
        TOPIC = "api_key.issued"
        name: str
        actor: str
        roles: tuple[str, ...]
        channel: str
        prefix: str
        secret_sha256: str
        expires_at: datetime

    class Revoked(Aggregate.Event):
        TOPIC = "api_key.revoked"

        def apply(self, aggregate: ApiKey) -> None:
            aggregate.is_revoked = True

    @classmethod
    def issue(
        cls,
        key_id: UUID,
        *,
        name: str,
        actor: str,
        roles: tuple[str, ...],
        channel: str,
        prefix: str,
        secret_sha256: str,
        expires_at: datetime,
    ) -> ApiKey:
        return cls._create(
            cls.Issued,
            id=key_id,
            name=name,
            actor=actor,
            roles=roles,
            channel=channel,
            prefix=prefix,
            secret_sha256=secret_sha256,
            expires_at=expires_at,
        )

    def revoke(self) -> None:
        """For good; a revoked key stays as it is."""
        if not self.is_revoked:
            self.trigger_event(self.Revoked)


class ActorAccess(Aggregate):
    """What an actor held at some moment counts no more: keys, and tokens that were issued before."""

    NAME = "actor_access"

    def __init__(self, actor: str) -> None:
        self.actor = actor

    class Revoked(Aggregate.Created):
        TOPIC = "actor.revoked"
        actor: str

    class RevokedAgain(Aggregate.Event):
        TOPIC = "actor.revoked_again"
        actor: str

    @classmethod
    def revoke(cls, access_id: UUID, actor: str) -> ActorAccess:
        return cls._create(cls.Revoked, id=access_id, actor=actor)

    def revoke_again(self) -> None:
        """What the actor got since then counts no more either."""
        self.trigger_event(self.RevokedAgain, actor=self.actor)


def api_key_id(tenant: str, command_id: UUID) -> UUID:
    """Each issuing command makes one key."""
    return stream_id(tenant, NOUN, str(command_id))


def actor_access_id(tenant: str, actor: str) -> UUID:
    return stream_id(tenant, "actor", actor)
