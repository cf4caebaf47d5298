"""Follows the log for all subscriptions: each publication's rows are read once, matched, and written once a filter.

An update leaves when its rows are readable by everybody: the read models have come to its position. So a snapshot at
the position that `add` answers, and the updates that follow, have neither a gap nor anything twice.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from api.platform import Platform
from api.stream.batches import PriceBatch, Selection, tails
from api.stream.messages import Channel, Filters, encode
from api.stream.outboxes import ConflatingOutbox, Outbox, SlowReader, Update
from commands.entitlements import entitled_isos
from infra.event_mapper import RecordedEvent
from infra.failures import is_fault_of_event, reason_of
from infra.objects import Objects
from infra.principal import Principal
from infra.subscriptions import Subscription
from projections.published import Published, changes_entitlements, published, rows_of
from queries.checkpoints import readable_position
from queries.dead_letters import dead_letters

logger = logging.getLogger(__name__)

_RELATIONAL = "relational"


@dataclass(eq=False)
class Subscriber:
    """One subscription: what it wants, for whom, and how it is told that it has ended."""

    id: str
    channel: Channel
    filters: Filters
    principal: Principal
    on_slow: Callable[[], None]
    on_revoked: Callable[[], None]
    outbox: Outbox = field(init=False)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def __post_init__(self) -> None:
        self.outbox = ConflatingOutbox() if self.channel == "prices" else Outbox()

    def wants(self, publication: Published) -> bool:
        wanted = self.filters
        return (
            publication.iso == wanted.iso
            and wanted.market in (None, publication.market)
            and wanted.feed in (None, publication.feed)
            and (self.channel == "publications" or publication.dataset == "prices")
        )

    def receive(self, update: Update) -> None:
        try:
            self.outbox.put(update)
        except SlowReader:
            self.on_slow()


class Hub:
    """One for a platform. It starts to follow the log with the first connection."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._subscribers: set[Subscriber] = set()
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._position = 0
        self._following: Subscription | None = None

    def start(self) -> None:
        """Begins to follow from where everything is readable; may be called again."""
        with self._starting:
            if self._following is None:
                self._position = readable_position(self._platform.view)
                following = Subscription(
                    "stream", self._platform.log, lambda: self._position, self._handle, self._isolate
                )
                following.start()
                self._platform.closers.append(following.stop)
                self._following = following

    def catch_up(self) -> None:
        """Returns when it has come to where reads are now, so that a snapshot is no older than any other answer.

        Raises ReadTooEarly.
        """
        assert self._following is not None
        self._following.wait_for(readable_position(self._platform.view))

    def add(self, subscriber: Subscriber) -> int:
        """From now on it gets what comes after the position that is answered."""
        with self._lock:
            self._subscribers.add(subscriber)
            return self._position

    def remove(self, subscriber: Subscriber) -> None:
        with self._lock:
            self._subscribers.discard(subscriber)

    def is_entitled(self, principal: Principal, iso: str) -> bool:
        return iso in entitled_isos(self._platform.bus.tools, principal, principal.channel)

    def _handle(self, events: Sequence[RecordedEvent]) -> None:
        for recorded in events:
            # A batch that failed half-way comes again.
            if recorded.position > self._position:
                self._tell(recorded)

    def _isolate(self, events: Sequence[RecordedEvent]) -> None:
        """A publication that can't be read is told to nobody, as its rows are in no read model."""
        for recorded in events:
            if recorded.position <= self._position:
                continue
            try:
                self._tell(recorded)
            except Exception as error:
                if not is_fault_of_event(error):
                    raise
                logger.warning("the stream passes over position %d: %s", recorded.position, reason_of(error))
                self._reach(recorded.position)

    def _tell(self, recorded: RecordedEvent) -> None:
        if publication := published(recorded):
            self._publish(publication)
            return
        if changes_entitlements(recorded):
            self._drop_those_not_entitled(lambda _: True)
        self._reach(recorded.position)

    def _publish(self, publication: Published) -> None:
        updates = Updates(self._platform.objects, publication)
        # Rows are matched and written while the read models take them in.
        for subscriber in self._those(lambda s: s.wants(publication)):
            updates.of(subscriber)
        self._wait_until_readable(publication)
        if self._is_set_aside(publication):
            self._reach(publication.position)
            return
        self._drop_those_not_entitled(lambda s: s.wants(publication))
        # One that came since the last line was asked about just before it came.
        reached = [s for s in self._reach(publication.position) if s.wants(publication)]
        _deliver([(subscriber, update) for subscriber in reached if (update := updates.of(subscriber))])

    def _reach(self, position: int) -> list[Subscriber]:
        """Who gets what stands at `position`; whoever comes later has it in its snapshot."""
        with self._lock:
            self._position = position
            return list(self._subscribers)

    def _those(self, wanted: Callable[[Subscriber], bool]) -> list[Subscriber]:
        with self._lock:
            return [subscriber for subscriber in self._subscribers if wanted(subscriber)]

    def _wait_until_readable(self, publication: Published) -> None:
        for subscription in self._platform.subscriptions:
            if subscription.name in (_RELATIONAL, publication.dataset):
                subscription.wait_for(publication.position)

    def _is_set_aside(self, publication: Published) -> bool:
        """Whether its rows are not to be read until somebody mends what was wrong with them."""
        letters = dead_letters(self._platform.pool, publication.dataset)
        return any(letter["position"] == publication.position for letter in letters)

    def _drop_those_not_entitled(self, concerned: Callable[[Subscriber], bool]) -> None:
        """Asked anew for each publication, once a tenant and channel: nothing leaves after a revocation."""
        answers: dict[tuple[str, str, str], bool] = {}
        for subscriber in self._those(concerned):
            principal, iso = subscriber.principal, subscriber.filters.iso
            key = (principal.tenant, principal.channel, iso)
            if key not in answers:
                answers[key] = self.is_entitled(principal, iso)
            if not answers[key]:
                self.remove(subscriber)
                _in_loop(subscriber.loop, subscriber.on_revoked)


