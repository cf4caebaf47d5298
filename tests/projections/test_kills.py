"""A process that projects on both engines, killed at random moments, neither loses nor doubles a row."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.event_recorder import PostgresRecorder
from infra.event_store import EventLog
from infra.objects import Objects
from infra.postgres import open_pool
from projections.registry import relational_projections
from tests.generated_log import fill_log
from tests.projections.forking import Forker
from tests.projections.killed_process import MARKS

KILLS = 108
EVENTS = 3_000
SEED = 20_261_126


class Lives(Forker):
    """Starts lives of the process over one log, and ends them."""

    def __init__(self, folder: Path, objects: Path) -> None:
        super().__init__("tests.projections.killed_process", folder)
        self.folder = folder
        self.objects = objects
        self.marks = folder / "marks"

    def start(self, dsn: str, clickhouse: str, **more: object) -> int:
        self.marks.write_bytes(bytes(3))
        order = {"dsn": dsn, "clickhouse": str(self.folder / clickhouse), "objects": str(self.objects)}
        return self.live({**order, "marks": str(self.marks), **more})


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    started = Lives(tmp_path, tmp_path / "objects")
    yield started
    started.close()


@pytest.fixture
def databases(postgres_dsn: str) -> list[str]:
    """Two empty databases."""
    made = []
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for _ in range(2):
            name = f"kills_{uuid4().hex}"
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            made.append(make_conninfo(postgres_dsn, dbname=name))
    return made


def open_log(dsn: str) -> EventLog:
    recorder = PostgresRecorder(open_pool(dsn))
    recorder.create_schema()
    return EventLog(recorder)


def kill_at(lives: Lives, dsn: str, moment: tuple[int, int], chance: random.Random) -> list[str]:
    """One life, killed at about that moment; what it was doing when it died."""
    pid = lives.start(dsn, "killed", dies=(*moment, chance.uniform(0, 0.003)))
    assert lives.end_of(pid) == -signal.SIGKILL, lives.said()
    marks = lives.marks.read_bytes()
    return [MARKS[slot, value] for slot, value in enumerate(marks) if value]


@pytest.mark.timeout(1800)
def test_kills_at_random_moments_neither_lose_nor_double_a_row_on_either_engine(
    lives: Lives, databases: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed, killed = databases
    complete, growing = open_log(undisturbed), open_log(killed)
    fill_log(complete, Objects.in_folder(tmp_path / "objects"), EVENTS)
    chance = random.Random(SEED)
    hits: Counter[str] = Counter()
    moments = list(MARKS) * (KILLS // len(MARKS))
    chance.shuffle(moments)
    kills = 0

    def ingest() -> None:
        """The log grows all the while, a few events at a time: its last ones come in the last life."""
        while page := complete.stored_page(growing.head(), 7):
            if page[0].id <= EVENTS * (kills + 1) / len(moments):
                growing.recorder.insert_events(page)
            time.sleep(0.02)

    ingesting = threading.Thread(target=ingest)
    started_at = time.monotonic()
    ingesting.start()
    for moment in moments:
        hits.update(kill_at(lives, killed, moment, chance) or ["at rest, or starting"])
        kills += 1
    took_s = time.monotonic() - started_at
    ingesting.join()
    assert growing.head() == EVENTS

    for dsn, name in ((undisturbed, "undisturbed"), (killed, "killed")):
        (tmp_path / f"{name} rows").mkdir()
        assert lives.end_of(lives.start(dsn, name, finish=str(tmp_path / f"{name} rows"))) == 0, lives.said()
    for columnar, fewest in (("prices", 500), ("curve_points", 500), ("latest_prices", 1)):
        expected, found = (rows_of(tmp_path / f"{name} rows" / columnar) for name in ("undisturbed", "killed"))
        assert expected.num_rows >= fewest
        assert found.equals(expected)
    tables = {table for projection in relational_projections(lives_objects(tmp_path)) for table in
              projection.table_names}  # fmt: skip
    for table in sorted(tables | {"dead_letter"}):
        assert relational_rows(killed, table) == relational_rows(undisturbed, table), table
    assert relational_rows(killed, "dead_letter") == []

    with capsys.disabled():
        print(f"\n{kills} kills in {took_s:.0f} s, while the log grew to {EVENTS:,} events:")
        for what, count in hits.most_common():
            print(f"  {count:4} {what}")
    assert kills >= 100
    assert set(MARKS.values()) <= set(hits), "every kind of moment was hit"
    for log in (complete, growing):
        assert isinstance(log.recorder, PostgresRecorder)
        log.recorder.pool.close()


def lives_objects(folder: Path) -> Objects:
    return Objects.in_folder(folder / "objects")


def rows_of(file: Path) -> pa.Table:
    with pa.memory_map(str(file)) as content:
        return pa.ipc.open_file(content).read_all()


def relational_rows(dsn: str, table: str) -> list[str]:
    """Every row of a table as text, sorted."""
    with psycopg.connect(dsn) as connection:
        query = sql.SQL("SELECT t::text FROM pg.{} t ORDER BY 1").format(sql.Identifier(table))
        return [text for (text,) in connection.execute(query).fetchall()]
