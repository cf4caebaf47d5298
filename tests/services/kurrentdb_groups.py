"""Persistent subscriptions of the stand-in for EventStoreDB: what a group of consumers is given, and what they answer.

Kept as documented: an event is with one consumer at a time, until it acknowledges it, refuses it (retry, park, skip) or
leaves, or the group's patience ends; retried too often, it is parked; what was parked can be given out again. Events
that are retried come before new ones, so there is no promise of order. Pinned, a stream is one consumer's as long as
none comes or goes. Groups are over `$all` alone.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from zlib import crc32

from tests.services.kurrentdb_store import Record, Store

LOOK_S = 0.02


@dataclass
class Delivery:
    """An event that is to be given out, or was and waits for its answer."""

    record: Record
    retries: int = 0
    deadline: float = 0.0


@dataclass(eq=False)
class Consumer:
    """One connection; it holds at most `room` events that it has not answered."""

    room: int
    holds: dict[str, Delivery] = field(default_factory=dict)
    is_connected: bool = True


@dataclass
class Terms:
    """What a group was made or changed with. `most_consumers` is 0 where there is no limit."""

    strategy: str
    most_retries: int
    patience_s: float
    most_consumers: int


class GroupIsFull(Exception):
    """As many consumers as the group may have are connected."""


class Group:
    """One group. Safe to use from any thread."""

    def __init__(self, store: Store, wanted: Callable[[Record], bool], after: int | None, terms: Terms) -> None:
        self.terms = terms
        self._store = store
        self._wanted = wanted
        self._lock = threading.RLock()
        self._read = 0 if after is None else sum(r.position <= after for r in store.all)
        self._waiting: deque[Delivery] = deque()
        self._fresh: deque[Delivery] = deque()
        self._parked: list[Delivery] = []
        self._consumers: list[Consumer] = []
        self._turn = 0

    @property
    def parked(self) -> int:
        return len(self._parked)

    def counts(self) -> tuple[int, int, int]:
        """How many events are with consumers, how many wait for their turn, and how many to be retried."""
        with self._lock:
            self._read_on()
            return sum(len(c.holds) for c in self._consumers), len(self._fresh), len(self._waiting)

    def join(self, room: int) -> Consumer:
        """A further consumer. Raises GroupIsFull."""
        with self._lock:
            if self.terms.most_consumers and len(self._consumers) >= self.terms.most_consumers:
                raise GroupIsFull
            self._consumers.append(Consumer(room))
            return self._consumers[-1]

    def leave(self, consumer: Consumer) -> None:
        """What it had not answered goes to the others."""
        with self._lock:
            consumer.is_connected = False
            if consumer in self._consumers:
                self._consumers.remove(consumer)
            self._waiting.extendleft(reversed(consumer.holds.values()))
            consumer.holds.clear()

    def disconnect(self) -> None:
        """Lets all consumers go, as when a group is changed or deleted."""
        with self._lock:
            for consumer in list(self._consumers):
                self.leave(consumer)

    def next_for(self, consumer: Consumer) -> Delivery | None:
        """What this consumer is to have now, if anything."""
        with self._lock:
            self._give_up_waiting()
            if not consumer.is_connected:
                return None
            if self.terms.strategy == "Pinned":
                delivery = self._next_pinned(consumer)
            else:
                delivery = self._next() if self._chosen() is consumer else None
            if not delivery:
                return None
            if self.terms.strategy == "RoundRobin":
                self._turn = (self._consumers.index(consumer) + 1) % len(self._consumers)
            delivery.deadline = time.monotonic() + self.terms.patience_s
            consumer.holds[delivery.record.id] = delivery
            return delivery

    def acknowledge(self, consumer: Consumer, ids: Iterable[str]) -> None:
        with self._lock:
            for event_id in ids:
                consumer.holds.pop(event_id, None)

    def refuse(self, consumer: Consumer, ids: Iterable[str], action: str) -> None:
        """Retries, parks or skips events; `unknown` leaves it to the server, which retries."""
        with self._lock:
            refused = [delivery for event_id in ids if (delivery := consumer.holds.pop(event_id, None))]
            if action == "Park":
                self._parked += refused
            elif action != "Skip":
                self._retry(refused)

    def replay_parked(self, most: int | None) -> None:
        with self._lock:
            self._waiting.extend(Delivery(parked.record) for parked in self._parked[:most])
            del self._parked[:most]

    def _chosen(self) -> Consumer | None:
        """Who is next: in turn, or the first that has room, by the group's strategy."""
        turned = self._consumers[self._turn :] + self._consumers[: self._turn]
        return next((c for c in turned if len(c.holds) < c.room), None)

    def _next(self) -> Delivery | None:
        self._read_on()
        first = self._waiting or self._fresh
        return first.popleft() if first else None

    def _next_pinned(self, consumer: Consumer) -> Delivery | None:
        """The first event of a stream that is this consumer's; others' are passed over, however long they wait."""
        self._read_on()
        if len(consumer.holds) >= consumer.room:
            return None
        mine = self._consumers.index(consumer)
        for deliveries in (self._waiting, self._fresh):
            for delivery in deliveries:
                if crc32(delivery.record.stream.encode()) % len(self._consumers) == mine:
                    deliveries.remove(delivery)
                    return delivery
        return None

    def _read_on(self) -> None:
        for record in islice(self._store.all, self._read, None):
            self._read += 1
            if self._wanted(record):
                self._fresh.append(Delivery(record))

    def _give_up_waiting(self) -> None:
        now = time.monotonic()
        for consumer in self._consumers:
            late = [event_id for event_id, delivery in consumer.holds.items() if delivery.deadline < now]
            self._retry([consumer.holds.pop(event_id) for event_id in late])

    def _retry(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            again = Delivery(delivery.record, delivery.retries + 1)
            (self._parked if again.retries > self.terms.most_retries else self._waiting).append(again)
