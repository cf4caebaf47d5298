"""Rows on their way into a live columnar table: small publications together, for a synced part takes some 20 ms.

An insert carries a token of the positions of its events, and is noted in the database before. So whatever happens in
between, the same rows go in again under the same token, of which the engine takes but one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows, together
from infra.event_mapper import RecordedEvent
from projections.columnar_build import ColumnarProjection, SummaryInserts, ahead, delete_positions
from read_models import columnar_inserts as notes
from read_models.batch import Cursor

# While one insert waits for the disk, another is made.
_INSERTS_AT_ONCE = 2
_LOADS_AT_ONCE = 2
# Two inserts of so many rows side by side are sooner done than one of twice as many, which has to be sorted, too.
ROWS_TOGETHER = 100_000

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

    def all_of(self, events: Sequence[RecordedEvent], begun: Sequence[notes.Begun]) -> None:
        """Puts in the rows of the events, those that were begun before as they were; none of these is to be parted."""
        known = {recorded.position: recorded for recorded in events}
        again = [[known.pop(position) for position in each.positions] for each in begun]
        with (
            ThreadPoolExecutor(_LOADS_AT_ONCE, thread_name_prefix="load") as loading,
            ThreadPoolExecutor(_INSERTS_AT_ONCE, thread_name_prefix="insert") as inserting,
        ):
            for _, parts in ahead(inserting, self._again, again, _INSERTS_AT_ONCE):
                self._summarise(parts)
            loaded = ahead(loading, self._projection.rows, known.values(), _LOADS_AT_ONCE)
            groups = grouped(loaded, self._projection.partition_of)
            for _, parts in ahead(inserting, self._noted, groups, _INSERTS_AT_ONCE):
                self._summarise(parts)
        self._summary.flush()

    def alone(self, recorded: RecordedEvent) -> None:
        """Puts in the rows of one event, whose insert is noted."""
        self._summarise(self._insert([(recorded, self._projection.rows(recorded))]))
        self._summary.flush()

    def part(self) -> None:
        """Takes out what went in together, so that each of its events goes in alone."""
        name, store = self._projection.name, self._clickhouse.store_id
        # Said before anything is taken out: no token is used again once its rows may be gone.
        with self._cursor() as cursor:
            notes.part_inserts(cursor, name, store)
        with self._cursor() as cursor:
            if positions := notes.take_parted(cursor, name, store):
                delete_positions(self._clickhouse, self._projection.table, positions)

    def note(self, inserts: Sequence[Sequence[int]]) -> None:
        """Says that inserts of the events at these positions are about to begin."""
        projection = self._projection
        with self._cursor() as cursor:
            notes.note_inserts(cursor, projection.name, self._clickhouse.store_id, projection.version, inserts)

    def _noted(self, loaded: Loaded) -> list[Rows]:
        self.note([[recorded.position for recorded, _ in loaded]])
        return self._insert(loaded)

    def _again(self, events: Sequence[RecordedEvent]) -> list[Rows]:
        return self._insert([(recorded, self._projection.rows(recorded)) for recorded in events])

    def _insert(self, loaded: Loaded) -> list[Rows]:
        parts = [rows for _, rows in loaded]
        token = self._projection.token(*(recorded for recorded, _ in loaded))
        self._clickhouse.insert_arrow(f"ch.{self._projection.table}", together(parts), deduplication_token=token)
        return parts

    def _summarise(self, parts: Sequence[Rows]) -> None:
        for part in parts:
            self._summary.add(self._summary.taken(part))


def grouped(loaded: Iterable[tuple[RecordedEvent, Rows]], partition_of: Callable[[Rows], Hashable]) -> Iterator[Loaded]:
    """Events whose rows go into the same partition, together unless these are too many."""
    groups: dict[Hashable, Loaded] = {}
    for recorded, rows in loaded:
        partition = partition_of(rows)
        group = groups.setdefault(partition, [])
        if group and sum(part.table.num_rows for _, part in [*group, (recorded, rows)]) > ROWS_TOGETHER:
            yield group
            group = groups[partition] = []
        group.append((recorded, rows))
    yield from groups.values()
