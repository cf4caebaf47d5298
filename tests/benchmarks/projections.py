"""Relational projections: events a second beside the library's own runner, and a rebuild from a million events.

With --parts only what each projection costs by itself.

Run: python -m tests.benchmarks.projections [--events 1000000] [--runs 3] [--parts]. The log is as PostgreSQL leaves one
that has grown for days: vacuumed, with a checkpoint behind it. Both sides write the same rows of the
same events, which is checked at the end, into the same server.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql

from infra.embedded_postgres import EmbeddedPostgres
from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import EventLog
from infra.memory import collect_seldom
from infra.objects import Objects
from infra.postgres import open_pool
from projections.building import Building
from projections.projector import LIVE_BATCH, RelationalProjector
from projections.registry import relational_projections
from projections.relational import RelationalProjection
from read_models.changes import CHANGES
from read_models.relational import CHECKPOINTS
from tests.benchmarks import library_way
from tests.benchmarks.files import machine
from tests.generated_log import MIX, fill_log

EVENTS = 1_000_000
RUNS = 3
LIBRARY_EVENTS = 5_000
LIVE_EVENTS = 100_000
PART_EVENTS = 100_000
RATE_TARGET = 40_000
REBUILD_TARGET_S = 40


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=EVENTS)
    arguments.add_argument("--runs", type=int, default=RUNS, help="builds from nothing, one after the other")
    arguments.add_argument("--parts", action="store_true", help="only what each projection costs by itself")
    chosen = arguments.parse_args()
    events: int = chosen.events
    collect_seldom()
    print(machine())
    print("Workload: generated events, in each hundred", ", ".join(f"{count} {name}" for name, count in MIX.items()))
    with _stores() as (dsn, pool, log, objects):
        fill_log(log, objects, min(PART_EVENTS, events) if chosen.parts else events)
        _settle(pool)
        if chosen.parts:
            _parts(pool, log, objects, log.head())
            return
        theirs = _library(dsn, pool, objects, min(LIBRARY_EVENTS, events))
        print(f"all relational projections, library's runner {theirs:>9,.0f} events/s (one event a transaction)")
        for _ in range(chosen.runs):
            costs = _costs(pool, log, relational_projections(objects), events)
            ours = 1e6 / costs[-1]
            print(f"all relational projections, ours             {ours:>9,.0f} events/s, indexes included "
                  f"(target {RATE_TARGET:,}); ratio {ours / theirs:.0f}")  # fmt: skip
            print(f"  µs an event, as below: {_shown(costs)}")
        live = _live(pool, log, objects, min(LIVE_EVENTS, events))
        print(f"all relational projections, live batches     {live:>9,.0f} events/s, {LIVE_BATCH} a transaction with "
              "every index")  # fmt: skip
        print(f"rebuild of all from {events:,} events {_rebuild(pool, log, objects):>6.1f} s "
              f"(target {REBUILD_TARGET_S} s for a million)")  # fmt: skip


def _settle(pool: Pool) -> None:
    """What the server does by itself in the minutes after so many events, and otherwise would amid the first build."""
    with pool.connection() as connection:
        connection.autocommit = True
        connection.execute("VACUUM (ANALYZE) log.events")
        connection.execute("CHECKPOINT")
        connection.autocommit = False


def _library(dsn: str, pool: Pool, objects: Objects, events: int) -> float:
    started = time.perf_counter()
    library_way.project(pool, dsn, objects, events, "library")
    seconds = time.perf_counter() - started
    building = Building(pool, EventLog(PostgresRecorder(pool)), relational_projections(objects), "same_events")
    building.start()
    building.advance(events, _quiet)
    _check_same(pool, objects, "library", "same_events")
    building.drop()
    return events / seconds


def _costs(pool: Pool, log: EventLog, chosen: Sequence[RelationalProjection], events: int) -> list[float]:
    """Of a build, µs an event: CPU of Python, of PostgreSQL for the rows, and for indexes and statistics; then time."""
    building = Building(pool, log, chosen, "built")
    started, python, server = time.perf_counter(), _python_cpu_s(), _server_cpu_s(pool)
    building.start()
    building.advance(events, _quiet)
    python, rows = _python_cpu_s() - python, _server_cpu_s(pool)
    building.finish()
    finished, indexes = time.perf_counter(), _server_cpu_s(pool)
    building.drop()
    return [seconds / events * 1e6 for seconds in (python, rows - server, indexes - rows, finished - started)]


def _shown(costs: Sequence[float]) -> str:
    return " ".join(f"{cost:6.1f}" for cost in costs)


def _live(pool: Pool, log: EventLog, objects: Objects, events: int) -> float:
    """Batch after batch through the live projector, into tables that start empty."""
    live = EventLog(PostgresRecorder(pool))
    projector = RelationalProjector(pool, live, relational_projections(objects))
    building = Building(pool, live, projector.projections, "pg")
    building.start()
    building.finish()
    with pool.connection() as connection:
        connection.execute(CHECKPOINTS)
        connection.execute(CHANGES)
    started = time.perf_counter()
    position = 0
    while position < events:
        page = log.page(position, LIVE_BATCH)
        projector.handle(page)
        position = page[-1].position
    return events / (time.perf_counter() - started)


def _rebuild(pool: Pool, log: EventLog, objects: Objects) -> float:
    projector = RelationalProjector(pool, log, relational_projections(objects))
    started = time.perf_counter()
    position = projector.rebuild(projector.projections, _quiet)
    seconds = time.perf_counter() - started
    if position != log.head():
        sys.exit(f"the rebuild came to position {position} only")
    return seconds


def _parts(pool: Pool, log: EventLog, objects: Objects, events: int) -> None:
    """What each projection costs when it is built by itself, and all of them together; reading the log is in each."""
    projections = relational_projections(objects)
    print("  µs of CPU an event: Python; PostgreSQL for the rows, and for indexes and statistics at the end; time")
    for name, chosen in [*((each.name, [each]) for each in projections), ("all together", projections)]:
        print(f"  {name:14}", _shown(_costs(pool, log, chosen, events)))


def _python_cpu_s() -> float:
    """Seconds of CPU that this process and those that it started and has seen end have taken so far."""
    used = os.times()
    return sum(used[:4])


def _server_cpu_s(pool: Pool) -> float:
    """Seconds of CPU that the processes of the server, which is on this machine, have taken so far."""
    with pool.connection() as connection:
        postmaster = _process(connection.info.backend_pid)[0]
    processes = [_process(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()]
    running = sum(ticks for parent, ticks, _ in processes if parent == postmaster)
    return (running + _process(postmaster)[2]) / os.sysconf("SC_CLK_TCK")


def _process(pid: int) -> tuple[int, int, int]:
    """Of a process its parent, and the ticks of CPU that it and its children that have ended have taken.

    All are 0 where it has just ended itself.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0, 0
    ticks = [int(ticks) for ticks in after_name[11:15]]
    return int(after_name[1]), sum(ticks[:2]), sum(ticks[2:])


def _check_same(pool: Pool, objects: Objects, one: str, other: str) -> None:
    for projection in relational_projections(objects):
        for table in projection.table_names:
            names = {"one": sql.Identifier(one, table), "other": sql.Identifier(other, table)}
            query = """SELECT count(*) FROM ((SELECT * FROM {one} EXCEPT ALL SELECT * FROM {other})
                       UNION ALL (SELECT * FROM {other} EXCEPT ALL SELECT * FROM {one})) AS different"""
            with pool.connection() as connection:
                different = connection.execute(sql.SQL(query).format(**names)).fetchone()
            if different != (0,):
                sys.exit(f"{table}: {different} rows differ between the two sides")


@contextmanager
def _stores() -> Iterator[tuple[str, Pool, EventLog, Objects]]:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres.start(Path(folder) / "postgres")
        try:
            pool = open_pool(server.dsn)
            recorder = PostgresRecorder(pool)
            recorder.create_schema()
            yield server.dsn, pool, EventLog(recorder), Objects.in_folder(Path(folder) / "objects")
            pool.close()
        finally:
            server.stop()


def _quiet(position: int, of: int) -> None:
    pass


if __name__ == "__main__":
    main()
