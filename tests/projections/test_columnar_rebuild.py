"""A columnar table is built anew beside the live one: live batches and long reads go on, a crash leaves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

import projections.columnar
import queries.prices
from infra.clickhouse import ClickHouse
from infra.clickhouse_tables import PinnedTable
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.objects import Objects
from infra.subscriptions import Subscription
from projections.columnar import ColumnarProjector
from projections.columnar_build import ColumnarProjection
from projections.prices import prices_projection
from queries.checkpoints import checkpoints
from queries.prices import price_batches, prices
from queries.view import ReadView
from tests.generated_log import MIX, fill_log
from tests.projections.conftest import Publish
from tests.projections.test_columnar import ALL, stored_rows

NODES = ("A", "B", "C")


@pytest.fixture
def projector(
    pool: Pool, log: EventLog, publish: Publish, price_store: ClickHouse, prices_of: ColumnarProjection
) -> ColumnarProjector:
    """With a publication of each node loaded."""
    for node in NODES:
        publish(node=node)
    made = ColumnarProjector(pool, price_store, [prices_of])
    made.load(prices_of)
    made.handle(prices_of, log, log.page(0))
    return made


def quiet(position: int, of: int) -> None:
    assert 0 < position <= of


def tables(ch: ClickHouse) -> list[str]:
    query = "SELECT name FROM system.tables WHERE database = 'ch' AND name LIKE 'market%' ORDER BY name"
    return list(ch.query_arrow(query)["name"].to_pylist())


def damage(ch: ClickHouse) -> None:
    """Every live price is 99 from now on."""
    ch.command("ALTER TABLE ch.market_price_ticks UPDATE lmp_usd_per_mwh = 99 WHERE true SETTINGS mutations_sync = 2")


@pytest.mark.parametrize("verb", ["rebuild", "verify"])
def test_live_batches_go_on_meanwhile(
    verb: str, projector: ColumnarProjector, prices_of: ColumnarProjection, log: EventLog, publish: Publish,
    price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(projections.columnar, "LAST_EVENTS", 0)
    coming = iter("DE")

    def feed(position: int, of: int) -> None:
        """In the midst of the build the log grows, and the live table with it: nothing holds that up."""
        if node := next(coming, None):
            publish(node=node)
            projector.handle(prices_of, log, log.page(log.head() - 1))
            assert prices(price_store, ALL, through_position=log.head()).num_rows == 3 * log.head()

    done = getattr(projector, verb)(prices_of, log, feed)
    assert done == (5 if verb == "rebuild" else [])
    assert log.head() > 3
    assert stored_rows(price_store) == 3 * log.head()
    assert projector.verify(prices_of, log, quiet) == []
    assert tables(price_store) == ["market_price_ticks"]


def test_a_read_in_parts_keeps_to_the_table_it_began_with(
    projector: ColumnarProjector, prices_of: ColumnarProjection, log: EventLog, price_store: ClickHouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(queries.prices, "_ROWS_AT_ONCE", 3)
    damage(price_store)
    reading = price_batches(price_store, ALL, through_position=3)
    seen = [next(reading)]
    projector.rebuild(prices_of, log, quiet)
    projector.rebuild(prices_of, log, quiet)
    assert len(tables(price_store)) == 2, "the old table is kept for who reads it"
    seen += reading
    assert len(seen) == len(NODES)
    assert {price for batch in seen for price in batch["lmp_usd_per_mwh"].to_pylist()} == {99.0}
    assert set(prices(price_store, ALL, through_position=3)["lmp_usd_per_mwh"].to_pylist()) == {30.0}
    assert tables(price_store) == ["market_price_ticks"], "and dropped after the last one"


def test_a_read_during_which_tables_are_exchanged_is_done_again(
    projector: ColumnarProjector, prices_of: ColumnarProjection, log: EventLog, price_store: ClickHouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Between looking the table's name up and reading by it."""
    damage(price_store)
    look_up, read = price_store.tables.name_of, list[str]()

    def exchanging(uuid: str) -> str:
        name = look_up(uuid)
        if not read:
            read.append(name)
            projector.rebuild(prices_of, log, quiet)
        return name

    monkeypatch.setattr(price_store.tables, "name_of", exchanging)
    with price_store.tables.pinned("market_price_ticks") as table:
        assert isinstance(table, PinnedTable)
        found = table.query_arrow("SELECT DISTINCT lmp_usd_per_mwh AS price FROM ch.{table:Identifier}", {})
    assert found["price"].to_pylist() == [99.0]


