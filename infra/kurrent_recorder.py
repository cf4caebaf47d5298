"""The event log on EventStoreDB (KurrentDB), behind the same port as the one on PostgreSQL.

An aggregate's events are the stream `carbon254-<its id>`, so that other streams of the same database are none of ours.
Positions are the store's commit positions, but for what was taken over from another store (infra/kurrent_positions.py):
they follow commit order and have gaps. An event's id is made of its digest,
hence of tenant, stream, command id and all its other bytes: sent again after a lost answer, it is stored once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property, partial
from itertools import islice, takewhile
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, IntegrityError, StoredEvent, Subscription

from infra.event_digests import PAGE, DigestedPage, digested
from infra.event_mapper import LoggedEvent
from infra.event_recorder import Pool
from infra.kurrent_client import (
    PATIENCE_S,
    AbstractCatchupSubscription,
    AbstractPersistentSubscription,
    KurrentDBClient,
    NewEvent,
    NotFoundError,
    RecordedEvent,
    StreamState,
    WrongCurrentVersionError,
    answered,
)
from infra.kurrent_history import CATEGORY, KurrentHistory
from infra.kurrent_index import LogIndex
from infra.kurrent_marks import KeptMarks
from infra.kurrent_positions import Positions
from infra.recorder import LoggedNotification, LogState, StoredRow, read_recorded_at

# A consumer of a group: what it holds beside the event that it works on waits meanwhile, with those of its streams.
_MOST_AT_HAND = 10
# What a consumer holds is given to another one after so long; where it has gone, at once.
_LONGEST_WORK_S = 3_600.0
_FOR_EVER = 2**31 - 1


class KurrentRecorder(ApplicationRecorder):
    """Appends and reads events; every append is one request to one stream.

    Logs of different categories share a database without seeing each other.
    """

    def __init__(self, client: KurrentDBClient, category: str = CATEGORY) -> None:
        self._client = client
        self.history = KurrentHistory(client, category)
        self._prefix = f"{category}-"
        self._streams = (f"{self._prefix}.*",)  # a regular expression, as one of the clients knows no prefixes
        self._index = LogIndex(self._after)

    def keep_index(self, pool: Pool) -> None:
        """Keeps in a database what takes reading the whole log to know, so that the next start need not read it."""
        self._index = LogIndex(self._after, KeptMarks(pool, self.log_id()))

    def log_id(self) -> UUID:
        """What tells this log from every other one, made where there is none. Raises UnusableLog."""
        return self.history.log_id()

    def known_id(self) -> UUID | None:
        return self.history.known_id()

    def left_for(self) -> str | None:
        return self.history.left_for()

    def leave(self, target: str) -> None:
        self.history.leave(target)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Appends all events or none and returns their positions.

        Raises IntegrityError as the port says, ValueError for events of more than one stream, and EventStoreError.
        """
        if not stored_events:
            return []
        stream, first = stored_events[0].originator_id, stored_events[0].originator_version
        if any(event.originator_id != stream for event in stored_events):
            raise ValueError("one append goes to one stream")
        if [event.originator_version for event in stored_events] != list(range(first, first + len(stored_events))):
            raise IntegrityError(f"the versions of stream {stream} do not follow one another")
        with answered("append events"):
            try:
                self._client.append_events(
                    self._stream(stream),
                    events=[_new_event(event) for event in stored_events],
                    current_version=first - 1 if first else StreamState.NO_STREAM,
                    timeout=PATIENCE_S,
                )
            except WrongCurrentVersionError as error:
                raise IntegrityError(str(error)) from error
        # The store's answer tells the position of the last event alone, and none where it knew the events already.
        appended = self.select_events(stream, gt=first - 1, limit=len(stored_events))
        return [event.id for event in appended]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[LoggedNotification]:
        """The events of one stream, in version order."""
        first, last = 0 if gt is None else gt + 1, sys.maxsize if lte is None else lte
        most = min(sys.maxsize if limit is None else limit, last - first + 1)
        if most <= 0:
            return []
        start = lte if desc else first
        with answered("read a stream"):
            try:
                found = self._client.get_stream(
                    self._stream(originator_id), stream_position=start, backwards=desc, limit=most, timeout=PATIENCE_S
                )
            except NotFoundError:
                return []
        return [self.notification(event) for event in found if first <= event.stream_position <= last]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[LoggedNotification]:
        """The log from a position on, in position order."""
        after = start or 0
        if after and inclusive_of_start:
            # The store refuses to read from where no event stands: the last one before the start is found first.
            after = self._index.position_of(self._index.ordinal(after - 1))
        return self._after(after, limit, stop, topics)

    def select_rows(self, after: int, limit: int, without: Sequence[str] = ()) -> Sequence[StoredRow]:  # noqa: ARG002
        """Up to `limit` events after a position, whatever their names."""
        return [
            (
                event.id,
                cast(UUID, event.originator_id),
                event.originator_version,
                event.topic,
                event.metadata,
                event.state,
            )
            for event in self._after(after, limit)
        ]

    def max_notification_id(self) -> int | None:
        """The newest position, or None while the log is empty."""
        newest = self._newest()
        return None if newest is None else self._position(newest)

    def newest_commit(self) -> int:
        """Where the newest event stands in the store, 0 while the log is empty."""
        newest = self._newest()
        return newest.commit_position if newest else 0

    def extent(self) -> tuple[int, int]:
        """The newest position, twice: the store keeps no count beside its events."""
        newest = self.max_notification_id() or 0
        return newest, newest

    def position_at(self, moment: datetime) -> int:
        """The last position whose recorded time, as a running maximum in commit order, is not later than `moment`."""
        return self._index.position_at(moment)

    def ordinal(self, position: int) -> int:
        """How many events stand at or before a position."""
        return self._index.ordinal(position)

    def position_of(self, ordinal: int) -> int:
        """Where the n-th event stands; 0 for the 0th, and the newest position where there are fewer."""
        return self._index.position_of(ordinal)

    def digested_pages(self, until: int) -> Iterator[DigestedPage]:
        """The log up to a position as digests, read and hashed in this process."""
        count, position = 0, 0
        while page := self._after(position, PAGE, until):
            yield digested(count, [_digestible(count + i, event) for i, event in enumerate(page, start=1)])
            count, position = count + len(page), page[-1].id

    def state(self) -> LogState:
        """What is known of the log without asking the store's operator."""
        return LogState(f"streams {self._prefix}*", self._index.count(), None, self.extent()[0], None, None)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Follows the log from `gt` on by the store's own subscription; blocks for new events until stopped."""
        return cast(Subscription[ApplicationRecorder], KurrentSubscription(self, gt, topics))

    def follow(self, after: int) -> AbstractCatchupSubscription:
        """The store's catch-up subscription over the log's streams."""
        with answered("be followed"):
            return self._client.subscribe_to_all(
                commit_position=self._positions.start(after)[0] or None, filter_include=self._streams,
                filter_by_stream_name=True,
            )  # fmt: skip

    def notification(self, event: RecordedEvent) -> LoggedNotification:
        """An event of the store as one of the log."""
        return LoggedNotification(
            id=self._position(event),
            originator_id=UUID(event.stream_name.removeprefix(self._prefix)),
            originator_version=event.stream_position,
            topic=event.type,
            metadata=event.metadata,
            state=event.data,
            recorded_at=_recorded_at(event.metadata),
        )

    def join_group(self, name: str) -> AbstractPersistentSubscription:
        """Takes part in the store's persistent subscription of that name, made here where there is none: over what
        comes to the log from then on, a stream to one consumer as long as they stay the same.
        """
        join = partial(
            self._client.read_subscription_to_all, name, event_buffer_size=_MOST_AT_HAND, max_ack_batch_size=1
        )
        with answered("share its events among workers"):
            try:
                return join()
            except NotFoundError:
                self._client.create_subscription_to_all(
                    name, from_end=True, filter_include=self._streams, filter_by_stream_name=True,
                    consumer_strategy="Pinned", max_subscriber_count=0, message_timeout=_LONGEST_WORK_S,
                    max_retry_count=_FOR_EVER, timeout=PATIENCE_S,
                )  # fmt: skip
            return join()

    def group_lag(self, name: str) -> int:
        """How many events of a group are handed out or about to be; those that the store has not read yet it does not
        count.
        """
        with answered("tell how far a group has come"):
            known = self._client.get_subscription_info(name, timeout=PATIENCE_S)
        return known.outstanding_messages_count + known.read_buffer_count + known.retry_buffer_count

    def _stream(self, stream_id: UUID | str) -> str:
        return f"{self._prefix}{stream_id}"

    def _after(
        self, after: int, limit: int, stop: int | None = None, names: Sequence[str] = ()
    ) -> list[LoggedNotification]:
        """The first `limit` events after a position, up to position `stop`, of some names where any are given."""
        last = sys.maxsize if stop is None else stop
        start, is_exact = self._positions.start(after)
        # Only one filter can be given: by names, it lets those of other people's streams pass.
        with answered("read the log"), self._client.read_all(
            commit_position=start or None, filter_include=_one_of(names) if names else self._streams,
            filter_by_stream_name=not names,
            limit=limit + 1 if is_exact and not names else sys.maxsize, timeout=PATIENCE_S,
        ) as events:  # fmt: skip
            ours = (event for event in events if self._is_ours(event, names))
            behind = (event for event in ours if self._position(event) > after)
            found = list(islice(takewhile(lambda event: self._position(event) <= last, behind), limit))
        if found:
            self._positions.note(self._position(found[-1]), found[-1].commit_position)
        return [self.notification(event) for event in found]

    @cached_property
    def _positions(self) -> Positions:
        """How the store's positions are read; nothing is taken over while a process has the log open."""
        return Positions(self.history.taken_over())

    def _position(self, event: RecordedEvent) -> int:
        return self._positions.of(event.commit_position, event.id)

    def _newest(self) -> RecordedEvent | None:
        with answered("tell its newest event"):
            found = self._client.read_all(
                backwards=True, filter_include=self._streams, filter_by_stream_name=True, limit=1, timeout=PATIENCE_S,
            )  # fmt: skip
            return next(iter(found), None)

    def _is_ours(self, event: RecordedEvent, names: Sequence[str]) -> bool:
        return event.stream_name.startswith(self._prefix) and (not names or event.type in names)