class Updates:
    """What one publication brings to each subscription; those with the same filters share it."""

    def __init__(self, objects: Objects, publication: Published) -> None:
        self._objects = objects
        self._publication = publication
        self._known: dict[tuple[Channel, Filters], Update | None] = {}

    @cached_property
    def batch(self) -> PriceBatch:
        return PriceBatch(self._publication, rows_of(self._objects, self._publication))

    def of(self, subscriber: Subscriber) -> Update | None:
        """None where the publication has no row that the subscription wants."""
        key = (subscriber.channel, subscriber.filters)
        if key not in self._known:
            is_prices = subscriber.channel == "prices"
            self._known[key] = (
                price_update(self.batch, subscriber.filters) if is_prices else publication_update(self._publication)
            )
        return self._known[key]


def price_update(batch: PriceBatch, filters: Filters) -> Update | None:
    """What a publication brings to a subscription with these filters; None where it has no such row."""
    rows = batch.rows_of(filters)
    if rows is None:
        return None
    selections = [Selection(batch, rows)]
    return Update(batch.facts.position, tails(batch.facts.position, selections), selections)


def publication_update(publication: Published) -> Update:
    told = {
        "publication_id": publication.publication_id,
        "log_position": publication.position,
        "publication_position": publication.rank,
        "is_reread": publication.is_reread,
        "dataset": publication.dataset,
        "iso": publication.iso,
        "market": publication.market,
        "feed": publication.feed,
        "vintage": publication.vintage,
        "row_count": publication.row_count,
        "gap_count": publication.gap_count,
        "first_interval_start_utc": publication.first_interval_start_utc,
        "last_interval_end_utc": publication.last_interval_end_utc,
        "published_at": publication.published_at,
        "recorded_at": publication.recorded_at,
    }
    return Update(publication.position, [f'"seq":{publication.position},"publication":{encode(told)}}}'])


def _deliver(updates: Sequence[tuple[Subscriber, Update]]) -> None:
    """One call into each loop. The many who named nodes come first: they need not wait for the few who get all."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Subscriber, Update]]] = {}
    for subscriber, update in sorted(updates, key=lambda pair: not pair[0].filters.nodes):
        by_loop.setdefault(subscriber.loop, []).append((subscriber, update))
    for loop, own in by_loop.items():
        _in_loop(loop, _receive, own)


def _receive(updates: Sequence[tuple[Subscriber, Update]]) -> None:
    for subscriber, update in updates:
        subscriber.receive(update)


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        logger.debug("a loop has ended, and its connections with it")