def test_small_publications_go_in_together(
    pool: Pool, log: EventLog, objects: Objects, price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_log(log, objects, 1_000)
    projection = prices_projection(objects)
    projector = ColumnarProjector(pool, price_store, [projection])
    assert projector.load(projection) == 0
    inserts: list[str] = []
    insert = price_store.insert_arrow

    def counted(table: str, *given: object, **named: object) -> None:
        inserts.append(table.partition("__")[0])
        insert(table, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(price_store, "insert_arrow", counted)
    assert projector.prepare(projection, log, quiet) == 1_000
    publications = 10 * (MIX["publication.ingested"] + MIX["publication.reread"])
    assert stored_rows(price_store) == pytest.approx(3 * publications, abs=30)
    assert inserts == ["ch.market_price_ticks", "ch.latest_prices"]
    projector.handle(projection, log, log.page(0))
    assert len(inserts) == 2, "what was built is not loaded again"


def test_publications_of_each_operator_go_in_apart(
    projector: ColumnarProjector, prices_of: ColumnarProjection, log: EventLog, publish: Publish,
    price_store: ClickHouse,
) -> None:  # fmt: skip
    """An insert over several partitions would make a part in each."""
    for node, iso in (("D", "MISO"), ("E", "PJM"), ("F", "MISO")):
        publish(node=node, iso=iso)
    projector.handle(prices_of, log, log.page(3))
    assert projector.rebuild(prices_of, log, quiet) == 6
    query = "SELECT partition, rows FROM system.parts WHERE table = 'market_price_ticks' AND active ORDER BY partition"
    parts = price_store.query_arrow(query).to_pylist()
    assert [(part["partition"].split(",")[0], part["rows"]) for part in parts] == [("('MISO'", 6), ("('PJM'", 12)]
    assert projector.verify(prices_of, log, quiet) == []


@pytest.mark.parametrize("moment", ["filling", "exchanged"])
def test_a_crash_leaves_a_whole_table_and_the_next_start_cleans_up(
    moment: str, projector: ColumnarProjector, prices_of: ColumnarProjection, log: EventLog, pool: Pool,
    price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if moment == "exchanged":
            patch.setattr(projections.columnar, "save_checkpoint", crash)
        with pytest.raises(KeyboardInterrupt):
            projector.rebuild(prices_of, log, crash if moment == "filling" else quiet)
    assert prices(price_store, ALL, through_position=3).num_rows == 9
    started = ColumnarProjector(pool, price_store, [prices_of])
    assert started.load(prices_of) == 3
    assert tables(price_store) == ["market_price_ticks"]
    started.handle(prices_of, log, log.page(0))
    assert started.verify(prices_of, log, quiet) == []


def test_another_version_builds_itself_at_the_start_while_the_old_one_answers(
    projector: ColumnarProjector, prices_of: ColumnarProjection, log: EventLog, publish: Publish, pool: Pool,
    price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    damage(price_store)
    publish(node="D")
    changed = replace(prices_of, version=prices_of.version + 1)
    started = ColumnarProjector(pool, price_store, [changed])
    answers: list[set[float]] = []

    def read_meanwhile(position: int, of: int) -> None:
        through = checkpoints(ReadView(pool, price_store))["prices"]
        found = prices(price_store, ALL, through_position=through)
        assert found.num_rows == 9
        answers.append(set(found["lmp_usd_per_mwh"].to_pylist()))

    subscription = Subscription(
        "prices", log, lambda: started.load(changed), lambda events: started.handle(changed, log, events),
        prepare=lambda _: started.prepare(changed, log, read_meanwhile),
    )  # fmt: skip
    subscription.start()
    subscription.wait_for(4)
    publish(node="E")
    subscription.wait_for(5)
    subscription.stop()
    assert answers == [{99.0}]
    found = prices(price_store, ALL, through_position=checkpoints(ReadView(pool, price_store))["prices"])
    assert found.num_rows == 15
    assert set(found["lmp_usd_per_mwh"].to_pylist()) == {30.0}


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE ch.market_price_ticks UPDATE congestion_usd_per_mwh = 0 WHERE node = 'B'",
        "ALTER TABLE ch.market_price_ticks DELETE WHERE node = 'B' AND interval_start_utc > '2026-01-01 00:00:00'",
        "INSERT INTO ch.market_price_ticks SELECT * FROM ch.market_price_ticks WHERE node = 'B' LIMIT 1",
    ],
)
def test_changed_missing_and_doubled_rows_are_found(
    change: str, projector: ColumnarProjector, prices_of: ColumnarProjection, log: EventLog, price_store: ClickHouse
) -> None:
    price_store.command(f"{change} SETTINGS mutations_sync = 2" if "ALTER" in change else change)
    found = projector.verify(prices_of, log, quiet)
    assert found
    assert all("'B'" in line for line in found)
    assert projector.verify(prices_of, log, quiet) == found, "verifying must mend nothing"
    projector.rebuild(prices_of, log, quiet)
    assert projector.verify(prices_of, log, quiet) == []


def latest_rows(ch: ClickHouse) -> list[str]:
    query = "SELECT toString(tuple(*)) AS row FROM ch.latest_prices FINAL ORDER BY row"
    return list(ch.query_arrow(query)["row"].to_pylist())


def latest_price(ch: ClickHouse, node: str) -> float:
    """USD per MWh; compared as a number, since the digits of a price may stand in any of the row's times and ids."""
    query = "SELECT lmp_usd_per_mwh FROM ch.latest_prices FINAL WHERE node = {node:String}"
    (price,) = ch.query_arrow(query, {"node": node})["lmp_usd_per_mwh"].to_pylist()
    return float(price)


@pytest.mark.parametrize("verb", ["rebuild", "verify"])
def test_the_latest_prices_are_built_and_compared_too(
    verb: str, projector: ColumnarProjector, prices_of: ColumnarProjection, log: EventLog, price_store: ClickHouse
) -> None:
    before = latest_rows(price_store)
    assert len(before) == len(NODES)
    price_store.command("ALTER TABLE ch.latest_prices DELETE WHERE node = 'B' SETTINGS mutations_sync = 2")
    if verb == "rebuild":
        projector.rebuild(prices_of, log, quiet)
        assert latest_rows(price_store) == before
        assert projector.verify(prices_of, log, quiet) == []
    else:
        (found,) = projector.verify(prices_of, log, quiet)
        assert found.startswith("ch.latest_prices, only rebuilt: ('PJM','DA','da_hrl_lmps','B'")
    names = price_store.query_arrow("SELECT name FROM system.tables WHERE database = 'ch' AND name LIKE 'latest%'")
    assert names["name"].to_pylist() == ["latest_prices"]


def test_a_latest_price_that_came_after_the_build_is_no_difference(
    projector: ColumnarProjector, prices_of: ColumnarProjection, log: EventLog, publish: Publish,
    price_store: ClickHouse,
) -> None:  # fmt: skip
    def feed(position: int, of: int) -> None:
        publish(node="B", lmp_usd_per_mwh=31.0)
        projector.handle(prices_of, log, log.page(log.head() - 1))

    assert projector.verify(prices_of, log, feed) == []
    assert latest_price(price_store, "B") == 31.0


def test_a_crash_between_the_tables_and_the_checkpoint_is_made_good(
    projector: ColumnarProjector, prices_of: ColumnarProjection, log: EventLog, publish: Publish,
    price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """All prices are in and their insert will not be repeated, but the latest ones are not."""
    publish(node="B", lmp_usd_per_mwh=31.0)
    insert = price_store.insert_arrow

    def crash(table: str, *given: object, **named: object) -> None:
        if table == "ch.latest_prices":
            raise ConnectionError("power cut")
        insert(table, *given, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(price_store, "insert_arrow", crash)
        with pytest.raises(ConnectionError):
            projector.handle(prices_of, log, log.page(3))
    assert latest_price(price_store, "B") != 31.0
    projector.handle(prices_of, log, log.page(3))
    assert latest_price(price_store, "B") == 31.0
    assert stored_rows(price_store) == 12
