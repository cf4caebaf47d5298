"""A columnar projection's table, filled from the log beside the live one, which nobody reads until it is done.

Small publications go in together, tens of thousands of rows an insert, those of each partition apart: a synced part
takes some 20 ms however small it is. Nothing needs to be done exactly once here, since a build that fails is thrown
away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows, together
from infra.event_mapper import RecordedEvent, Undecodable
from infra.event_store import EventLog
from infra.failures import Failure, attempt
from projections.changing import PartsOf
from projections.relational import Progress

A = TypeVar("A")
B = TypeVar("B")

# While some load their rows from the object store, others are inserted.
_THREADS = 2
_AHEAD = 8
ROWS_TOGETHER = 200_000
EVENTS_TOGETHER = 2_000
_SUMMARY_ROWS_TOGETHER = 200_000

RowsOf = Callable[[RecordedEvent], Rows]


@dataclass(frozen=True)
class Summary:
    """A second table, of what `of` takes from the rows that each event brings.

    It must not matter how often, in what order, or with what other rows they come in: nothing tells whether they did.
    """

    table: str
    create: Callable[[ClickHouse, str], None]
    of: Callable[[Rows], Rows]


@dataclass(frozen=True, eq=False)
class ColumnarProjection:
    """One table of database `ch`: what creates it under a name, and which events bring rows to it.

    Of the events that `rows_of` names, those bring rows that it `concerns`, which change `parts`. Rows of which
    `partition_of` says the same go into the same partitions of the table.
    """

    name: str
    version: int
    table: str
    create: Callable[[ClickHouse, str], None]
    rows_of: Mapping[type, RowsOf]
    parts: PartsOf
    concerns: Callable[[RecordedEvent], bool] = lambda _: True
    partition_of: Callable[[Rows], Hashable] = lambda _: None
    summary: Summary | None = None

    @property
    def tables(self) -> Sequence[str]:
        return [self.table, self.summary.table] if self.summary else [self.table]

    def create_tables(self, clickhouse: ClickHouse, name: Callable[[str], str] = str) -> None:
        """Creates what is missing of the tables, under the names that `name` makes of theirs."""
        self.create(clickhouse, name(self.table))
        if self.summary:
            self.summary.create(clickhouse, name(self.summary.table))

    def wants(self, recorded: RecordedEvent) -> bool:
        """Whether it brings rows; of one that can't be decoded nobody knows."""
        if type(recorded.event) is Undecodable:
            return True
        return type(recorded.event) in self.rows_of and self.concerns(recorded)

    def rows(self, recorded: RecordedEvent) -> Rows:
        if isinstance(recorded.event, Undecodable):
            raise recorded.event.error
        return self.rows_of[type(recorded.event)](recorded)

    def token(self, *recorded: RecordedEvent) -> str:
        """What tells the engine that the rows of these events are in already."""
        return f"{self.name}:{self.version}:{','.join(str(each.position) for each in recorded)}"


@dataclass(frozen=True)
class SetAside:
    """An event that was not applied: for a failure of its own, or since the one at `follows` was not."""

    recorded: RecordedEvent
    failure: Failure | None
    follows: int | None = None


class SummaryInserts:
    """Puts what a summary takes from many events into it, many rows an insert; `flush` puts in what is left."""

    def __init__(self, clickhouse: ClickHouse, summary: Summary | None, table: str = "") -> None:
        """`table` is where it goes, if not into the live one."""
        self._clickhouse = clickhouse
        self._summary = summary
        self._table = table or (summary.table if summary else "")
        self._parts: list[Rows] = []
        self._rows = 0

    def taken(self, rows: Rows) -> Rows | None:
        """What the summary takes from an event's rows."""
        return self._summary.of(rows) if self._summary else None

    def add(self, part: Rows | None) -> None:
        if part is None or not part.table.num_rows:
            return
        self._parts.append(part)
        self._rows += part.table.num_rows
        # A part of two rows takes as much memory as one of hundreds.
        if self._rows >= _SUMMARY_ROWS_TOGETHER or len(self._parts) >= EVENTS_TOGETHER:
            self.flush()

    def flush(self) -> None:
        parts, self._parts, self._rows = self._parts, [], 0
        if parts:
            # No token that the engine has seen: the same rows again are harmless, and missing ones are not.
            self._clickhouse.insert_arrow(f"ch.{self._table}", together(parts), deduplication_token=str(uuid4()))


