"""What was known when: `as_of` as a position of the log, and how final an answer at it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from starlette.concurrency import run_in_threadpool

from api.platform import Platform
from api.rest.dependencies import PlatformOf, is_number, known_position, moment
from queries.checkpoints import checkpoints
from queries.dead_letters import count_dead_letters
from queries.view import ReadView


@dataclass(frozen=True)
class AsOf:
    """The position asked for; None for now. A time is not final: what is recorded next may still fall before it.

    `moment` is the time that was asked for, where one was.
    """

    position: int | None = None
    is_final: bool = False
    moment: datetime | None = None


@dataclass(frozen=True)
class Known:
    """The position that an answer shows; `final` when the same question will get the same answer for ever."""

    position: int
    final: bool

    def at(self, position: int) -> Known:
        return replace(self, position=position)


def read_as_of(platform: Platform, as_of: str | None, zone: ZoneInfo | None = None) -> AsOf:
    """`as_of` of a request: a position of the log, or a time (naive in `zone`, else UTC). Raises Problem."""
    if as_of is None:
        return AsOf()
    # Digits alone are a position, even where they could be a year or a date (20260131).
    if is_number(as_of):
        position = known_position(platform, as_of, "as_of", remedy="Write a date as 2026-01-31, with its dashes.")
        return AsOf(position, is_final=True)
    then = moment(as_of, "as_of", zone)
    return AsOf(platform.log.position_at(then), moment=then)


def judged_at(platform: Platform, as_of: AsOf) -> datetime:
    """The moment from which to judge what is late: that asked for, when the position was recorded, or now."""
    if as_of.moment is not None:
        return as_of.moment
    if as_of.position is not None and (found := platform.log.first_from(as_of.position)):
        return found.metadata.recorded_at
    return platform.clock.now()


def known_at(view: ReadView, projections: Sequence[str], as_of: AsOf) -> Known:
    """What the read models that `projections` fill can show: the position asked for, or what they have come to."""
    come_to = checkpoints(view)
    reached = view.capped(min(come_to.get(name, 0) for name in projections))
    if as_of.position is None:
        return Known(reached, final=False)
    final = as_of.is_final and as_of.position <= reached and not lack_events(view, projections)
    return Known(min(as_of.position, reached), final)


def lack_events(view: ReadView, projections: Sequence[str]) -> bool:
    """Whether one of them has set events aside: once those are applied, what it shows of the past is another."""
    return not count_dead_letters(view.pool).keys().isdisjoint(projections)


AsOfText = Annotated[
    str | None, Query(description="a time or a log position: what was known then", examples=["2026-01-31T12:00Z"])
]


async def _as_of(platform: PlatformOf, as_of: AsOfText = None) -> AsOf:
    return AsOf() if as_of is None else await run_in_threadpool(read_as_of, platform, as_of)


AsOfParameter = Annotated[AsOf, Depends(_as_of)]
