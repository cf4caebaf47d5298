"""What routes share: the platform behind them, who calls, waiting for a position, parameters, time.

FastAPI calls what is not `async` in a thread, which takes longer than most of these do: all are but what waits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, cast, get_origin
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Depends, Header, Query, Request, Security
from fastapi.params import Security as SecurityParameter
from fastapi.security import HTTPBearer, SecurityScopes
from starlette.concurrency import run_in_threadpool

from api.access import Access
from api.platform import Platform
from api.problems import Problem
from commands.instruments import Iso, Market
from commands.message import Caller, refuse_control_characters
from commands.permissions import Permission
from infra.principal import Principal
from projections.replays import NoReplay
from queries.prices import MARKET_ZONES
from queries.view import ReadView

# Far beyond any market's data and any curve, and well within what every engine here can hold.
FIRST_YEAR, LAST_YEAR = 1900, 2200
_LONGEST_POSITION = 19  # digits of 2**63

MarketIso = Annotated[Iso, Query(description="the operator", examples=["PJM"])]
IsoParameter = Annotated[Iso | None, Query(description="the operator")]
MarketParameter = Annotated[Market | None, Query(description="day-ahead, or real time by the hour, 15 or 5 minutes")]
StartParameter = Annotated[str, Query(description="first interval start, inclusive", examples=["2026-01-30T05:00Z"])]
EndParameter = Annotated[str, Query(description="interval starts before this", examples=["2026-01-31T05:00Z"])]
ZoneParameter = Annotated[str | None, Query(description="IANA name or `market`: reads naive times, adds local columns")]
NameParameter = Annotated[str | None, Query(max_length=200, description="exactly this name")]
StaleParameter = Annotated[bool | None, Query(description="only those that are stale, or only those that are not")]


async def platform_of(request: Request) -> Platform:
    return cast(Platform, request.app.state.platform)


PlatformOf = Annotated[Platform, Depends(platform_of)]


async def view_of(
    platform: PlatformOf,
    replay: Annotated[str | None, Query(description="a replay: the read models as they stood at its position")] = None,
) -> ReadView:
    """The read models that a question is put to: the live ones, or those of a replay."""
    if replay is None:
        return platform.view
    try:
        found = await run_in_threadpool(platform.replays.find, replay)
    except NoReplay as error:
        raise Problem(404, error.message, remedy=error.remedy) from error
    return ReadView(found.pool, platform.clickhouse, found.position)


ViewOf = Annotated[ReadView, Depends(view_of)]


async def principal_of(request: Request) -> Principal:
    """Who calls, as the door has found out."""
    return cast(Principal, request.scope["principal"])


PrincipalOf = Annotated[Principal, Depends(principal_of)]


async def access_of(platform: PlatformOf, principal: PrincipalOf) -> Access:
    """What the caller may do and see."""
    return Access(platform.bus.tools, principal)


AccessOf = Annotated[Access, Depends(access_of)]
bearer = HTTPBearer(auto_error=False, description="a token, an API key, or the data folder's token")


async def _permitted(
    request: Request, scopes: SecurityScopes, access: AccessOf, _: Annotated[object, Depends(bearer)]
) -> None:
    access.demand(f"{request.method} {request.scope['route'].path}", *map(Permission, scopes.scopes))


def needs(*permissions: Permission) -> SecurityParameter:
    """The dependency by which a route says what it needs: one of `permissions`. The OpenAPI document shows it."""
    return cast(SecurityParameter, Security(_permitted, scopes=list(permissions)))


async def caller_of(
    request: Request,
    principal: PrincipalOf,
    idempotency_key: Annotated[UUID | None, Header(description="the command's id; the same id is handled once")] = None,
    x_correlation_id: Annotated[UUID | None, Header(description="ties together what belongs together")] = None,
) -> Caller:
    """The principal, and the ids under which it sends a command; without a correlation id, the request's own."""
    command_id = idempotency_key or uuid4()
    return Caller(
        tenant=principal.tenant,
        actor=principal.actor,
        command_id=command_id,
        correlation_id=x_correlation_id or request.scope["correlation_id"],
        causation_id=command_id,
        principal=principal,
    )


