"""What a summary takes from many small events is put in before it becomes much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pyarrow as pa

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows
from projections.columnar_build import EVENTS_TOGETHER, Summary, SummaryInserts


@dataclass
class _Store:
    """Notes how many rows each insert has."""

    inserted: list[int] = field(default_factory=list)

    def insert_arrow(self, _table: str, rows: Rows, *, deduplication_token: str) -> None:
        assert deduplication_token
        self.inserted.append(rows.table.num_rows)


def test_many_parts_of_few_rows_are_not_kept() -> None:
    store = _Store()
    summary = Summary("latest", lambda _, __: None, lambda rows: rows)
    inserts = SummaryInserts(cast(ClickHouse, store), summary)
    two_rows = Rows(pa.table({"node": ["A", "B"]}), {})
    for _ in range(EVENTS_TOGETHER + 1):
        inserts.add(inserts.taken(two_rows))
    assert store.inserted == [2 * EVENTS_TOGETHER]
    inserts.flush()
    assert store.inserted == [2 * EVENTS_TOGETHER, 2]
