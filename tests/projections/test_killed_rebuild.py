"""A rebuild of all relational read models that is killed half-way: live reads stay whole, and nothing is left over."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.objects import Objects
from infra.postgres import open_pool
from projections.projector import RelationalProjector
from projections.registry import relational_projections
from queries.relational import rows
from tests.generated_log import fill_log
from tests.projections.conftest import Publish
from tests.projections.forking import Forker
from tests.projections.killed_rebuild import EXCHANGING, FILLING, FINISHING

EVENTS = 3_000
SEED = 20_261_127
KILLS = {FILLING: 4, FINISHING: 2, EXCHANGING: 2}
# How long after its beginning the stage is interrupted, at most.
LATEST_S = {FILLING: 0.6, FINISHING: 0.1, EXCHANGING: 0.01}
PATIENCE_S = 90.0

_WHOLE = """
SELECT (SELECT position FROM checkpoint WHERE projection = 'audit') AS audit_position,
       (SELECT position FROM checkpoint WHERE projection = 'publications') AS publications_position,
       (SELECT count(*) FROM audit_log) AS audited, (SELECT max(position) FROM audit_log) AS last_audited,
       (SELECT count(*) FROM publication) AS publications,
       (SELECT count(*) FROM log.events WHERE name LIKE 'publication.%%' AND position <=
           (SELECT position FROM checkpoint WHERE projection = 'publications')) AS published
"""
_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$' ORDER BY nspname"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'pg' ORDER BY tablename"
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'pg' ORDER BY indexdef"
_OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND NOT pid = ANY(%(ours)s)"


def assert_whole(pool: Pool) -> None:
    """Both tables hold exactly what lies up to their checkpoints; one statement sees one state of them."""
    (found,) = rows(pool, _WHOLE, {})
    assert found["audited"] == found["last_audited"] == found["audit_position"] >= EVENTS, found
    assert found["publications"] == found["published"] > EVENTS / 3, found


@pytest.fixture
def forker(tmp_path: Path) -> Iterator[Forker]:
    started = Forker("tests.projections.killed_rebuild", tmp_path)
    yield started
    started.close()


class Reader(threading.Thread):
    """Reads the live tables without a pause until it is told to stop, and keeps what must not be."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(name="reader")
        self.reads = 0
        self.faults: list[BaseException] = []
        self.done = threading.Event()
        self._pool = pool

    def run(self) -> None:
        while not self.done.wait(0.01):
            try:
                assert_whole(self._pool)
                self.reads += 1
            except BaseException as error:
                self.faults.append(error)


def kill_in(stage: int, forker: Forker, order: dict[str, str], chance: random.Random) -> int:
    """One life, killed in about that stage; the stage that it was in."""
    mark = Path(order["mark"])
    mark.write_bytes(bytes(1))
    pid = forker.live(order | {"dies": (stage, chance.uniform(0, LATEST_S[stage]))})
    assert forker.end_of(pid) == -signal.SIGKILL, forker.said()
    return mark.read_bytes()[0]


def end_of_backends(dsn: str) -> None:
    """Returns when the server has noticed that the killed process is gone."""
    with open_pool(dsn, most=1) as pool, pool.connection() as connection:
        ours = {"ours": [connection.info.backend_pid]}
        deadline = time.monotonic() + PATIENCE_S
        while left := connection.execute(_OTHERS, ours).fetchall():
            assert time.monotonic() < deadline, f"the backends {left} have outlived their client"
            time.sleep(0.02)


@pytest.mark.timeout(1800)
def test_a_rebuild_killed_half_way_leaves_the_live_read_models_whole(
    dsn: str, log: EventLog, objects: Objects, pool: Pool, publish: Publish, forker: Forker, tmp_path: Path
) -> None:
    fill_log(log, objects, EVENTS)
    order = {"dsn": dsn, "objects": str(tmp_path / "objects"), "mark": str(tmp_path / "mark")}
    Path(order["mark"]).write_bytes(bytes(1))
    assert forker.end_of(forker.live(order | {"once": "yes"})) == 0, forker.said()
    expected = [rows(pool, query, {}) for query in (_SCHEMAS, _TABLES, _INDEXES)]
    chance = random.Random(SEED)
    stages = [stage for stage, times in KILLS.items() for _ in range(times)]
    chance.shuffle(stages)
    reader = Reader(pool)
    reader.start()
    hits: Counter[int] = Counter()
    half_built = 0
    for number, stage in enumerate(stages):
        publish(node=f"N{number}")
        hits[kill_in(stage, forker, order, chance)] += 1
        assert_whole(pool)
        half_built += len(rows(pool, "SELECT 1 FROM pg_namespace WHERE nspname = 'building'", {}))
    reader.done.set()
    reader.join()
    assert reader.faults == []
    assert reader.reads > len(stages)
    assert set(hits) == set(KILLS), "a rebuild was killed in each of its stages"
    assert half_built >= len(stages) / 2, "most of them had begun to build"

    assert forker.end_of(forker.live(order | {"once": "yes"})) == 0, forker.said()
    assert [rows(pool, query, {}) for query in (_SCHEMAS, _TABLES, _INDEXES)] == expected
    assert_whole(pool)
    assert rows(pool, "SELECT * FROM dead_letter", {}) == []
    projector = RelationalProjector(pool, log, relational_projections(objects))
    assert projector.load() == log.head() == EVENTS + len(stages)
    assert projector.verify(projector.projections, lambda position, of: None) == {
        projection.name: [] for projection in projector.projections
    }
    pool.close()
    end_of_backends(dsn)
