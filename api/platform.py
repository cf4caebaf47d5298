"""Everything a way in needs, put together once by the wiring."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from api.authentication import Identity
from api.cursors import Cursors
from commands.bus import CommandBus
from commands.running_feeds import Feeds
from infra.broker import Broker
from infra.cache import Cache
from infra.clickhouse import ClickHouse
from infra.clock import Clock
from infra.data_folder import DataFolder
from infra.errors import PlatformError
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.objects import Objects
from infra.principal import ROLES, Authenticator, Principal
from infra.seals import Seals
from infra.settings import Settings
from infra.turns import Turns
from infra.workers import Worker
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


class Follower(Protocol):
    """What keeps read models up with the log: a `Subscription` here, or as one in another process is seen from here."""

    name: str
    projections: Sequence[str]

    @property
    def checkpoint(self) -> int: ...

    @property
    def failure(self) -> str | None: ...

    @property
    def is_following(self) -> bool: ...

    @property
    def trouble(self) -> str | None: ...

    def hurry_to(self, position: int) -> None: ...

    def wait_for(self, position: int, patience_s: float = 30.0) -> None: ...


@dataclass(frozen=True)
class Duties:
    """What one of many processes does besides answering, where no other one does it: projections, by the name of
    their subscriptions, fetching feeds, seals, and keeping followed curves fresh.
    """

    projections: frozenset[str] = frozenset()
    feeds: bool = False
    seals: bool = False
    curves: bool = False


ANSWERING = Duties()


@dataclass
class Platform:
    """A running platform: what it is made of, and how to stop it.

    `own_folder` is None where this process is one of many, `own_token` where only the issuer's tokens and keys count.
    `is_draining` says that the process is about to end. `publisher` puts topics on Kafka, where there is one;
    `curve_keeper` builds followed curves again in the one process of a platform, `worker` as one of many.
    """

    settings: Settings
    own_folder: DataFolder | None
    own_token: str | None
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
    broker: Broker
    topics: TopicPublisher
    turns: Turns
    cache: Cache
    subscriptions: tuple[Follower, ...] = ()
    closers: list[Callable[[], None]] = field(default_factory=list)
    backing_up: threading.Lock = field(default_factory=threading.Lock)
    is_draining: bool = False
    publisher: Follower | None = None
    curve_keeper: Follower | None = None
    worker: Worker | None = None

    @property
    def folder(self) -> DataFolder:
        """The data folder that this process owns."""
        assert self.own_folder is not None, "one of many processes has no folder"
        return self.own_folder

    @property
    def token(self) -> str:
        """What the operator calls by. Raises PlatformError where there is none."""
        if self.own_token is None:
            raise PlatformError("CARBON254_TOKEN is not set", "Set it as `carbon254 new-keys` prints it.")
        return self.own_token

    @property
    def view(self) -> ReadView:
        """The live read models."""
        return ReadView(self.pool, self.clickhouse)

    def wait_for(self, position: int) -> None:
        """Returns when every read model has come to `position`; raises ReadTooEarly."""
        for subscription in self.subscriptions:
            subscription.hurry_to(position)
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
