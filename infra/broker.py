"""The broker: records kept by topic, in the order of their key, to be read by whoever comes later.

Two implementations of one port: `EmbeddedBroker` here, in the memory of this process, and `infra.kafka.KafkaBroker`.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from infra.errors import PlatformError

MOST_KEPT_BYTES = 64 * 2**20
"""What the embedded broker keeps of a topic; older records go."""


class BrokerUnavailable(PlatformError):
    """The broker does not answer, or has not said that it keeps what it was given."""


@dataclass(frozen=True)
class Record:
    """What is published. Records of one key stay in their order."""

    key: str
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    """A record as a reader gets it: `offset` counts the records of a partition of its topic."""

    record: Record
    partition: int
    offset: int


@dataclass(frozen=True)
class Cluster:
    """Which brokers keep the records of a process beyond its end, and the topics that had to be made in it."""

    id: str
    made: frozenset[str]


class Reader(Protocol):
    """Reads one topic; for one thread."""

    def next(self, patience_s: float) -> Sequence[Received]:
        """The next records; none where none came within `patience_s`. Raises BrokerUnavailable."""
        ...

    def commit(self) -> None:
        """Says of the reader's group that it is done with all that `next` has given. Raises BrokerUnavailable."""
        ...

    def close(self) -> None: ...


class Broker(Protocol):
    """Records that are there are there at least once: who publishes after a failure does it again."""

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        """Returns when all are kept. Raises BrokerUnavailable; then some may be kept."""
        ...

    def read_as(self, topic: str, group: str) -> Reader:
        """From behind what the group is done with, or from the oldest. Each record goes to one of a group's readers."""
        ...

    def read_from(self, topic: str, offsets: Mapping[int, int]) -> Reader:
        """Every partition from its offset on, or from the oldest where none is given; nobody else is concerned."""
        ...

    def close(self) -> None: ...


class EmbeddedBroker:
    """Keeps records in memory, one partition a topic. `on_first_reader` is called before the first reader reads."""

    def __init__(
        self, on_first_reader: Callable[[], None] | None = None, most_kept_bytes: int = MOST_KEPT_BYTES
    ) -> None:
        self.on_first_reader = on_first_reader
        self._most_kept_bytes = most_kept_bytes
        self._topics: dict[str, _Topic] = defaultdict(_Topic)
        self._changed = threading.Condition()

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        with self._changed:
            self._topics[topic].add(records, self._most_kept_bytes)
            self._changed.notify_all()

    def read_as(self, topic: str, group: str) -> Reader:
        return self._reader(topic, group, 0)

    def read_from(self, topic: str, offsets: Mapping[int, int]) -> Reader:
        return self._reader(topic, None, offsets.get(0, 0))

    def close(self) -> None:
        """Nothing is held but memory."""

    def _reader(self, topic: str, group: str | None, offset: int) -> Reader:
        if call := self.on_first_reader:
            self.on_first_reader = None
            call()
        with self._changed:
            return _EmbeddedReader(self._topics[topic], self._changed, group, offset)


class _Topic:
    """Its records from `first` on, what its groups are done with, and who reads for each of them."""

    def __init__(self) -> None:
        self.first = 0
        self.committed: dict[str, int] = {}
        self.holders: dict[str, _EmbeddedReader] = {}
        self._records: deque[Record] = deque()
        self._kept_bytes = 0

    @property
    def end(self) -> int:
        return self.first + len(self._records)

    def add(self, records: Sequence[Record], most_kept_bytes: int) -> None:
        self._records.extend(records)
        self._kept_bytes += sum(len(record.value) for record in records)
        while self._kept_bytes > most_kept_bytes:
            self._kept_bytes -= len(self._records.popleft().value)
            self.first += 1

    def since(self, offset: int) -> list[Received]:
        found = list(self._records)[max(0, offset - self.first) :]
        return [Received(record, 0, n) for n, record in enumerate(found, start=self.end - len(found))]


class _EmbeddedReader:
    def __init__(self, topic: _Topic, changed: threading.Condition, group: str | None, offset: int) -> None:
        self._topic = topic
        self._changed = changed
        self._group = group
        self._offset = offset
        self._is_reading = group is None

    def next(self, patience_s: float) -> Sequence[Received]:
        deadline = time.monotonic() + patience_s
        with self._changed:
            while not (self._has_turn() and self._offset < self._topic.end):
                left = deadline - time.monotonic()
                if left <= 0:
                    return []
                self._changed.wait(left)
            found = self._topic.since(self._offset)
            self._offset = self._topic.end
            return found

    def commit(self) -> None:
        with self._changed:
            if self._group is not None and self._is_reading:
                self._topic.committed[self._group] = self._offset

    def close(self) -> None:
        with self._changed:
            if self._group is not None and self._topic.holders.get(self._group) is self:
                del self._topic.holders[self._group]
            self._changed.notify_all()

    def _has_turn(self) -> bool:
        """One of a group reads at a time, as with the one partition of a topic of Kafka."""
        if self._group is None:
            return True
        if self._topic.holders.setdefault(self._group, self) is not self:
            return False
        if not self._is_reading:
            self._is_reading = True
            self._offset = self._topic.committed.get(self._group, 0)
        return True
