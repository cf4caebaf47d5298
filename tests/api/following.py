"""A desk whose curve is followed, and what the log has of it, for tests of what keeps curves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from api.cli.connection import Connection
from api.platform import Platform
from infra.event_mapper import RecordedEvent
from projections.agents import CURVE_KEEPER
from queries.dead_letters import dead_letters
from tests.api.test_staleness import Desk
from write_model.curves import Curve


@contextmanager
def following_desk(platform: Platform, api: Connection) -> Iterator[Desk]:
    """A curve that is followed until the end of the test."""
    made = Desk(platform, api)
    follow(made)
    yield made
    assert dead_letters(platform.pool, CURVE_KEEPER) == []
    if listed(made)[0]["followed_by"]:
        follow(made, "unfollow-curve")


def follow(desk: Desk, command: str = "follow-curve") -> dict[str, Any]:
    return desk.api.command(command, {"hub": desk.hub, "scenario": desk.scenario})


def listed(desk: Desk) -> list[dict[str, Any]]:
    """The curves of a desk, newest first."""
    return list(desk.api.get("/v1/curves", hub=desk.hub, wait_for="head")["items"])


def events(platform: Platform, after: int = 0) -> list[RecordedEvent]:
    return platform.log.page(after, 10_000)


def builds(platform: Platform, after: int) -> list[RecordedEvent]:
    return [recorded for recorded in events(platform, after) if isinstance(recorded.event, Curve.Built)]
