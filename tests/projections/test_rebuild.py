"""A read model is built anew while it is read and fed; a damaged row is found, on both engines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from infra.clickhouse import ClickHouse
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.objects import Objects
from projections.audit import PROJECTION as AUDIT
from projections.columnar import ColumnarProjector
from projections.prices import prices_projection
from projections.projector import RelationalProjector
from projections.publications import PROJECTION as PUBLICATIONS
from queries.audit import list_audit
from queries.prices import PriceQuery, prices
from tests.projections.conftest import START, Publish

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
    projector.handle(projector.projections[0], log.page(0))
    return projector


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE pg.publication SET row_count = row_count + 1 WHERE log_position = 3",
        "DELETE FROM pg.publication WHERE log_position = 5",
        "INSERT INTO pg.publication_reading VALUES (99, gen_random_uuid(), NULL)",
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


def test_events_that_come_while_it_is_rebuilt_are_not_lost(
    relational: RelationalProjector, log: EventLog, publish: Publish, pool: Pool
) -> None:
    fresh: Iterator[str] = iter("FGH")

    def publish_one_more(position: int, of: int) -> None:
        publish(node=next(fresh))

    relational.rebuild([AUDIT], publish_one_more)
    relational.handle(log.page(5))
    assert [entry["position"] for entry in list_audit(pool, "local").items] == [6, 5, 4, 3, 2, 1]


def test_another_version_rebuilds_itself_at_the_start(
    relational: RelationalProjector, log: EventLog, pool: Pool
) -> None:
    from dataclasses import replace

    wider = replace(AUDIT, version=2, tables=AUDIT.tables.replace("reason text,", "reason text, note text,"))
    changed = RelationalProjector(pool, log, [wider, PUBLICATIONS])
    assert changed.load() == 0
    changed.handle(log.page(0))
    assert len(list_audit(pool, "local").items) == 5
    with pool.connection() as connection:
        assert connection.execute("SELECT count(note) FROM pg.audit_log").fetchone() == (0,)
