"""Everything a way in needs, put together once by the wiring."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from api.authentication import Identity
from api.cursors import Cursors
from commands.bus import CommandBus
from commands.running_feeds import Feeds
from infra.broker import Broker
from infra.clickhouse import ClickHouse
from infra.clock import Clock
from infra.data_folder import DataFolder
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.objects import Objects
from infra.principal import ROLES, Authenticator, Principal
from infra.seals import Seals
from infra.settings import Settings
from infra.subscriptions import Subscription
from projections.columnar import ColumnarProjector
from projections.live_credentials import LiveCredentials
from projections.projector import RelationalProjector
from projections.replays import Replays
from projections.topics import TopicPublisher
from queries.view import ReadView

LOCAL_TENANT = "local"
LOCAL_ACTOR = "local-operator"
LOCAL_PRINCIPAL = Principal(
    LOCAL_TENANT,
    LOCAL_ACTOR,
    frozenset(ROLES),
    kind="folder token",
    credential="folder token",
)


@dataclass
class Platform:
    """A running platform: what it is made of, and how to stop it."""

    settings: Settings
    folder: DataFolder
    token: str
    authenticator: Authenticator
    identity: Identity
    credentials: LiveCredentials
    code_version: str
    dsn: str
    log: EventLog
    bus: CommandBus
    pool: Pool
    clickhouse: ClickHouse
    objects: Objects
    seals: Seals
    cursors: Cursors
    relational: RelationalProjector
    columnar: ColumnarProjector
    replays: Replays
    feeds: Feeds
    clock: Clock
    subscriptions: tuple[Subscription, ...]
    broker: Broker
    topics: TopicPublisher
    closers: list[Callable[[], None]] = field(default_factory=list)
    backing_up: threading.Lock = field(default_factory=threading.Lock)

    @property
    def view(self) -> ReadView:
        """The live read models."""
        return ReadView(self.pool, self.clickhouse)

    def wait_for(self, position: int) -> None:
        """Returns when every read model has come to `position`; raises ReadTooEarly."""
        for subscription in self.subscriptions:
            subscription.wait_for(position)

    def settled_position(self) -> int:
        """The newest position, once every read model has come to it."""
        position = self.log.head()
        self.wait_for(position)
        return position

    def close(self) -> None:
        """Stops everything in the opposite order of its start; each part even if another one fails."""
        errors: list[Exception] = []
        while self.closers:
            try:
                self.closers.pop()()
            except Exception as error:
                errors.append(error)
        if errors:
            raise ExceptionGroup("not everything could be stopped", errors)
