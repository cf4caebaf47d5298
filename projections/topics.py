"""Follows the log and says on the broker's topics what it brings; the log is the truth, and the broker catches up.

At least once: the checkpoint is written when the broker has said that it keeps the messages. One that comes again has
the same `message-id`, the position and the part, by which a reader knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from infra.broker import Broker, Cluster
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.failures import attempt
from infra.objects import Objects
from infra.subscriptions import Progress, Subscription
from infra.topics import TOPICS
from projections.retries import Retried, retry_streams
from projections.topic_messages import records_of, topic_of
from read_models.batch import Cursor
from read_models.dead_letters import add_dead_letter
from read_models.relational import load_checkpoint, save_checkpoint

NAME = "topics"
VERSION = 1
"""Raised when everything is to be published anew."""

# After a crash a batch comes again, and each of its publications may be large.
_BATCH_SIZE = 20


Prepare = Callable[[Iterable[str]], Cluster]


class TopicPublisher:
    """Publishes to `broker`. How far it has come is kept for each cluster, by its id.

    `prepare` makes topics in a broker whose records outlast this process. Such a one gets all that was ever published,
    though it need not answer at once; another one what comes after the subscription's start.
    """

    def __init__(
        self, pool: Pool, log: EventLog, objects: Objects, broker: Broker, prepare: Prepare | None = None
    ) -> None:
        self._pool = pool
        self._log = log
        self._objects = objects
        self._broker = broker
        self._cluster: str | None = None
        self._prepared_by = prepare
        self.subscription = self.follow()

    def follow(self) -> Subscription:
        """A subscription that is `subscription` from now on: one that was stopped cannot be started again."""
        follow = partial(
            Subscription, NAME, self._log, handle=self.handle, isolate=self.isolate, batch_size=_BATCH_SIZE
        )
        if prepare := self._prepared_by:
            self.subscription = follow(load_checkpoint=lambda: 0, prepare=partial(self._prepare, prepare))
        else:
            self.subscription = follow(load_checkpoint=self._log.head)
        return self.subscription

    def handle(self, events: Sequence[RecordedEvent]) -> None:
        for recorded in events:
            self._publish(recorded)
        self._save(events[-1].position)

    def isolate(self, events: Sequence[RecordedEvent]) -> None:
        """As `handle`, but an event that fails by its own fault is set aside. No other one waits for it."""
        for recorded in events:
            if failure := attempt(partial(self._publish, recorded)):
                with self._pool.connection() as connection, connection.cursor() as cursor:
                    add_dead_letter(cursor, NAME, recorded, failure)
        self._save(events[-1].position)

    def retry(self, position: int | None = None) -> Retried:
        """Publishes what was set aside: all of it, or the stream of the dead letter at `position`."""

        def apply(_: Cursor, recorded: RecordedEvent) -> None:
            self._publish(recorded)

        return retry_streams(self._pool, NAME, self._log, apply, position)

    def _publish(self, recorded: RecordedEvent) -> None:
        if topic := topic_of(recorded):
            self._broker.publish(topic, records_of(self._objects, recorded))

    def _prepare(self, prepare: Prepare, _: Progress) -> int:
        """Makes the topics that are missing; where one was, everything is published again."""
        cluster = prepare(TOPICS)
        self._cluster = cluster.id
        if cluster.made:
            return 0
        with self._pool.connection() as connection, connection.cursor() as cursor:
            return load_checkpoint(cursor, NAME, VERSION, cluster.id)

    def _save(self, position: int) -> None:
        if self._cluster is not None:
            with self._pool.connection() as connection, connection.cursor() as cursor:
                save_checkpoint(cursor, NAME, VERSION, position, self._cluster)
