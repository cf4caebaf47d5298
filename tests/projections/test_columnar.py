"""A crash at any step of loading neither loses nor doubles a row, and nothing half-loaded is seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

import projections.columnar
from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows
from infra.database_locks import DatabaseLocks
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.objects import Objects
from projections.columnar import ColumnarProjector
from projections.curve_points import curve_points_projection
from projections.prices import prices_projection
from projections.projector import RelationalProjector
from projections.publications import PROJECTION as PUBLICATIONS
from queries.checkpoints import checkpoints, readable_position
from queries.prices import PriceQuery, prices
from queries.publications import superseded_readings
from queries.view import ReadView
from tests.infra.test_event_store import define
from tests.projections.conftest import START, Publish

ALL = PriceQuery(iso="PJM", start_utc=START, end_utc=START + timedelta(days=2))


@pytest.fixture
def projector(pool: Pool, price_store: ClickHouse, objects: Objects) -> ColumnarProjector:
    return ColumnarProjector(pool, price_store, [prices_projection(objects), curve_points_projection(objects)])


def load(projector: ColumnarProjector) -> int:
    return min(projector.load(projection) for projection in projector.projections)


def handle(projector: ColumnarProjector, log: EventLog, events: Sequence[RecordedEvent]) -> None:
    for projection in projector.projections:
        projector.handle(projection, log, events)


def stored_rows(ch: ClickHouse) -> int:
    return int(ch.query_arrow("SELECT count() AS n FROM ch.market_price_ticks")["n"][0].as_py())


def test_a_crash_between_rows_and_checkpoint_doubles_nothing(
    log: EventLog, publish: Publish, projector: ColumnarProjector, price_store: ClickHouse, pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    publish(node="A")
    assert load(projector) == 0
    handle(projector, log, log.page(0))
    publish(node="B")
    publish(node="C")

    def crash(*_: Any) -> None:
        raise ConnectionError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(projections.columnar, "save_checkpoint", crash)
        with pytest.raises(ConnectionError):
            handle(projector, log, log.page(1))
    assert stored_rows(price_store) == 9
    assert load(projector) == 1, "the checkpoint must not have moved"
    publish(node="D")
    handle(projector, log, log.page(load(projector)))
    assert stored_rows(price_store) == 12, "what comes later must not change what goes in together"
    assert load(projector) == 4


def test_what_is_of_no_concern_is_passed_over_while_the_table_is_being_written_to(
    log: EventLog, projector: ColumnarProjector, pool: Pool, price_store: ClickHouse
) -> None:
    define(log, events=2)
    load(projector)
    with DatabaseLocks(pool).named(f"{price_store.store_id} prices writing"):
        handle(projector, log, log.page(0))
    assert load(projector) == 2


def test_a_crash_between_two_inserts_loses_nothing(
    log: EventLog, publish: Publish, projector: ColumnarProjector, price_store: ClickHouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    publish(node="A")
    second = publish(node="B", iso="MISO")  # in another partition, and so another insert
    load(projector)
    insert = price_store.insert_arrow

    def crash_at_second(table: str, rows: Rows, **named: Any) -> None:
        if rows.constants["iso"].as_py() == "MISO":
            raise ConnectionError("power cut")
        insert(table, rows, **named)

    with monkeypatch.context() as patch:
        patch.setattr(price_store, "insert_arrow", crash_at_second)
        with pytest.raises(ConnectionError):
            handle(projector, log, log.page(0))
    assert stored_rows(price_store) == 3
    handle(projector, log, log.page(load(projector)))
    assert stored_rows(price_store) == 6
    assert load(projector) == second.position


def test_rows_past_the_checkpoint_are_not_seen(
    log: EventLog, publish: Publish, projector: ColumnarProjector, price_store: ClickHouse, pool: Pool
) -> None:
    publish(node="A")
    publish(node="B")
    load(projector)
    handle(projector, log, log.page(0, limit=1))
    for recorded in log.page(1):
        rows = projector.projections[0].rows(recorded)
        price_store.insert_arrow("ch.market_price_ticks", rows, deduplication_token="ahead")
    assert stored_rows(price_store) == 6
    through = checkpoints(ReadView(pool, price_store))["prices"]
    assert prices(price_store, ALL, through_position=through).num_rows == 3


def test_a_newer_reading_replaces_all_rows_of_the_older_one_but_not_in_the_past(
    log: EventLog, publish: Publish, projector: ColumnarProjector, price_store: ClickHouse, pool: Pool
) -> None:
    first = publish(node="A", hours=5, lmp_usd_per_mwh=30.0)
    second = publish(node="A", hours=3, lmp_usd_per_mwh=31.0, again=first)
    relational = RelationalProjector(pool, log, [PUBLICATIONS])
    relational.load()
    load(projector)
    relational.handle(log.page(0))
    handle(projector, log, log.page(0))
    through = readable_position(ReadView(pool, price_store))
    assert through == second.position

    def seen(position: int) -> list[float]:
        superseded = superseded_readings(pool, position)
        found = prices(price_store, ALL, through_position=position, superseded=superseded)
        return list(found["lmp_usd_per_mwh"].to_pylist())

    assert seen(through) == [31.0] * 3
    assert seen(first.position) == [30.0] * 5


def test_a_store_that_was_lost_is_filled_again(
    log: EventLog, publish: Publish, projector: ColumnarProjector, price_store: ClickHouse, pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    publish()
    load(projector)
    handle(projector, log, log.page(0))
    assert load(projector) == 1
    # A folder that is made anew has another id; the checkpoint of the lost one says nothing about it.
    price_store.command("DROP DATABASE ch SYNC")
    monkeypatch.setattr(price_store, "store_id", "made anew")
    refilled = ColumnarProjector(pool, price_store, projector.projections)
    assert load(refilled) == 0
    handle(refilled, log, log.page(0))
    assert stored_rows(price_store) == 3


def test_reading_an_old_file_again_does_not_put_it_above_what_restated_it(
    log: EventLog, publish: Publish, projector: ColumnarProjector, price_store: ClickHouse
) -> None:
    old = publish(node="A", lmp_usd_per_mwh=10.0)
    publish(node="A", lmp_usd_per_mwh=20.0)
    publish(node="A", lmp_usd_per_mwh=11.0, again=old)
    load(projector)
    handle(projector, log, log.page(0))
    found = prices(price_store, ALL, through_position=3, superseded=[old.position])
    assert set(found["lmp_usd_per_mwh"].to_pylist()) == {20.0}
