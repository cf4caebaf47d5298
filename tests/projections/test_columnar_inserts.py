"""Small publications go into a live table together, once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows
from infra.errors import ColumnarStoreError
from infra.event_recorder import Pool
from infra.event_store import EventLog
from projections import columnar_inserts
from projections.columnar import ColumnarProjector
from projections.columnar_build import ColumnarProjection
from queries.dead_letters import dead_letters
from read_models import columnar_inserts as notes
from read_models.batch import Cursor
from tests.projections.conftest import Publish
from tests.projections.test_columnar import stored_rows
from tests.projections.test_columnar_dead_letters import (
    follow,
    follow_publications,
    make_second_unfit,
    rows_object,
    seen_prices,
)


class PowerCut(ConnectionError):
    """Like any failure of a store, it is no fault of an event."""


@pytest.fixture
def inserted(price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The token of each insert of prices."""
    tokens: list[str] = []
    insert = price_store.insert_arrow

    def noted(table: str, rows: Rows, *, deduplication_token: str) -> None:
        if table == "ch.market_price_ticks":
            tokens.append(deduplication_token)
        insert(table, rows, deduplication_token=deduplication_token)

    monkeypatch.setattr(price_store, "insert_arrow", noted)
    return tokens


def begun(pool: Pool, store: ClickHouse) -> list[tuple[int, ...]]:
    with pool.connection() as connection, connection.cursor() as cursor:
        return [each.positions for each in notes.begun_inserts(cursor, "prices", store.store_id, after=0)]


def test_publications_of_one_partition_are_one_insert(
    log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection, pool: Pool,
    price_store: ClickHouse, inserted: list[str],
) -> None:  # fmt: skip
    for node, iso in (("A", "PJM"), ("B", "MISO"), ("C", "PJM")):
        publish(node=node, iso=iso)
    projector.handle(prices_of, log, log.page(0))
    assert sorted(inserted) == ["prices:3:1,3", "prices:3:2"]
    assert stored_rows(price_store) == 9
    assert begun(pool, price_store) == [], "what lies behind the checkpoint is forgotten"


