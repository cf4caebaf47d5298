"""A rebuild of every relational read model with a million rows in them, while four clients read and events come in.

The tables have a column of which each build has its own value: a page with two values would be a page that mixes
versions. The audit log has a row for every position: a page with a gap in it would have lost a row.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.objects import Objects
from infra.postgres import open_pool
from infra.subscriptions import Subscription
from projections.projector import RelationalProjector
from projections.registry import relational_projections
from projections.relational import RelationalProjection
from queries.relational import Order, PageRequest, page, rows
from tests.generated_log import fill_log
from tests.projections.conftest import Publish
from tests.projections.pulse import Pulse

EVENTS = 340_000
ROWS = 1_000_000
PAGE = 1_000
PAUSE_S = 0.05  # between two pages of a client
LISTS = {
    "audit_log": Order(("position",), descending=True),
    "publication": Order(("log_position",), descending=True),
    "scenario": Order(("tenant", "name")),
    "quote": Order(("quoted_at", "log_position", "hub", "product", "source"), descending=True),
}


def stamped(projection: RelationalProjection, stamp: int) -> RelationalProjection:
    """The projection with a column `stamp` in each of its tables."""
    tables = projection.tables.replace("(\n", f"(\n    stamp integer NOT NULL DEFAULT {stamp},\n")
    return replace(projection, tables=tables)


class Reader(threading.Thread):
    """Reads a list page by page from its start to its end, again and again, and keeps what must not be."""

    def __init__(self, pool: Pool, table: str, done: threading.Event) -> None:
        super().__init__(name=f"reader of {table}")
        self.table = table
        self.pages = 0
        self.stamps: list[int] = []
        self.slowest_s = 0.0
        self.faults: list[Any] = []
        self._pool, self._done = pool, done

    def run(self) -> None:
        after = None
        try:
            while not self._done.wait(PAUSE_S):
                started = time.monotonic()
                request = PageRequest(PAGE, after)
                found = page(self._pool, f"SELECT * FROM {self.table}", {}, LISTS[self.table], request)
                self.slowest_s = max(self.slowest_s, time.monotonic() - started)
                self._check(found.items)
                after = found.after
        except BaseException as error:
            self.faults.append(error)

    def _check(self, items: list[dict[str, Any]]) -> None:
        self.pages += 1
        stamps = {row["stamp"] for row in items}
        if len(stamps) != 1 or not items:
            self.faults.append(f"a page of {len(items)} rows with the stamps {stamps}")
        self.stamps += [stamp for stamp in stamps if stamp not in self.stamps]
        if self.table == "audit_log":
            positions = [row["position"] for row in items]
            if positions != list(range(positions[0], positions[0] - len(positions), -1)):
                self.faults.append(f"positions are missing between {positions[0]} and {positions[-1]}")


@pytest.fixture
def clients(dsn: str) -> Iterator[Pool]:
    """Connections of their own for those who read."""
    opened = open_pool(dsn)
    yield opened
    opened.close()


@pytest.mark.timeout(900)
def test_no_read_fails_or_mixes_versions_and_no_row_is_lost(
    log: EventLog, objects: Objects, pool: Pool, clients: Pool, publish: Publish
) -> None:
    fill_log(log, objects, EVENTS)
    first = [stamped(projection, 1) for projection in relational_projections(objects)]
    second = [stamped(projection, 2) for projection in relational_projections(objects)]
    projector = RelationalProjector(pool, log, first)
    live = Subscription("relational", log, projector.load, projector.handle, projector.isolate)
    live.start()
    tables = [table for projection in first for table in projection.table_names]
    counted = sum(rows(pool, f"SELECT count(*) AS n FROM {table}", {})[0]["n"] for table in tables)
    assert counted >= ROWS

    done = threading.Event()
    readers = [Reader(clients, table, done) for table in LISTS]
    for reader in readers:
        reader.start()
    published = 0
    rebuilding = threading.Thread(target=projector.rebuild, args=(second, lambda position, of: None))
    with Pulse(clients) as pulse:
        rebuilding.start()
        while rebuilding.is_alive():
            publish(node=f"N{published}")
            published += 1
            live.wait_for(log.head())
        # Until each has read the rebuilt tables.
        while any(2 not in reader.stamps and reader.is_alive() for reader in readers):
            publish(node=f"N{published}")
            published += 1
        done.set()
        for reader in readers:
            reader.join()
    live.wait_for(log.head())
    live.stop()

    assert [fault for reader in readers for fault in reader.faults] == []
    assert {reader.table: reader.stamps for reader in readers} == {table: [1, 2] for table in LISTS}
    assert min(reader.pages for reader in readers) > 20
    assert max(reader.slowest_s for reader in readers) < 5 + pulse.slowest_s
    assert published > 20
    assert log.head() == EVENTS + published
    stamps = [rows(pool, f"SELECT DISTINCT stamp FROM {table}", {}) for table in tables]
    assert {found[0]["stamp"] for found in stamps if found} == {2}
    assert max(map(len, stamps)) == 1
    assert rows(pool, "SELECT count(*) AS n FROM audit_log", {}) == [{"n": log.head()}]
    assert projector.verify(second, lambda position, of: None) == {projection.name: [] for projection in second}