class TableBuild:
    """Fills tables beside the live ones from the first event on; `position` is how far it has come."""

    def __init__(self, clickhouse: ClickHouse, projection: ColumnarProjection, name: Callable[[str], str]) -> None:
        """`name` makes of a live table's name that of the one beside it."""
        self.name = name
        self.table = name(projection.table)
        self.position = 0
        self.set_aside: list[SetAside] = []
        self._clickhouse = clickhouse
        self._projection = projection
        self._parked: dict[UUID, int] = {}
        self._group: list[tuple[RecordedEvent, Rows]] = []
        self._group_rows = 0
        summary = projection.summary
        self._summary = SummaryInserts(clickhouse, summary, name(summary.table) if summary else "")
        projection.create_tables(clickhouse, name)

    def fill(self, log: EventLog, through: int, progress: Progress) -> None:
        """Goes on to the position `through`. Raises what is a store's fault; the table is of no use then."""
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="load") as threads:
            while self.position < through and (page := log.page(self.position)):
                wanted = [r for r in page if r.position <= through and self._projection.wants(r)]
                for recorded, rows in ahead(threads, self._rows, wanted):
                    self._add(recorded, rows)
                self.position = min(page[-1].position, through)
                progress(self.position, through)
        self._insert_group()
        self._summary.flush()

    def drop(self) -> None:
        for table in self._projection.tables:
            self._clickhouse.define(f"DROP TABLE IF EXISTS ch.{self.name(table)} SYNC")

    def _rows(self, recorded: RecordedEvent) -> Rows | Failure:
        return attempt(partial(self._projection.rows, recorded))

    def _add(self, recorded: RecordedEvent, rows: Rows | Failure) -> None:
        if self._waits(recorded):
            return
        if isinstance(rows, Failure):
            self._put_aside(recorded, rows)
            return
        if self._group_rows + rows.table.num_rows > ROWS_TOGETHER or len(self._group) == EVENTS_TOGETHER:
            self._insert_group()
        self._group.append((recorded, rows))
        self._group_rows += rows.table.num_rows

    def _insert_group(self) -> None:
        group, self._group, self._group_rows = self._group, [], 0
        if not group:
            return
        name = f"{group[0][0].position}-{group[-1][0].position}"
        failure = attempt(partial(self._insert, [rows for _, rows in group], name))
        if failure is not None:
            self._insert_singly(group)

    def _insert_singly(self, group: Sequence[tuple[RecordedEvent, Rows]]) -> None:
        """One of them does not fit. Which, is found one by one, once nothing is left of what they brought together."""
        positions = [recorded.position for recorded, _ in group]
        delete_positions(self._clickhouse, self.table, positions)
        for recorded, rows in group:
            if not self._waits(recorded):
                failure = attempt(partial(self._insert, [rows], str(recorded.position)))
                if failure is not None:
                    self._put_aside(recorded, failure)

    def _insert(self, parts: Sequence[Rows], token: str) -> None:
        for number, rows in enumerate(by_partition(parts, self._projection.partition_of)):
            self._clickhouse.insert_arrow(f"ch.{self.table}", rows, deduplication_token=f"{token}/{number}")
        for part in parts:
            self._summary.add(self._summary.taken(part))

    def _waits(self, recorded: RecordedEvent) -> bool:
        first = self._parked.get(recorded.stream_id)
        if first is not None:
            self.set_aside.append(SetAside(recorded, None, first))
        return first is not None

    def _put_aside(self, recorded: RecordedEvent, failure: Failure) -> None:
        self._parked[recorded.stream_id] = recorded.position
        self.set_aside.append(SetAside(recorded, failure))


def by_partition(parts: Sequence[Rows], partition_of: Callable[[Rows], Hashable]) -> list[Rows]:
    """The rows of many parts, those of each partition together."""
    found: dict[Hashable, list[Rows]] = {}
    for part in parts:
        found.setdefault(partition_of(part), []).append(part)
    return [together(same) for same in found.values()]


def delete_positions(clickhouse: ClickHouse, table: str, positions: Sequence[int]) -> None:
    """Takes out the rows of these events; returns when they are gone for every reader."""
    delete = f"DELETE FROM ch.{table} WHERE log_position IN {{positions:Array(Int64)}}"  # noqa: S608 - a name from code
    clickhouse.command(delete, {"positions": list(positions)})


def ahead(
    threads: ThreadPoolExecutor, work: Callable[[A], B], items: Iterable[A], most: int = _AHEAD
) -> Iterator[tuple[A, B]]:
    """Each item with what `work` makes of it, in order, while the threads work on the next few, at `most` so many."""
    pending: deque[tuple[A, Future[B]]] = deque()
    for item in items:
        pending.append((item, threads.submit(work, item)))
        if len(pending) > most:
            done, future = pending.popleft()
            yield done, future.result()
    for done, future in pending:
        yield done, future.result()
