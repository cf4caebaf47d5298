"""A process that projects a log on both engines and rebuilds all the time, made to be killed.

See `forking` for how it is given orders.
"""

from __future__ import annotations

import mmap
import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from infra.clickhouse import ClickHouse
from infra.event_recorder import PostgresRecorder
from infra.event_store import EventLog
from infra.objects import Objects
from infra.postgres import open_pool
from infra.subscriptions import Subscription
from projections.columnar import ColumnarProjector
from projections.columnar_build import TableBuild
from projections.columnar_inserts import LiveInserts
from projections.curve_points import curve_points_projection
from projections.prices import prices_projection
from projections.projector import RelationalProjector
from projections.registry import relational_projections
from tests.projections.forking import die_in, serve

RELATIONAL, COLUMNAR, BUILD = range(3)
"""What goes on side by side; each has a byte in the file of marks, which outlives the process."""

MARKS = {
    (RELATIONAL, 1): "in a relational transaction",
    (COLUMNAR, 1): "in a columnar batch",
    (COLUMNAR, 2): "in a columnar insert",
    (COLUMNAR, 3): "between columnar insert and checkpoint",
    (COLUMNAR, 4): "noting a columnar insert",
    (BUILD, 1): "filling a columnar table beside",
    (BUILD, 2): "exchanging columnar tables",
    (BUILD, 3): "filling relational tables beside",
    (BUILD, 4): "exchanging relational tables",
}


class Life:
    """Both projectors over one log."""

    def __init__(
        self, dsn: str, clickhouse: str, objects: str, marks: str, dies: tuple[int, int, float] | None = None
    ) -> None:
        """`dies`: the mark that it is killed at, and so many seconds after that."""
        self._dies = dies
        with Path(marks).open("r+b") as file:
            self._marks = mmap.mmap(file.fileno(), 3)
        self.pool = open_pool(dsn)
        self.log = EventLog(PostgresRecorder(self.pool))
        store = Objects.in_folder(Path(objects))
        self.clickhouse = ClickHouse.embedded(Path(clickhouse))
        self.relational = RelationalProjector(self.pool, self.log, relational_projections(store))
        self.columnar = ColumnarProjector(
            self.pool, self.clickhouse, [prices_projection(store), curve_points_projection(store)]
        )
        self._mark(RelationalProjector, "handle", RELATIONAL, 1)
        self._mark(ColumnarProjector, "handle", COLUMNAR, 1)
        self._mark(LiveInserts, "_insert", COLUMNAR, 2)
        self._mark(LiveInserts, "note", COLUMNAR, 4)
        self._mark(ColumnarProjector, "_record", COLUMNAR, 3)
        self._mark(TableBuild, "fill", BUILD, 1)
        self._mark(ColumnarProjector, "_swap", BUILD, 2)
        self._mark(RelationalProjector, "rebuild", BUILD, 3)
        self._mark(RelationalProjector, "_exchange", BUILD, 4)

    def subscriptions(self) -> list[Subscription]:
        columnar = [
            Subscription(
                projection.name, self.log, partial(self.columnar.load, projection),
                partial(self.columnar.handle, projection, self.log),
                isolate=partial(self.columnar.isolate, projection, self.log),
                prepare=partial(self.columnar.prepare, projection, self.log), batch_size=5,
            )
            for projection in self.columnar.projections
        ]  # fmt: skip
        relational = self.relational
        live = Subscription("relational", self.log, relational.load, relational.handle, relational.isolate)
        live.batch_size = 5
        return [live, *columnar]

    def go_on(self) -> None:
        """Follows the log, and rebuilds one read model after the other, until it is killed."""
        for subscription in self.subscriptions():
            subscription.start()
        while True:
            self.columnar.rebuild(random.choice(list(self.columnar.projections)), self.log, _quiet)
            self.relational.rebuild([random.choice(list(self.relational.projections))], _quiet)

    def finish(self, folder: Path) -> None:
        """Follows the log to its end, and writes the columnar rows to `folder`, in the order of their values."""
        subscriptions = self.subscriptions()
        for subscription in subscriptions:
            subscription.start()
        for subscription in subscriptions:
            subscription.wait_for(self.log.head())
            subscription.stop()
        tables = {projection.name: projection.table for projection in self.columnar.projections}
        # Of a summary only what the engine keeps in the end counts: how much of it is merged already is chance.
        summaries = [projection.summary for projection in self.columnar.projections if projection.summary]
        for name, source in (tables | {summary.table: f"{summary.table} FINAL" for summary in summaries}).items():
            rows = self.clickhouse.query_arrow(f"SELECT * FROM ch.{source} ORDER BY ALL")
            with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
                writer.write_table(rows)
        self.clickhouse.close()
        self.pool.close()

    def _mark(self, owner: type, method: str, slot: int, value: int) -> None:
        original: Callable[..., Any] = getattr(owner, method)

        def marked(*given: Any, **named: Any) -> Any:
            before = self._marks[slot]
            self._marks[slot] = value
            if self._dies and (slot, value) == tuple(self._dies[:2]):
                die_in(self._dies[2])
            try:
                return original(*given, **named)
            finally:
                self._marks[slot] = before

        setattr(owner, method, marked)


def _quiet(position: int, of: int) -> None:
    pass


# A life in which the moment that it is meant to die at does not come ends at another one.
PATIENCE_S = 20.0


def live(order: dict[str, Any]) -> None:
    finish = order.pop("finish", None)
    if "dies" in order:
        die_in(PATIENCE_S)
    life = Life(**order)
    if finish:
        life.finish(Path(finish))
    else:
        life.go_on()


if __name__ == "__main__":
    import clickhouse_connect  # noqa: F401

    # But for the engine: it begins threads as soon as it is imported, and these would be missing after a fork.
    assert "chdb" not in sys.modules

    serve(live)
