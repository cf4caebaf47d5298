"""What routes share: the platform behind them, who calls, waiting for a position, unknown parameters, time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Depends, Header, Query, Request

from api.platform import LOCAL_ACTOR, LOCAL_TENANT, Platform
from api.problems import Problem
from commands.message import Caller


def platform_of(request: Request) -> Platform:
    return cast(Platform, request.app.state.platform)


PlatformOf = Annotated[Platform, Depends(platform_of)]


def caller_of(
    idempotency_key: Annotated[UUID | None, Header(description="the command's id; the same id is handled once")] = None,
    x_correlation_id: Annotated[UUID | None, Header(description="ties together what belongs together")] = None,
) -> Caller:
    """The caller behind the token. The embedded platform has one tenant and one actor."""
    command_id = idempotency_key or uuid4()
    return Caller(
        tenant=LOCAL_TENANT,
        actor=LOCAL_ACTOR,
        command_id=command_id,
        correlation_id=x_correlation_id or command_id,
        causation_id=command_id,
    )


CallerOf = Annotated[Caller, Depends(caller_of)]


def only_known_parameters(request: Request) -> None:
    """A misspelt parameter must not be ignored: it would answer another question than was asked."""
    route = request.scope["route"]
    known = {p.alias for p in route.dependant.query_params}
    pending = list(route.dependant.dependencies)
    while pending:
        dependency = pending.pop()
        known |= {p.alias for p in dependency.query_params}
        pending += dependency.dependencies
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise Problem(
            400,
            f"unknown parameter {', '.join(unknown)}",
            remedy=f"This route knows {', '.join(sorted(known)) or 'no parameters'}.",
        )


def wait_for_position(
    platform: PlatformOf,
    wait_for: Annotated[
        str | None,
        Query(description="a log position, or `head` for the newest: answers once the read models have come to it"),
    ] = None,
) -> None:
    """Read your own writes: the answer holds everything up to the position asked for."""
    if wait_for is None:
        return
    if wait_for != "head" and not wait_for.isdigit():
        raise Problem(400, f"wait_for: {wait_for!r} is neither a position nor `head`", remedy="Write wait_for=head.")
    head = platform.log.head()
    position = head if wait_for == "head" else int(wait_for)
    if position > head:
        raise Problem(
            400, f"wait_for: position {position} is past the newest, {head}", remedy="Use a command's answer."
        )
    platform.wait_for(position)


def moment(text: str, field: str, tz: ZoneInfo | None = None) -> datetime:
    """A time from a request: with an offset as it says, else in `tz`, else UTC. A bare date is its midnight.

    Raises Problem for text that is no time, and for a local time that the clocks skipped or passed twice.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise Problem(
            400,
            f"{field}: {text!r} is no time",
            remedy="Write 2026-01-31, 2026-01-31T05:00Z or 2026-01-31T05:00-06:00.",
        ) from error
    if parsed.tzinfo is None and tz is not None:
        local = parsed.replace(tzinfo=tz)
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            kind = "happened twice" if local.utcoffset() > local.replace(fold=1).utcoffset() else "never happened"  # type: ignore[operator]
            raise Problem(400, f"{field}: {text} {kind} in {tz.key}", remedy="Give the time with its offset.")
        parsed = local
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)


def time_zone(name: str) -> ZoneInfo:
    if name not in available_timezones():
        raise Problem(
            400, f"tz: {name!r} is no IANA time zone", remedy="Write for example America/Chicago, or `market`."
        )
    return ZoneInfo(name)