class KurrentSubscription(Subscription[KurrentRecorder]):
    """The store pushes; what is not asked for, by name, is passed over."""

    def __init__(self, recorder: KurrentRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._events = recorder.follow(gt or 0)

    def stop(self) -> None:
        super().stop()
        self._events.stop()

    def __next__(self) -> LoggedNotification:
        for event in self._events:
            if not self._recorder._is_ours(event, self._topics):
                continue
            notification = self._recorder.notification(event)
            if notification.id > (self._last_notification_id or 0):
                return notification
        raise StopIteration


def _new_event(event: StoredEvent) -> NewEvent:
    logged = event if isinstance(event, LoggedEvent) else LoggedEvent(**vars(event))
    digest = bytes.fromhex(logged.hash)
    return NewEvent(type=event.topic, data=event.state, metadata=logged.metadata, id=UUID(bytes=digest[:16]))


def _one_of(names: Sequence[str]) -> tuple[str]:
    """As the regular expression that both clients take: they put `^` before it, `$` behind it and no group around."""
    return (f"({'|'.join(map(re.escape, names))})",)


def _recorded_at(metadata: bytes) -> datetime | None:
    try:
        return read_recorded_at(metadata).recorded_at
    except ValueError:  # bytes that were changed: whoever verifies the log finds them
        return None


def _digestible(ordinal: int, event: LoggedNotification) -> tuple[Any, ...]:
    stream = cast(UUID, event.originator_id)
    return (
        ordinal, str(stream), stream.bytes, event.originator_version, event.topic, event.metadata, event.state,
        event.recorded_at,
    )  # fmt: skip
