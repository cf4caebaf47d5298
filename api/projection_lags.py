"""How far each read model lies behind the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from api.platform import Follower, Platform
from queries.checkpoints import checkpoints
from queries.dead_letters import count_dead_letters


@dataclass(frozen=True)
class ProjectionLag:
    """One read model: the position it has come to, and what is missing from there to the newest event.

    `lag_s` is the age in seconds of the oldest event that it has not applied; 0 where there is none. `trouble` says
    what keeps it from following, None while nothing does.
    """

    name: str
    position: int
    lag: int
    lag_s: float
    dead_letters: int
    trouble: str | None


def projection_lags(platform: Platform) -> list[ProjectionLag]:
    """Every read model, by name."""
    head, now = platform.log.head(), datetime.now(UTC)
    known, dead = checkpoints(platform.view), count_dead_letters(platform.pool)
    lags = []
    troubles = {subscription.name: subscription.trouble for subscription in platform.subscriptions}
    for name, subscription in _subscriptions(platform.subscriptions):
        position = known.get(name, 0)
        lags.append(
            ProjectionLag(
                name=name,
                position=position,
                lag=platform.log.count(head) - platform.log.count(position) if position < head else 0,
                lag_s=_age_s(platform, position, now) if position < head else 0.0,
                dead_letters=dead.get(name, 0),
                trouble=troubles[subscription.name],
            )
        )
    return lags


def _subscriptions(subscriptions: Sequence[Follower]) -> list[tuple[str, Follower]]:
    """Who feeds which read model, by its name."""
    return sorted(((name, s) for s in subscriptions for name in s.projections), key=lambda pair: pair[0])


def _age_s(platform: Platform, position: int, now: datetime) -> float:
    for event in platform.log.stored_page(position, 1):
        return max(0.0, (now - (event.recorded_at or now)).total_seconds())
    return 0.0
