"""An event that can't be loaded is set aside with its reason; its stream waits behind it, every other one goes on."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog, Stream
from infra.failures import TRIES
from infra.subscriptions import Subscription
from projections.columnar import ColumnarProjector
from projections.columnar_build import ColumnarProjection
from projections.projector import RelationalProjector
from projections.publications import PROJECTION as PUBLICATIONS
from projections.retries import NoDeadLetter, StillFailing
from queries.dead_letters import count_dead_letters, dead_letters
from queries.prices import prices
from queries.publications import superseded_readings
from tests.projections.conftest import Publish
from tests.projections.test_columnar import ALL, stored_rows
from write_model.publications import Publication


def rows_object(tmp_path: Path, stream: Stream) -> Path:
    """The file that holds the rows of a stream's newest reading."""
    publication = stream.aggregate(Publication)
    assert publication is not None
    assert publication.reading is not None
    key = publication.reading.rows_sha256
    return tmp_path / "objects" / "rows" / key[:2] / key


def follow(log: EventLog, projector: ColumnarProjector, projection: ColumnarProjection) -> None:
    """Up to the newest event, as the platform does it."""
    subscription = Subscription(
        "prices", log, lambda: projector.load(projection), lambda events: projector.handle(projection, log, events),
        isolate=lambda events: projector.isolate(projection, log, events),
    )  # fmt: skip
    subscription.start()
    subscription.wait_for(log.head())
    subscription.stop()


def seen_prices(store: ClickHouse, pool: Pool, log: EventLog) -> dict[str, float]:
    """Node and price, as readers see them."""
    head = log.head()
    found = prices(store, ALL, through_position=head, superseded=superseded_readings(pool, head))
    return dict(zip(found["node"].to_pylist(), found["lmp_usd_per_mwh"].to_pylist(), strict=True))


def follow_publications(pool: Pool, log: EventLog) -> None:
    relational = RelationalProjector(pool, log, [PUBLICATIONS])
    relational.load()
    relational.handle(log.page(0))


def make_second_unfit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the rows of the event at position 2 a vintage that the table's Enum does not know."""
    original = ColumnarProjection.rows

    def odd_second(projection: ColumnarProjection, recorded: RecordedEvent) -> Rows:
        rows = original(projection, recorded)
        odd = {"vintage": pa.scalar("odd")} if recorded.position == 2 else {}
        return Rows(rows.table, {**rows.constants, **odd})

    monkeypatch.setattr(ColumnarProjection, "rows", odd_second)


def test_a_missing_object_parks_its_stream_and_nothing_else(
    log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection, pool: Pool,
    price_store: ClickHouse, tmp_path: Path,
) -> None:  # fmt: skip
    publish(node="A", hours=1)
    lost = publish(node="B", hours=1, lmp_usd_per_mwh=10.0)
    rows_object(tmp_path, lost).rename(tmp_path / "lost")
    publish(node="B", hours=1, lmp_usd_per_mwh=11.0, again=lost)
    publish(node="C", hours=1)
    follow_publications(pool, log)
    follow(log, projector, prices_of)
    assert projector.load(prices_of) == 4
    first, second = dead_letters(pool, "prices")
    assert (first["position"], first["attempts"], first["follows"]) == (2, TRIES, None)
    assert first["reason"].startswith("MissingObject: The object rows/")
    assert (second["position"], second["attempts"], second["follows"]) == (3, 0, 2)
    assert seen_prices(price_store, pool, log) == {"A": 30.0, "C": 30.0}

    assert projector.retry(prices_of, log).failing == [StillFailing(2, first["reason"])]
    assert dead_letters(pool, "prices")[0]["attempts"] == 2 * TRIES
    (tmp_path / "lost").rename(rows_object(tmp_path, lost))
    with pytest.raises(NoDeadLetter, match="position 4"):
        projector.retry(prices_of, log, 4)
    retried = projector.retry(prices_of, log, 3)
    assert (retried.succeeded, retried.failing, retried.waiting) == ([2, 3], [], [])
    assert count_dead_letters(pool) == {}
    assert seen_prices(price_store, pool, log) == {"A": 30.0, "B": 11.0, "C": 30.0}


def test_while_a_newer_reading_is_set_aside_the_older_one_is_seen(
    log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection, pool: Pool,
    price_store: ClickHouse, tmp_path: Path,
) -> None:  # fmt: skip
    first = publish(node="A", hours=1, lmp_usd_per_mwh=10.0)
    second = publish(node="A", hours=1, lmp_usd_per_mwh=11.0, again=first)
    rows_object(tmp_path, second).write_bytes(b"damaged")
    follow_publications(pool, log)
    follow(log, projector, prices_of)
    assert [letter["reason"].split(":")[0] for letter in dead_letters(pool)] == ["DamagedObject"]
    assert seen_prices(price_store, pool, log) == {"A": 10.0}