def test_an_insert_ends_when_it_has_many_rows(
    log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection,
    inserted: list[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(columnar_inserts, "ROWS_TOGETHER", 6)
    for node in "ABCDE":
        publish(node=node, hours=3)
    projector.handle(prices_of, log, log.page(0))
    assert sorted(inserted) == ["prices:3:1,2", "prices:3:3,4", "prices:3:5"]


@pytest.mark.parametrize("is_in", [False, True], ids=["before its rows", "after its rows"])
def test_what_was_begun_goes_in_as_it_was(
    is_in: bool, log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection,
    price_store: ClickHouse, inserted: list[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Of another process, too, whose page of the log ends among the events of an insert."""
    publish(node="A")
    publish(node="B")
    insert = price_store.insert_arrow

    def cut(table: str, rows: Rows, *, deduplication_token: str) -> None:
        if is_in:
            insert(table, rows, deduplication_token=deduplication_token)
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(price_store, "insert_arrow", cut)
        with pytest.raises(PowerCut):
            projector.handle(prices_of, log, log.page(0))
    assert stored_rows(price_store) == (6 if is_in else 0)
    publish(node="C")
    del inserted[:]
    projector.handle(prices_of, log, log.page(0, limit=1))
    assert inserted[0] == "prices:3:1,2"
    projector.handle(prices_of, log, log.page(1))
    assert inserted == ["prices:3:1,2", "prices:3:3"]
    assert stored_rows(price_store) == 9


@pytest.mark.parametrize("loaded", [0, 1], ids=["of everything", "up to the checkpoint"])
def test_a_rebuild_neither_doubles_nor_loses_what_was_begun(
    loaded: int, log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection,
    pool: Pool, price_store: ClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    streams = [publish(node=node) for node in "ABC"]
    if loaded:
        projector.handle(prices_of, log, log.page(0, limit=loaded))
    with monkeypatch.context() as patch:
        patch.setattr(projector, "_record", before(projector._record, [1]))
        with pytest.raises(PowerCut):
            projector.handle(prices_of, log, log.page(loaded))
    assert stored_rows(price_store) == 9
    projector.rebuild(prices_of, log, lambda *_: None)
    assert stored_rows(price_store) == (3 if loaded else 9)
    assert begun(pool, price_store) == ([(2, 3)] if loaded else [])
    # What was begun before the table was built must not be taken out of it when another event fails.
    streams.append(publish(node="D"))
    rows_object(tmp_path, streams[-1]).rename(tmp_path / "lost")
    follow(log, projector, prices_of)
    assert [letter["position"] for letter in dead_letters(pool)] == [4]
    assert stored_rows(price_store) == 9


def before(work: Callable[..., Any], times: list[int]) -> Callable[..., Any]:
    """`work`, but the power is cut before it, so many times."""

    def cut(*given: Any, **named: Any) -> Any:
        if times[0]:
            times[0] -= 1
            raise PowerCut
        return work(*given, **named)

    return cut


@pytest.mark.parametrize("moment", ["marked", "taken out", "parted", "first alone", "recorded"])
def test_one_that_does_not_fit_spares_those_with_which_it_went_in(
    moment: str, log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection,
    pool: Pool, price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The engine refuses it, and the power is cut while it is set aside."""
    for node in "ABC":
        publish(node=node, hours=1)
    follow_publications(pool, log)
    make_second_unfit(monkeypatch)
    times = [1]
    owner, name = {
        "marked": (notes, "part_inserts"),
        "taken out": (columnar_inserts, "delete_positions"),
        "parted": (notes, "take_parted"),
        "first alone": (columnar_inserts.LiveInserts, "alone"),
        "recorded": (projector, "_record"),
    }[moment]
    monkeypatch.setattr(owner, name, before(getattr(owner, name), times))
    follow(log, projector, prices_of)
    assert times == [0]
    assert [letter["position"] for letter in dead_letters(pool)] == [2]
    assert stored_rows(price_store) == 2
    assert seen_prices(price_store, pool, log) == {"A": 30.0, "C": 30.0}
    assert begun(pool, price_store) == []


def test_of_two_processes_in_charge_one_looks_again(
    log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection, pool: Pool,
    price_store: ClickHouse, inserted: list[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The other one begins, or has even ended, between this one's look and its first note."""
    publish(node="A")
    publish(node="B")
    note = notes.note_inserts

    def begin_first(cursor: Cursor, *given: Any) -> None:
        monkeypatch.setattr(notes, "note_inserts", note)
        with pool.connection() as connection, connection.cursor() as of_other:
            note(of_other, "prices", price_store.store_id, prices_of.version, [[1]])
        note(cursor, *given)

    monkeypatch.setattr(notes, "note_inserts", begin_first)
    with pytest.raises(ColumnarStoreError, match="Another process puts rows from position 1 on"):
        projector.handle(prices_of, log, log.page(0))
    assert inserted == []

    def end_first(cursor: Cursor, *given: Any) -> None:
        monkeypatch.setattr(notes, "note_inserts", note)
        projector.isolate(prices_of, log, log.page(0))
        note(cursor, *given)

    monkeypatch.setattr(projector, "_writing", {"prices": nullcontext()})
    with pool.connection() as connection, connection.cursor() as cursor:
        notes.forget_inserts(cursor, "prices", price_store.store_id, 1)
    monkeypatch.setattr(notes, "note_inserts", end_first)
    with pytest.raises(ColumnarStoreError, match="Another process puts rows from position 1 on"):
        projector.handle(prices_of, log, log.page(0))
    assert stored_rows(price_store) == 6
    projector.handle(prices_of, log, log.page(0))
    assert stored_rows(price_store) == 6