CallerOf = Annotated[Caller, Depends(caller_of)]


async def only_known_parameters(request: Request) -> None:
    """A misspelt parameter must not be ignored, nor one of two: that would answer another question than was asked."""
    known: dict[str, bool] = {}  # and whether it may be given again
    pending = [request.scope["route"].dependant]
    while pending:
        dependency = pending.pop()
        known |= {p.alias: get_origin(p.field_info.annotation) is list for p in dependency.query_params}
        pending += dependency.dependencies
    given = Counter(name for name, _ in request.query_params.multi_items())
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise Problem(
            400,
            f"unknown parameter {', '.join(unknown)}",
            remedy=f"This route knows {', '.join(sorted(known)) or 'no parameters'}.",
        )
    repeated = sorted(name for name, times in given.items() if times > 1 and not known[name])
    if repeated:
        raise Problem(400, f"{', '.join(repeated)}: given more than once", remedy="Give it once.")
    for name, value in [*request.query_params.multi_items(), *request.path_params.items()]:
        try:
            refuse_control_characters(value)
        except ValueError as error:
            raise Problem(400, f"{name}: {error}", remedy="No name or text here has one.") from error


async def wait_for_position(
    platform: PlatformOf,
    wait_for: Annotated[
        str | None,
        Query(description="a log position, or `head` for the newest: answers once the read models have come to it"),
    ] = None,
) -> None:
    """Read your own writes: the answer holds everything up to the position asked for."""
    if wait_for is not None:
        await run_in_threadpool(_wait, platform, wait_for)


def _wait(platform: Platform, wait_for: str) -> None:
    if wait_for == "head":
        platform.settled_position()
    elif is_number(wait_for):
        platform.wait_for(known_position(platform, wait_for, "wait_for", remedy="Use a command's answer."))
    else:
        raise Problem(400, f"wait_for: {wait_for!r} is neither a position nor `head`", remedy="Write wait_for=head.")


@dataclass(frozen=True)
class Span:
    """Times in [since, until); None is open."""

    since: datetime | None
    until: datetime | None


async def span_of(
    since: Annotated[
        str | None, Query(description="at this time or later; UTC where it has no offset", examples=["2026-01-31"])
    ] = None,
    until: Annotated[
        str | None, Query(description="before this time; UTC where it has no offset", examples=["2026-02-01T05:00Z"])
    ] = None,
) -> Span:
    return Span(
        *(None if text is None else moment(text, field) for field, text in (("since", since), ("until", until)))
    )


SpanOf = Annotated[Span, Depends(span_of)]


def is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def known_position(platform: Platform, digits: str, field: str, *, remedy: str) -> int:
    """The position that ASCII digits name; raises Problem for one that the log has not come to."""
    head = platform.log.head()
    if len(digits) > _LONGEST_POSITION or int(digits) > head:
        raise Problem(400, f"{field}: position {digits[:40]} is past the newest, {head}", remedy=remedy)
    return int(digits)


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
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise Problem(
            400, f"{field}: {text!r} is not in the years {FIRST_YEAR} to {LAST_YEAR}", remedy="Correct the year."
        )
    if parsed.tzinfo is None and tz is not None:
        local = parsed.replace(tzinfo=tz)
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            kind = "happened twice" if local.utcoffset() > local.replace(fold=1).utcoffset() else "never happened"  # type: ignore[operator]
            raise Problem(400, f"{field}: {text} {kind} in {tz.key}", remedy="Give the time with its offset.")
        parsed = local
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)


@cache
def _zone_names() -> set[str]:
    """Looked for once: that reads a folder of some hundred files."""
    return available_timezones()


def zone_of(iso: str, tz: str | None) -> ZoneInfo | None:
    """The zone that `tz` names: `market` for the ISO's own clock, else an IANA name. Raises Problem for others."""
    if tz is None:
        return None
    name = MARKET_ZONES[iso] if tz == "market" else tz
    if name not in _zone_names():
        raise Problem(
            400, f"tz: {name!r} is no IANA time zone", remedy="Write for example America/Chicago, or `market`."
        )
    return ZoneInfo(name)