def test_a_half_loaded_dead_letter_is_unseen_and_its_retry_doubles_nothing(
    log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection, pool: Pool,
    price_store: ClickHouse, tmp_path: Path,
) -> None:  # fmt: skip
    """A crash after the rows went in, before the dead letter was taken off the list."""
    lost = publish(node="A", hours=1)
    follow_publications(pool, log)
    rows_object(tmp_path, lost).rename(tmp_path / "lost")
    follow(log, projector, prices_of)
    (tmp_path / "lost").rename(rows_object(tmp_path, lost))
    (recorded,) = log.page(0)
    price_store.insert_arrow(
        "ch.market_price_ticks", prices_of.rows(recorded), deduplication_token=prices_of.token(recorded)
    )
    assert seen_prices(price_store, pool, log) == {}
    assert projector.retry(prices_of, log).succeeded == [1]
    assert stored_rows(price_store) == 1
    assert seen_prices(price_store, pool, log) == {"A": 30.0}


def test_a_rebuild_sets_aside_what_fails_now_and_only_that(
    log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection, pool: Pool,
    price_store: ClickHouse, tmp_path: Path,
) -> None:  # fmt: skip
    streams = [publish(node=node, hours=1) for node in "ABC"]
    follow_publications(pool, log)
    first, last = rows_object(tmp_path, streams[0]), rows_object(tmp_path, streams[2])
    first.rename(tmp_path / "lost")
    follow(log, projector, prices_of)
    assert count_dead_letters(pool) == {"prices": 1}
    assert projector.verify(prices_of, log, lambda *_: None) == []
    (tmp_path / "lost").rename(first)
    last.rename(tmp_path / "lost")
    assert projector.verify(prices_of, log, lambda *_: None) != [], "rows whose object is gone can't be vouched for"
    projector.rebuild(prices_of, log, lambda *_: None)
    assert [letter["position"] for letter in dead_letters(pool)] == [3]
    assert seen_prices(price_store, pool, log) == {"A": 30.0, "B": 30.0}


@pytest.mark.parametrize("iso_of_second", ["PJM", "CAISO"], ids=["same partition", "another partition"])
def test_one_row_that_does_not_fit_spares_the_others_of_its_insert(
    iso_of_second: str, log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection,
    pool: Pool, price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The engine itself refuses it, among publications inserted together."""
    for node in "ABC":
        publish(node=node, hours=1, iso=iso_of_second if node == "B" else "PJM")
    follow_publications(pool, log)
    make_second_unfit(monkeypatch)
    projector.rebuild(prices_of, log, lambda *_: None)
    assert [letter["position"] for letter in dead_letters(pool)] == [2]
    assert stored_rows(price_store) == 2
    assert seen_prices(price_store, pool, log) == {"A": 30.0, "C": 30.0}


def test_a_store_that_fails_sets_nothing_aside(
    log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection, pool: Pool,
    price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    publish(node="A")
    failures = [ConnectionError("gone"), TimeoutError("slow"), OSError(28, "No space left on device"), MemoryError()]
    insert = price_store.insert_arrow

    def fail_at_first(*given: object, **named: object) -> None:
        if failures:
            raise failures.pop(0)
        insert(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(price_store, "insert_arrow", fail_at_first)
    follow(log, projector, prices_of)
    assert not failures
    assert count_dead_letters(pool) == {}
    assert stored_rows(price_store) == 3


def test_an_event_that_nobody_can_decode_is_set_aside_by_every_read_model(
    log: EventLog, publish: Publish, projector: ColumnarProjector, prices_of: ColumnarProjection, pool: Pool,
    price_store: ClickHouse,
) -> None:  # fmt: skip
    for node in "ABC":
        publish(node=node, hours=1)
    with pool.connection() as connection:
        connection.execute("UPDATE log.events SET name = 'publication.of_another_age' WHERE position = 2")
    relational = RelationalProjector(pool, log, [PUBLICATIONS])
    relational.load()
    follow(log, projector, prices_of)
    found = {
        (letter["projection"], letter["position"], letter["reason"].split(":")[0]) for letter in dead_letters(pool)
    }
    assert found == {("prices", 2, "TopicError"), ("publications", 2, "TopicError")}
    assert seen_prices(price_store, pool, log) == {"A": 30.0, "C": 30.0}
    with pool.connection() as connection:
        connection.execute("UPDATE log.events SET name = 'publication.ingested' WHERE position = 2")
    assert projector.retry(prices_of, log).succeeded == [2]
    assert relational.retry(PUBLICATIONS, log).succeeded == [2]
    assert seen_prices(price_store, pool, log) == {"A": 30.0, "B": 30.0, "C": 30.0}
