"""Agents do something about what happens, in the order of the log or as a group shares it; here about curves.

An agent's `handle` must make doing an event again harmless. What fails by an event's own fault is set aside as a dead
letter, and the agent goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import takewhile

from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.failures import attempt, is_fault_of_event
from infra.subscriptions import Progress, Subscription
from projections.retries import Retried, retry_streams
from read_models.batch import Cursor
from read_models.dead_letters import add_dead_letter

CURVE_KEEPER = "curve_keeper"

# What a batch makes stale is built once for all of it.
_BATCH_SIZE = 500


class Agent:
    """`handle` does what events ask for, `wants` says which ask for anything.

    `standing` are the events that still ask for it, whenever they were appended.

    So it needs no checkpoint: at its start it looks at what stands, and from there on at what comes.
    """

    def __init__(
        self,
        name: str,
        pool: Pool,
        log: EventLog,
        handle: Callable[[Sequence[RecordedEvent]], None],
        wants: Callable[[RecordedEvent], bool],
        standing: Callable[[], Iterable[RecordedEvent]],
    ) -> None:
        self._name = name
        self._pool = pool
        self._log = log
        self._handle = handle
        self._wants = wants
        self._standing = standing

    def follow(self) -> Subscription:
        """A subscription that hands it the log; for the one process of a platform."""
        return Subscription(
            self._name,
            self._log,
            lambda: 0,
            self._handle,
            self.isolate,
            self._begin,
            wants=self._wants,
            batch_size=_BATCH_SIZE,
        )

    def begin(self, is_ending: Callable[[], bool] = lambda: False) -> None:
        """Does what stands to be done, until it is told to end. Raises where an engine does not answer."""
        self.isolate(takewhile(lambda _: not is_ending(), self._standing()))

    def take(self, events: Sequence[RecordedEvent]) -> None:
        """Handles events together, or each alone where one fails by its own fault. Raises as `isolate` does."""
        try:
            self._handle(events)
        except Exception as error:
            if not is_fault_of_event(error):
                raise
            self.isolate(events)

    def isolate(self, events: Iterable[RecordedEvent]) -> None:
        """Handles each event alone. Raises where an engine does not answer; then the event is to be given again."""
        for recorded in events:
            if failure := attempt(partial(self._handle, [recorded])):
                with self._pool.connection() as connection, connection.cursor() as cursor:
                    add_dead_letter(cursor, self._name, recorded, failure)

    def retry(self, position: int | None = None) -> Retried:
        """Does what was set aside: all of it, or the stream of the dead letter at `position`."""

        def apply(_: Cursor, recorded: RecordedEvent) -> None:
            self._handle([recorded])

        return retry_streams(self._pool, self._name, self._log, apply, position)

    def _begin(self, _: Progress) -> int:
        head = self._log.head()
        self.begin()
        return head
