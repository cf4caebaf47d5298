"""Followed curves: which hub, under which scenario, is to have a curve that is never stale for long."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from write_model.base import Aggregate, NotFound, stream_id

NOUN = "followed curve"


@dataclass(frozen=True)
class Rights:
    """With which rights curves are built for whoever follows: as they were when it was asked for.

    `key_prefix` names the API key by which it was asked, null where it was no key.
    """

    roles: tuple[str, ...]
    channel: str
    key_prefix: str | None = None


class FollowedCurve(Aggregate):
    """A hub's curve under a scenario that somebody wants built again whenever it is stale."""

    NAME = "followed_curve"

    def __init__(self, hub: str, scenario: str, rights: Rights) -> None:
        self.hub = hub
        self.scenario = scenario
        self.rights = rights
        self.is_followed = True

    class Followed(Aggregate.Created):
        TOPIC = "curve.followed"
        hub: str
        scenario: str
        rights: Rights

    class FollowedAgain(Aggregate.Event):
        """From now on it is built with the rights of whoever asked last."""

        TOPIC = "curve.followed_again"
        hub: str
        scenario: str
        rights: Rights

        def apply(self, aggregate: FollowedCurve) -> None:
            aggregate.rights, aggregate.is_followed = self.rights, True

    class Unfollowed(Aggregate.Event):
        TOPIC = "curve.unfollowed"
        hub: str
        scenario: str

        def apply(self, aggregate: FollowedCurve) -> None:
            aggregate.is_followed = False

    @classmethod
    def follow(cls, followed_id: UUID, hub: str, scenario: str, rights: Rights) -> FollowedCurve:
        return cls._create(cls.Followed, id=followed_id, hub=hub, scenario=scenario, rights=rights)

    def follow_again(self, rights: Rights) -> None:
        self.trigger_event(self.FollowedAgain, hub=self.hub, scenario=self.scenario, rights=rights)

    def unfollow(self) -> None:
        """Raises NotFound where nobody follows it any more."""
        if not self.is_followed:
            raise not_followed(self.hub, self.scenario)
        self.trigger_event(self.Unfollowed, hub=self.hub, scenario=self.scenario)


def not_followed(hub: str, scenario: str) -> NotFound:
    return NotFound(
        NOUN,
        f"of {hub} under {scenario}",
        remedy="`carbon254 curves list` shows in `followed_by` which are followed.",
    )


def followed_curve_id(tenant: str, hub: str, scenario: str) -> UUID:
    return stream_id(tenant, NOUN, {"hub": hub, "scenario": scenario})
