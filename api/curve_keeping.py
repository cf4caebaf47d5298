"""What the keeper of followed curves knows: answers from the read models, and who still has the rights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from api.platform import Platform
from commands.curve_keeping import CurveKeeper, Due, Scope
from infra.event_mapper import RecordedEvent
from infra.principal import Principal
from projections.agents import CURVE_KEEPER, Agent
from queries import followed_curves as queries


def curve_keeper(platform: Platform) -> Agent:
    """The agent that builds followed curves again. Each has a memory of its own, and is for one thread."""
    followed = _Followed(platform)
    keeper = CurveKeeper(platform.bus, followed)
    return Agent(CURVE_KEEPER, platform.pool, platform.log, keeper.handle, followed.standing)


def keep_curves(platform: Platform) -> None:
    """Builds followed curves again as long as this process runs; of one process that has the whole platform."""
    platform.curve_keeper = subscription = curve_keeper(platform).follow()
    subscription.start()
    platform.closers.append(subscription.stop)


class _Followed:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def concerned(self, scope: Scope) -> Sequence[UUID]:
        return queries.concerned(self._platform.view, **scope._asdict())

    def due(self, followed_id: UUID, as_of: int) -> Due | None:
        found = queries.due(self._platform.view, followed_id, as_of)
        if found is None:
            return None
        return Due(
            followed_id=followed_id,
            hub=found["hub"],
            scenario=found["scenario"],
            principal=Principal(
                tenant=found["tenant"],
                actor=found["actor"],
                roles=frozenset(found["roles"]),
                channel=found["channel"],
                kind="key" if found["key_prefix"] else "token",
                credential=f"key {found['key_prefix']}" if found["key_prefix"] else "",
            ),
            asked_at=found["log_position"],
            asked_by_command=found["command_id"],
            curve_id=found["curve_id"],
            since=found["since"],
        )

    def revoked(self, due: Due) -> str | None:
        key = due.principal.credential.removeprefix("key ") or None
        return self._platform.credentials.revoked_since(due.principal, due.asked_at, key)

    def standing(self) -> Iterator[RecordedEvent]:
        """The newest event of each curve that is followed."""
        self._platform.settled_position()
        for followed_id in self.concerned(Scope()):
            yield self._platform.log.stream(followed_id).events[-1]
