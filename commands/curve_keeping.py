"""Keeping followed curves fresh: an event that may have made one stale has it built again, if it is stale indeed.

What is handed in is a hint and no more: whether anything is to be built is asked of what is known. So an event that
comes again, late or beside many others does nothing once the curve is fresh. Each curve has one successor, whose
command id is derived from it: two that build it at the same time, or again after a crash, make one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID, uuid5

from commands.bus import CommandBus
from commands.curves import BuildCurve
from commands.message import Answer, Caller, Refused
from commands.permissions import NotPermitted
from infra.event_mapper import RecordedEvent
from infra.failures import is_fault_of_event
from infra.principal import Principal
from write_model.entitlements import Entitlements
from write_model.followed_curves import FollowedCurve
from write_model.publications import Publication
from write_model.quotes import QuoteSheet
from write_model.scenarios import Scenario

logger = logging.getLogger(__name__)


class Scope(NamedTuple):
    """Whose curves an event concerns: those of a tenant, or those with their prices in a market of an ISO."""

    tenant: str | None = None
    iso: str | None = None
    market: str | None = None


@dataclass(frozen=True)
class Due:
    """A followed curve that is to be built. `principal` is who asked for it, by the event at `asked_at`.

    `curve_id` is the newest curve there is, null where none was built; `since` the newest position at which something
    changed that it was made from.
    """

    followed_id: UUID
    hub: str
    scenario: str
    principal: Principal
    asked_at: int
    asked_by_command: UUID
    curve_id: UUID | None
    since: int


class FollowedCurves(Protocol):
    """What is known of followed curves."""

    def concerned(self, scope: Scope) -> Sequence[UUID]: ...

    def due(self, followed_id: UUID, as_of: int) -> Due | None:
        """None where the curve is fresh or not followed, by what was known at `as_of`."""
        ...

    def revoked(self, due: Due) -> str | None:
        """Why whoever asked has no rights any more, if it is so."""
        ...


class CurveKeeper:
    """Handles events in any order, as often as they come; for one thread."""

    def __init__(self, bus: CommandBus, followed: FollowedCurves) -> None:
        self._bus = bus
        self._followed = followed
        # By what each was looked at; and up to which change its successor was refused.
        self._seen: dict[UUID, int] = {}
        self._refused: dict[UUID, int] = {}

    def handle(self, events: Sequence[RecordedEvent]) -> None:
        """Builds what the events made stale, each curve once for all of them.

        A curve that fails keeps no other one from being built. Raises what it failed with, and at once where an engine
        does not answer.
        """
        newest = {scope: recorded for recorded in events if (scope := scope_of(recorded))}
        if newest:
            self._bus.tools.settled_position()  # so that a curve that was followed before them is known to be
        causes: dict[UUID, RecordedEvent] = {}
        for scope, recorded in newest.items():
            for followed_id in self._followed.concerned(scope):
                if recorded.position > max(self._seen.get(followed_id, 0), _position(causes.get(followed_id))):
                    causes[followed_id] = recorded
        failure: Exception | None = None
        for followed_id, cause in causes.items():
            try:
                self._keep(followed_id, cause)
            except Exception as error:
                if not is_fault_of_event(error):
                    raise
                failure = failure or error
        if failure:
            raise failure

    def _keep(self, followed_id: UUID, cause: RecordedEvent) -> None:
        known, earlier = 0, None
        while known < cause.position:
            as_of = self._bus.tools.settled_position()
            due = self._followed.due(followed_id, as_of)
            answer = self._build(due, cause) if due else None
            if answer and answer.id == earlier:
                raise LookupError(f"the curve {answer.id} was built, but is not among the curves")
            # It may be that of another process, which had begun before the cause was there.
            known, earlier = (read_through(answer), answer.id) if answer else (as_of, None)
        self._seen[followed_id] = known

    def _build(self, due: Due, cause: RecordedEvent) -> Answer | None:
        """None where it is refused, or was before and only the same is known now."""
        command = BuildCurve(hub=due.hub, scenario=due.scenario)
        caller = Caller(
            tenant=due.principal.tenant,
            actor=due.principal.actor,
            command_id=successor_id(due),
            correlation_id=due.asked_by_command,
            causation_id=cause.metadata.command_id,
            principal=due.principal,
        )
        if self._refused.get(caller.command_id, -1) >= _newest_change(due, cause):
            return None
        try:
            if why := self._followed.revoked(due):
                remedy = "Somebody who may build curves follows it again: `carbon254 curves follow`."
                refused = NotPermitted(why, remedy=remedy)
                self._bus.record_refusal(command, caller, refused)
                raise refused
            answer = self._bus.dispatch(command, caller)
        except Refused as refused:
            logger.warning("the curve of %s under %s is not built: %s", due.hub, due.scenario, refused.reason)
            self._refused[caller.command_id] = _newest_change(due, cause)
            return None
        self._refused.pop(caller.command_id, None)
        logger.info("the curve of %s under %s is built again: %s", due.hub, due.scenario, answer.id)
        return answer


def scope_of(recorded: RecordedEvent) -> Scope | None:
    """Whose curves an event may have made stale, or may let be built; None where nobody's."""
    match recorded.event:
        case Publication.Ingested(reading=reading) | Publication.Reread(reading=reading):
            is_price = reading.dataset == "prices"
            return Scope(iso=reading.iso, market=reading.market) if is_price else None
        case QuoteSheet.Recorded() | Scenario.Revised() | FollowedCurve.Followed() | FollowedCurve.FollowedAgain():
            return Scope(recorded.metadata.tenant)
        case Entitlements.Granted(tenant=tenant):
            return Scope(tenant)
    return None


def concerns_curves(recorded: RecordedEvent) -> bool:
    """Whether an event is of any use to a keeper."""
    return scope_of(recorded) is not None


def lane_of(recorded: RecordedEvent) -> str | None:
    """What concerns the same curves has the same lane; None where an event concerns none."""
    scope = scope_of(recorded)
    return "/".join(filter(None, scope)) if scope else None


def successor_id(due: Due) -> UUID:
    """The id of the command by which a curve is built again: the same for whoever sends it."""
    return uuid5(due.followed_id, str(due.curve_id))


def read_through(answer: Answer) -> int:
    """The position up to which a built curve read."""
    return int(answer.events[0]["data"]["computation"]["parameters"]["through_position"])


def _newest_change(due: Due, cause: RecordedEvent) -> int:
    """Where something last changed that may end a refusal. Further prices that change nothing are no reason."""
    is_price = isinstance(cause.event, Publication.Ingested | Publication.Reread)
    return due.since if is_price else max(due.since, cause.position)


def _position(recorded: RecordedEvent | None) -> int:
    return recorded.position if recorded else 0
