"""The event log: appending beside bare INSERTs, and `audit verify`. Run: python -m tests.benchmarks.log

Appending: both sides write the same bytes of the same rows to the same PostgreSQL, fsync on, in turns. Ours is the
recorder's `insert_events`; the other side is one prepared multi-row INSERT into a plain table with nothing but its
primary key, in autocommit. Verifying: a generated log of the stated mix, sealed every thousand events; the other side
streams the same rows out of the same table and hashes each, and compares nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import psycopg

from infra.embedded_postgres import EmbeddedPostgres
from infra.event_mapper import LoggedEvent
from infra.event_recorder import PostgresRecorder
from infra.event_store import EventLog
from infra.log_verification import verify_log
from infra.objects import Objects
from infra.postgres import open_pool
from infra.sealing import Sealer
from infra.seals import Seals
from tests.benchmarks.files import machine
from tests.generated_log import MIX, fill_log, generated_events

EVENTS = 1_000_000
APPENDS = {1: 1_500, 100: 100}
"""How many appends of how many events each."""
APPEND_TARGET_RATIO = 2.5
VERIFY_TARGET = 200_000
VERIFY_RUNS = 3

_PLAIN = """CREATE TABLE plain (position bigint PRIMARY KEY, stream_id uuid, version integer, name text,
                                metadata bytea, payload bytea, recorded_at timestamptz)"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=EVENTS, help="in the log that is verified")
    chosen = arguments.parse_args()
    print(machine())
    print("Mix of each hundred events:", ", ".join(f"{count} {name}" for name, count in MIX.items()))
    for batch, appends in APPENDS.items():
        with _log() as (log, objects, _):
            _compare_appends(log, generated_events(objects), batch, appends)
    with _log() as (log, objects, folder):
        _verify(log, objects, Seals(folder / "seals", bytes(32)), chosen.events)


@contextmanager
def _log() -> Iterator[tuple[EventLog, Objects, Path]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        postgres = EmbeddedPostgres.start(folder / "postgres")
        try:
            with open_pool(postgres.dsn) as pool:
                recorder = PostgresRecorder(pool)
                recorder.create_schema()
                yield EventLog(recorder), Objects.in_folder(folder / "objects"), folder
        finally:
            postgres.stop()


def _compare_appends(log: EventLog, events: Iterator[LoggedEvent], batch: int, appends: int) -> None:
    batches = [list(islice(events, batch)) for _ in range(appends)]
    assert isinstance(log.recorder, PostgresRecorder)
    with psycopg.connect(log.recorder.dsn, autocommit=True) as connection:
        connection.execute(_PLAIN)
        settings = [connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "synchronous_commit")]
        if settings != [("on",), ("on",)]:
            sys.exit("fsync or synchronous_commit is off")
        plain = _plain_insert(connection, batch)
        seconds: dict[str, list[float]] = {"ours": [], "plain": []}
        sides: dict[str, Callable[[Sequence[LoggedEvent]], object]] = {
            "ours": log.recorder.insert_events,
            "plain": plain,
        }
        for appended in batches:
            for side, append in sides.items():
                started = time.perf_counter()
                append(appended)
                seconds[side].append(time.perf_counter() - started)
    ours, other = (statistics.median(seconds[side]) for side in ("ours", "plain"))
    print(f"append of {batch:>3} events  ours {1000 * ours:.2f} ms, bare INSERT {1000 * other:.2f} ms (medians of "
          f"{appends}), ratio {ours / other:.2f} (target at most {APPEND_TARGET_RATIO})")  # fmt: skip


def _plain_insert(
    connection: psycopg.Connection[tuple[object, ...]], batch: int
) -> Callable[[Sequence[LoggedEvent]], object]:
    statement = f"INSERT INTO plain VALUES {', '.join(['(%s, %s, %s, %s, %s, %s, %s)'] * batch)}".encode()
    position = 0

    def insert(events: Sequence[LoggedEvent]) -> object:
        nonlocal position
        values: list[object] = []
        for event in events:
            position += 1
            values += (position, event.originator_id, event.originator_version, event.topic, event.metadata,
                       event.state, datetime.now(UTC))  # fmt: skip
        return connection.execute(statement, values, prepare=True)

    return insert


def _verify(log: EventLog, objects: Objects, seals: Seals, events: int) -> None:
    fill_log(log, objects, events)
    Sealer(log, seals, lambda: datetime.now(UTC)).seal_pending()
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(VERIFY_RUNS):
        started = time.perf_counter()
        found = verify_log(log, seals)
        rates["ours"].append(events / (time.perf_counter() - started))
        if found.difference or (found.events, found.sealed_events) != (events, events):
            sys.exit(f"the log was not verified: {found}")
        started = time.perf_counter()
        if _hash_bare(log) != events:
            sys.exit("the bare side has read another number of events")
        rates["bare"].append(events / (time.perf_counter() - started))
    ours, bare = (statistics.median(rates[side]) for side in ("ours", "bare"))
    print(f"audit verify of {events:,} events under {found.seals:,} seals  ours {ours:,.0f} events/s (target "
          f"{VERIFY_TARGET:,}), reading and hashing alone {bare:,.0f} events/s, ratio {ours / bare:.2f} (medians of "
          f"{VERIFY_RUNS})")  # fmt: skip


def _hash_bare(log: EventLog) -> int:
    """The least that can be done: every row, as the driver streams it, through SHA-256; nothing is compared."""
    count = 0
    query = (
        "COPY (SELECT stream_id, version, name, metadata, payload FROM log.events ORDER BY position) TO STDOUT BINARY"
    )
    assert isinstance(log.recorder, PostgresRecorder)
    with psycopg.connect(log.recorder.dsn) as connection, connection.cursor().copy(query) as rows:
        for row in rows:
            hashlib.sha256(row).digest()
            count += 1
    return count - 1  # the trailer


if __name__ == "__main__":
    main()
