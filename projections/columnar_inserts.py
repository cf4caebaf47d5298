"""Rows on their way into a live columnar table: small publications together, for a synced part takes some 20 ms.

An insert carries a token of the positions of its events, and is noted in the database before. So whatever happens in
between, the same rows go in again under the same token, of which the engine takes but one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows, together
from infra.event_mapper import RecordedEvent
from infra.event_store import EventLog
from projections.columnar_build import ColumnarProjection, SummaryInserts, ahead, delete_positions
from read_models import columnar_inserts as notes
from read_models.batch import Cursor

# While one insert waits for the disk, another is made.
_INSERTS_AT_ONCE = 2
_LOADS_AT_ONCE = 2
# Two inserts of so many rows side by side are sooner done than one of twice as many.
ROWS_TOGETHER = 65_536

Loaded = list[tuple[RecordedEvent, Rows]]
"""Events whose rows go in together, and these rows."""


class LiveInserts:
    """Inserts of one batch of one projection. What is put in has to be recorded by whoever moves the checkpoint."""

    def __init__(
        self,
        cursor: Callable[[], AbstractContextManager[Cursor]],
        clickhouse: ClickHouse,
        projection: ColumnarProjection,
    ) -> None:
        """`cursor` begins a transaction."""
        self._cursor = cursor
        self._clickhouse = clickhouse
        self._projection = projection
        self._summary = SummaryInserts(clickhouse, projection.summary)

    def all_of(self, events: Sequence[RecordedEvent], begun: Sequence[notes.Begun], log: EventLog) -> None:
        """Puts in the rows of all events, and whatever else was begun before."""
        if any(each.is_to_be_parted for each in begun):
            begun = self.parted(begun)
        known = {recorded.position: recorded for recorded in events}
        under_way = {position for each in begun for position in each.positions}
        with (
            ThreadPoolExecutor(_LOADS_AT_ONCE, thread_name_prefix="load") as loading,
            ThreadPoolExecutor(_INSERTS_AT_ONCE, thread_name_prefix="insert") as inserting,
        ):
            again = [[known.get(p) or _at(log, p) for p in each.positions] for each in begun]
            for _, parts in ahead(inserting, self._again, again, _INSERTS_AT_ONCE):
                self._summarise(parts)
            new = [recorded for recorded in events if recorded.position not in under_way]
            loaded = ahead(loading, self._projection.rows, new, _LOADS_AT_ONCE)
            groups = grouped(loaded, self._projection.partition_of)
            for _, parts in ahead(inserting, self._noted, groups, _INSERTS_AT_ONCE):
                self._summarise(parts)
        self._summary.flush()

    def alone(self, recorded: RecordedEvent) -> None:
        """Puts in the rows of one event, whose insert is noted."""
        self._summarise(self._insert([(recorded, self._projection.rows(recorded))]))
        self._summary.flush()

    def parted(self, begun: Sequence[notes.Begun]) -> list[notes.Begun]:
        """Takes out what went in together, and returns what is begun now: inserts of one event each."""
        several = [position for each in begun if len(each.positions) > 1 for position in each.positions]
        if several:
            # Said before and after: no token of an insert whose rows may be taken out again is ever used.
            with self._cursor() as cursor:
                notes.part_inserts(cursor, self._projection.name, self._clickhouse.store_id)
            delete_positions(self._clickhouse, self._projection.table, several)
            with self._cursor() as cursor:
                notes.note_parted(cursor, self._projection.name, self._clickhouse.store_id)
        return [notes.Begun((position,), False) for each in begun for position in each.positions]

    def note(self, inserts: Sequence[Sequence[int]]) -> None:
        """Says that inserts of the events at these positions are about to begin."""
        with self._cursor() as cursor:
            notes.note_inserts(cursor, self._projection.name, self._clickhouse.store_id, inserts)

    def _noted(self, loaded: Loaded) -> list[Rows]:
        self.note([[recorded.position for recorded, _ in loaded]])
        return self._insert(loaded)

    def _again(self, events: Sequence[RecordedEvent]) -> list[Rows]:
        return self._insert([(recorded, self._projection.rows(recorded)) for recorded in events])

    def _insert(self, loaded: Loaded) -> list[Rows]:
        parts = [rows for _, rows in loaded]
        rows = parts[0] if len(parts) == 1 else together(parts)
        token = self._projection.token(*(recorded for recorded, _ in loaded))
        self._clickhouse.insert_arrow(f"ch.{self._projection.table}", rows, deduplication_token=token)
        return parts

    def _summarise(self, parts: Sequence[Rows]) -> None:
        for part in parts:
            self._summary.add(self._summary.taken(part))


def grouped(loaded: Iterator[tuple[RecordedEvent, Rows]], partition_of: Callable[[Rows], Hashable]) -> Iterator[Loaded]:
    """Events whose rows go into the same partition, together until they are many."""
    groups: dict[Hashable, Loaded] = {}
    for recorded, rows in loaded:
        group = groups.setdefault(partition_of(rows), [])
        group.append((recorded, rows))
        if sum(of_one.table.num_rows for _, of_one in group) >= ROWS_TOGETHER:
            yield groups.pop(partition_of(rows))
    yield from groups.values()


def _at(log: EventLog, position: int) -> RecordedEvent:
    recorded = log.at(position)
    assert recorded is not None, f"nothing stands at position {position}, of which rows were being put in"
    return recorded
