"""A read model is built anew while it is read and fed; a damaged row is found, on both engines."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from infra.clickhouse import ClickHouse
from infra.errors import PlatformError
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.objects import Objects
from projections.audit import PROJECTION as AUDIT
from projections.building import Building
from projections.columnar import ColumnarProjector
from projections.prices import prices_projection
from projections.projector import BUILDING, RelationalProjector
from projections.publications import PROJECTION as PUBLICATIONS
from queries.audit import list_audit
from queries.prices import PriceQuery, prices
from queries.relational import Row, rows
from read_models.batch import Batch
from tests.projections.conftest import START, Publish
from tests.projections.pulse import Pulse

ALL = PriceQuery(iso="PJM", start_utc=START, end_utc=START + timedelta(days=2))


def quiet(position: int, of: int) -> None:
    assert 0 <= position <= of


@pytest.fixture
def relational(pool: Pool, log: EventLog, publish: Publish) -> RelationalProjector:
    for node in "ABCDE":
        publish(node=node)
    projector = RelationalProjector(pool, log, [AUDIT, PUBLICATIONS])
    projector.load()
    projector.handle(log.page(0))
    return projector


@pytest.fixture
def columnar(
    pool: Pool, log: EventLog, publish: Publish, price_store: ClickHouse, objects: Objects
) -> ColumnarProjector:
    for node in "ABCDE":
        publish(node=node)
    projector = ColumnarProjector(pool, price_store, [prices_projection(objects)])
    projector.load(projector.projections[0])
    projector.handle(projector.projections[0], log, log.page(0))
    return projector


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE pg.publication SET row_count = row_count + 1 WHERE log_position = 3",
        "DELETE FROM pg.publication WHERE log_position = 5",
        "UPDATE pg.publication SET superseded_by = 99 WHERE log_position = 2",
    ],
)
def test_a_damaged_relational_row_is_found_and_mended(
    relational: RelationalProjector, log: EventLog, pool: Pool, damage: str
) -> None:
    assert relational.verify([PUBLICATIONS], quiet) == {"publications": []}
    with pool.connection() as connection:
        connection.execute(damage.encode())
    found = relational.verify([PUBLICATIONS], quiet)["publications"]
    assert found
    assert all(line.startswith("publication") for line in found)
    assert relational.verify([PUBLICATIONS], quiet) == {"publications": found}, "verifying must mend nothing"
    relational.rebuild([PUBLICATIONS], quiet)
    assert relational.verify([PUBLICATIONS], quiet) == {"publications": []}


def test_a_damaged_price_is_found_and_mended(
    columnar: ColumnarProjector, log: EventLog, price_store: ClickHouse
) -> None:
    (projection,) = columnar.projections
    assert columnar.verify(projection, log, quiet) == []
    price_store.command(
        "ALTER TABLE ch.market_price_ticks UPDATE lmp_usd_per_mwh = 99 WHERE node = 'C' SETTINGS mutations_sync = 2"
    )
    found = columnar.verify(projection, log, quiet)
    assert {line.split(":")[0] for line in found} == {
        "ch.market_price_ticks, only live", "ch.market_price_ticks, only rebuilt",
    }  # fmt: skip
    assert any("99" in line and "'C'" in line for line in found)
    columnar.rebuild(projection, log, quiet)
    assert columnar.verify(projection, log, quiet) == []


def test_readers_see_whole_states_while_it_is_rebuilt(
    relational: RelationalProjector, columnar: ColumnarProjector, log: EventLog, pool: Pool, price_store: ClickHouse
) -> None:
    """Readers that never pause: every answer has all rows, before, during and after; none fails."""
    relational.handle(log.page(5))
    (projection,) = columnar.projections
    done = threading.Event()
    seen: set[tuple[int, int]] = set()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not done.is_set():
                found = prices(price_store, ALL, through_position=10)
                seen.add((len(list_audit(pool, "local").items), found.num_rows))
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(5):
        relational.rebuild([AUDIT], quiet)
        columnar.rebuild(projection, log, quiet)
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert seen == {(10, 15)}


def test_an_interrupted_rebuild_leaves_the_old_state_and_starts_over(
    relational: RelationalProjector, columnar: ColumnarProjector, log: EventLog, pool: Pool, price_store: ClickHouse
) -> None:
    relational.handle(log.page(5))

    def interrupt(position: int, of: int) -> None:
        raise KeyboardInterrupt

    (projection,) = columnar.projections
    with pytest.raises(KeyboardInterrupt):
        relational.rebuild([AUDIT], interrupt)
    with pytest.raises(KeyboardInterrupt):
        columnar.rebuild(projection, log, interrupt)
    assert len(list_audit(pool, "local").items) == 10
    assert prices(price_store, ALL, through_position=10).num_rows == 15
    assert relational.rebuild([AUDIT], quiet) == 10
    assert columnar.rebuild(projection, log, quiet) == 10
    assert prices(price_store, ALL, through_position=10).num_rows == 15


def positions(pool: Pool) -> list[int]:
    return [entry["position"] for entry in list_audit(pool, "local").items]


def test_live_batches_go_on_while_it_is_rebuilt_and_nothing_is_lost(
    relational: RelationalProjector, log: EventLog, publish: Publish, pool: Pool
) -> None:
    seen: list[int] = []

    def live_work(position: int, of: int) -> None:
        head = log.head()
        publish(node=f"X{head}")
        relational.handle(log.page(head))
        seen.append(positions(pool)[0])

    relational.rebuild([AUDIT, PUBLICATIONS], live_work)
    assert seen == [6, 7], "what was written meanwhile could be read meanwhile"
    assert positions(pool) == [7, 6, 5, 4, 3, 2, 1]
    publish(node="LAST")
    relational.handle(log.page(7))
    assert positions(pool)[0] == 8
    assert relational.verify([AUDIT, PUBLICATIONS], quiet) == {"audit": [], "publications": []}


def test_events_that_only_the_rebuild_has_seen_are_not_written_again(
    relational: RelationalProjector, log: EventLog, publish: Publish, pool: Pool
) -> None:
    publish(node="F")
    assert relational.rebuild([AUDIT], quiet) == 6
    assert positions(pool) == [6, 5, 4, 3, 2, 1]
    assert relational.verify([AUDIT, PUBLICATIONS], quiet) == {"audit": [], "publications": []}
    relational.handle(log.page(5))
    assert positions(pool) == [6, 5, 4, 3, 2, 1]


def test_indexes_and_constraints_come_with_the_rebuilt_tables(relational: RelationalProjector, pool: Pool) -> None:
    def indexes() -> list[Row]:
        return rows(pool, "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'pg' ORDER BY indexname", {})

    before = indexes()
    relational.rebuild([AUDIT, PUBLICATIONS], quiet)
    assert indexes() == before
    assert len(before) >= 8
    assert rows(pool, "SELECT nspname FROM pg_namespace WHERE nspname IN ('building', 'verifying')", {}) == []


def test_what_a_killed_rebuild_left_is_cleared_and_it_starts_over(
    relational: RelationalProjector, log: EventLog, pool: Pool
) -> None:
    half = Building(pool, log, [AUDIT], BUILDING)
    half.start()
    half.advance(3, quiet)
    assert relational.rebuild([AUDIT], quiet) == 5
    half.start()
    half.advance(3, quiet)
    again = RelationalProjector(pool, log, [AUDIT, PUBLICATIONS])
    assert again.load() == 5
    with pool.connection() as connection:
        assert connection.execute("SELECT to_regnamespace('building')").fetchone() == (None,)
    assert positions(pool) == [5, 4, 3, 2, 1]


def test_a_long_reader_holds_up_the_exchange_but_no_other_reader(
    relational: RelationalProjector, log: EventLog, publish: Publish, pool: Pool
) -> None:
    """Somebody keeps a cursor open on the table for two seconds; meanwhile others read and live batches go on."""
    slowest = 0.0
    with Pulse(pool) as pulse, pool.connection() as connection:
        connection.execute("SELECT * FROM audit_log").fetchone()
        rebuilding = threading.Thread(target=relational.rebuild, args=([AUDIT], lambda position, of: None))
        rebuilding.start()
        until = time.monotonic() + 2.0
        publish(node="F")
        relational.handle(log.page(5))
        while time.monotonic() < until:
            started = time.monotonic()
            assert positions(pool) == [6, 5, 4, 3, 2, 1]
            slowest = max(slowest, time.monotonic() - started)
        assert rebuilding.is_alive()
    rebuilding.join(timeout=90)
    assert not rebuilding.is_alive()
    assert slowest < 1.0 + pulse.slowest_s
    assert positions(pool) == [6, 5, 4, 3, 2, 1]


def test_one_build_at_a_time(relational: RelationalProjector) -> None:
    def another(position: int, of: int) -> None:
        relational.rebuild([AUDIT], quiet)

    with pytest.raises(PlatformError, match="already"):
        relational.verify([AUDIT], another)
    relational.rebuild([AUDIT], quiet)


def test_verifying_compares_at_one_position_while_live_batches_go_on(
    relational: RelationalProjector, log: EventLog, publish: Publish, pool: Pool
) -> None:
    def live_work(position: int, of: int) -> None:
        head = log.head()
        publish(node=f"X{head}")
        relational.handle(log.page(head))

    assert relational.verify([AUDIT, PUBLICATIONS], live_work) == {"audit": [], "publications": []}
    assert len(positions(pool)) > 5
    with pool.connection() as connection:
        connection.execute("UPDATE audit_log SET actor = 'mallory' WHERE position = 2")
    found = relational.verify([AUDIT, PUBLICATIONS], live_work)
    assert [("mallory" in line, line.split(":")[0]) for line in found["audit"]] == [
        (True, "audit_log, only live"), (False, "audit_log, only rebuilt"),
    ]  # fmt: skip
    assert found["publications"] == []


def test_another_version_is_built_before_the_start_and_the_old_rows_stay_until_then(
    relational: RelationalProjector, log: EventLog, pool: Pool
) -> None:
    seen: list[list[int]] = []

    def stamping(batch: Batch, recorded: RecordedEvent) -> None:
        seen.append(positions(pool))
        assert AUDIT.every
        AUDIT.every(batch, recorded)

    tables = AUDIT.tables.replace("reason text,", "reason text, note text DEFAULT 'second version',")
    wider = replace(AUDIT, version=AUDIT.version + 1, tables=tables, every=stamping)
    assert RelationalProjector(pool, log, [wider, PUBLICATIONS]).load() == 5
    assert seen == [[5, 4, 3, 2, 1]] * 5
    with pool.connection() as connection:
        assert connection.execute("SELECT count(*), min(note) FROM pg.audit_log").fetchone() == (5, "second version")
        version = connection.execute("SELECT version FROM pg.checkpoint WHERE projection = 'audit'").fetchone()
        assert version == (wider.version,)
