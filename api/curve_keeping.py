"""What the keeper of followed curves knows: answers from the read models, and who still has the rights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from api.platform import Platform
from commands.curve_keeping import CurveKeeper, Due, Scope, concerns_curves, lane_of
from infra.broker import Received
from infra.errors import PlatformError
from infra.event_mapper import RecordedEvent
from infra.event_store import EventLog
from infra.groups import Group, GroupWorker
from infra.postgres_group import PostgresGroup
from infra.principal import Principal
from infra.set_aside import SetAside
from projections.agents import CURVE_KEEPER, Agent
from projections.topic_messages import INPUTS, TICKS
from queries import followed_curves as queries

if TYPE_CHECKING:
    from infra.faust_worker import FaustWorker

TOPICS = (TICKS, INPUTS)
_MESSAGE_ID = re.compile(r"(?P<position>\d{1,18})/(?P<part>\d{1,9})", re.ASCII)


def curve_keeper(platform: Platform) -> Agent:
    """The agent that builds followed curves again. Each has a memory of its own, and is for one thread."""
    followed = _Followed(platform)
    keeper = CurveKeeper(platform.bus, followed)
    return Agent(CURVE_KEEPER, platform.pool, platform.log, keeper.handle, concerns_curves, followed.standing)


def keep_curves(platform: Platform) -> None:
    """Builds followed curves again as long as this process runs; of one process that has the whole platform."""
    platform.curve_keeper = subscription = curve_keeper(platform).follow()
    subscription.start()
    platform.closers.append(subscription.stop)


def share_curves(platform: Platform) -> None:
    """Builds followed curves again as one of the workers of a platform, which share that: by the topics of Kafka where
    there are any, else by the engine of the log.

    Raises PlatformError where there is Kafka and Faust is not installed.
    """
    servers = platform.settings.kafka_bootstrap_servers
    worker = _kafka_worker(platform, servers) if servers else _log_worker(platform)
    platform.worker = worker
    worker.start()
    platform.closers.append(worker.stop)


def _log_worker(platform: Platform) -> GroupWorker:
    keeper, log, name = curve_keeper(platform), platform.log, _group_name(platform.log)
    if platform.settings.eventstoredb_uri:
        from infra.kurrent_group import KurrentGroup  # the client is an extra
        from infra.kurrent_recorder import KurrentRecorder

        assert isinstance(log.recorder, KurrentRecorder)
        group: Group = KurrentGroup(name, log.recorder, log, lane_of)
    else:
        group = PostgresGroup(name, platform.pool, log, lane_of)
    return GroupWorker(group, keeper.begin, keeper.take)


def _group_name(log: EventLog) -> str:
    return f"carbon254.curves.{log.recorder.log_id()}"


def _kafka_worker(platform: Platform, servers: str) -> FaustWorker:
    try:
        from infra.faust_worker import FaustWorker  # an extra
    except ImportError as error:
        raise PlatformError(
            "KAFKA_BOOTSTRAP_SERVERS is set, but Faust, by which workers share topics, is not installed",
            "pip install 'carbon254-platform[faust]', or take other queues: `carbon254 worker --queue feeds`.",
        ) from error
    from infra.kafka import KafkaBroker

    assert isinstance(platform.broker, KafkaBroker)
    missing = partial(platform.broker.missing, TOPICS)
    set_aside = SetAside(platform.pool)
    set_aside.prepare()
    messages = Messages(platform.log, curve_keeper(platform), set_aside)
    return FaustWorker(servers, _group_name(platform.log), TOPICS, messages.take, missing)


class Messages:
    """What a message says is not relied upon: it names an event, and that is what is handled."""

    def __init__(self, log: EventLog, keeper: Agent, set_aside: SetAside) -> None:
        self._log = log
        self._keeper = keeper
        self._set_aside = set_aside

    def take(self, topic: str, received: Received) -> None:
        """Raises where an engine does not answer; then the message is to be given again."""
        named = _MESSAGE_ID.fullmatch(received.record.headers.get("message-id", ""))
        if named is None:
            self._set_aside.add(topic, received, "its header message-id names no position of the log")
        elif (recorded := self._log.at(int(named["position"]))) is None:
            self._set_aside.add(topic, received, f"no event stands at position {named['position']} of the log")
        elif named["part"] == "1":  # the others are of the same event
            self._keeper.isolate([recorded])


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
        return self._platform.credentials.revoked_since(due.principal, due.asked_at)

    def standing(self) -> Iterator[RecordedEvent]:
        """The newest event of each curve that is followed."""
        self._platform.settled_position()
        for followed_id in self.concerned(Scope()):
            yield self._platform.log.stream(followed_id).events[-1]
