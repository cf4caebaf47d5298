"""The latest price of each place is the winning row of its last interval, at any position, whatever was replaced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import queries.latest_prices
from infra.clickhouse import ClickHouse
from queries.latest_prices import LOOK_BACK, latest_prices
from read_models.latest_prices import LATEST_TABLE, newest_rows
from read_models.prices import ROWS_SCHEMA, VINTAGES, price_table, publication_rows
from tests.plugins_clickhouse import HOUR, facts, publish, tick_rows

DAY = datetime(2024, 7, 1, 5, tzinfo=UTC)
NOW = 10**9
NODES = ("A", "B", "C")
TYPES = ("Hub", "Gen")
FEEDS = ("one", "two")
ISOS = ("MISO", "PJM")

# What is published, as plain data: (node, type, interval, source version) of each row, and the publication's own facts.
Row = tuple[str, str, int, int]
Publication = tuple[list[Row], str, str, int, str]
ROWS = st.lists(
    st.tuples(st.sampled_from(NODES), st.sampled_from(TYPES), st.integers(0, 12), st.integers(0, 1)),
    min_size=1, max_size=6, unique=True,
)  # fmt: skip
PUBLICATIONS = st.lists(
    st.tuples(ROWS, st.sampled_from(FEEDS), st.sampled_from(VINTAGES), st.integers(0, 3), st.sampled_from(ISOS)),
    min_size=1, max_size=8,
)  # fmt: skip
STEP = timedelta(days=1)  # twelve of them reach past the look-back


def latest(store: ClickHouse, *, through: int = NOW, **changes: Any) -> pa.Table:
    given: dict[str, Any] = {"isos": ["MISO"], "through_position": through}
    return latest_prices(store, **(given | changes))


def rows_of(publication: Publication, position: int) -> pa.Table:
    rows, *_ = publication
    parts = [
        tick_rows([node], DAY + STEP * interval, node_type=kind, source_version=version,
                  lmp_usd_per_mwh=position * 1000.0 + number)
        for number, (node, kind, interval, version) in enumerate(rows)
    ]  # fmt: skip
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks().cast(ROWS_SCHEMA)


Key = tuple[str, str, str, str, str]


def expected(
    history: Sequence[Publication],
    through: int,
    superseded: Sequence[int],
    isos: Sequence[str],
    nodes: Sequence[str],
    feed: str | None,
) -> dict[Key, float]:
    """Worked out by hand: the greatest of each place, then the look-back of each ISO."""
    best: dict[Key, tuple[tuple[int, int, int, int, int], float]] = {}
    for position, (rows, its_feed, vintage, age, iso) in enumerate(history, start=1):
        if position > through or position in superseded or iso not in isos or (feed and feed != its_feed):
            continue
        for number, (node, kind, interval, version) in enumerate(rows):
            if nodes and node not in nodes:
                continue
            order = (interval, VINTAGES.index(vintage), version, max(position - age, 1), position)
            key = (iso, "DA", its_feed, node, kind)
            if key not in best or best[key][0] < order:
                best[key] = (order, position * 1000.0 + number)
    newest = {iso: max((order[0] for key, (order, _) in best.items() if key[0] == iso), default=0) for iso in isos}
    reach = LOOK_BACK // STEP
    return {key: price for key, (order, price) in best.items() if nodes or order[0] >= newest[key[0]] - reach}


def test_any_history_is_answered_as_by_hand_and_as_among_all_prices(
    price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = queries.latest_prices._live

    @settings(max_examples=80, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        for table in (price_table(), LATEST_TABLE):
            price_store.command(f"TRUNCATE TABLE ch.{table}")
        history = data.draw(PUBLICATIONS)
        for position, publication in enumerate(history, start=1):
            _, feed, vintage, age, iso = publication
            changes = {"feed": feed, "vintage": vintage, "iso": iso, "publication_position": max(position - age, 1)}
            publish_as(price_store, position, rows_of(publication, position), **changes)
        if data.draw(st.booleans(), label="merged"):
            price_store.command(f"OPTIMIZE TABLE ch.{LATEST_TABLE} FINAL")
        monkeypatch.setattr(queries.latest_prices, "_MOST_LOOKED_UP", data.draw(st.sampled_from([0, 1, 1_000])))
        positions = st.integers(0, len(history))
        for _ in range(3):
            through, superseded = data.draw(positions), data.draw(st.lists(positions, max_size=3))
            nodes = data.draw(st.lists(st.sampled_from(NODES), max_size=2, unique=True))
            feed_asked = data.draw(st.sampled_from([None, *FEEDS]))
            isos = data.draw(st.lists(st.sampled_from(ISOS), max_size=2))
            asked: dict[str, Any] = {"superseded": superseded, "isos": isos, "nodes": nodes, "feed": feed_asked}
            found = latest(price_store, through=through, **asked)
            keys = zip(*(found[c].to_pylist() for c in ("iso", "market", "feed", "node", "node_type")), strict=True)
            prices = dict(zip(keys, found["lmp_usd_per_mwh"].to_pylist(), strict=True))
            assert len(prices) == found.num_rows
            assert prices == expected(history, through, superseded, isos, nodes, feed_asked)
            with monkeypatch.context() as patch:
                patch.setattr(queries.latest_prices, "_live", lambda *given: live(*given).slice(0, 0))
                slow = latest(price_store, through=through, **asked)
            assert sorted(map(str, slow.to_pylist())) == sorted(map(str, found.to_pylist()))

    check()


def publish_as(store: ClickHouse, position: int, rows: pa.Table, **changes: object) -> None:
    # The engine would take the same token for the same rows, though the table was emptied in between.
    widened = publication_rows(facts(position, market="DA", **changes), rows)
    token = f"{datetime.now(UTC).isoformat()}:{position}"
    store.insert_arrow(f"ch.{price_table()}", widened, deduplication_token=token)
    store.insert_arrow(f"ch.{LATEST_TABLE}", newest_rows(widened), deduplication_token=token)


def test_the_live_state_is_answered_without_a_look_at_all_prices(
    price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(price_store, 1, tick_rows(["A", "B"], DAY, count=3))
    publish(price_store, 2, tick_rows(["A"], DAY + 3 * HOUR, lmp_usd_per_mwh=31.0), vintage="preliminary")

    def never(*_: object) -> None:
        raise AssertionError("all prices were read")

    monkeypatch.setattr(queries.latest_prices, "_among_all", never)
    found = latest(price_store, superseded=[77]).to_pylist()
    assert sorted((row["node"], row["lmp_usd_per_mwh"], row["vintage_name"]) for row in found) == [
        ("A", 31.0, "preliminary"),
        ("B", 30.0, "final"),
    ]


def test_only_places_whose_row_does_not_count_are_looked_up(
    price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(price_store, 1, tick_rows(["A", "B", "C"], DAY))
    publish(price_store, 2, tick_rows(["B"], DAY + HOUR))
    asked: list[Sequence[str]] = []
    among_all = queries.latest_prices._among_all

    def noting(ch: ClickHouse, wanted: Any) -> pa.Table:
        asked.append(wanted.nodes)
        return among_all(ch, wanted)

    monkeypatch.setattr(queries.latest_prices, "_among_all", noting)
    assert latest(price_store, through=1)["log_position"].to_pylist() == [1, 1, 1]
    assert asked == [["B"]]


def test_places_of_an_older_state_are_found_near_the_last_interval_of_their_feed(
    price_store: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(price_store, 1, tick_rows(["A", "B", "C", "D"], DAY))
    publish(price_store, 2, tick_rows(["C"], DAY + 4 * HOUR))
    publish(price_store, 3, tick_rows(["A", "B"], DAY + 5 * HOUR))
    publish(price_store, 4, tick_rows(["A", "B", "C", "D"], DAY + 9 * HOUR))
    by_name: list[Sequence[str]] = []
    reaches: list[timedelta] = []
    among_all, near_the_last = queries.latest_prices._among_all, queries.latest_prices._near_the_last

    def noting_names(ch: ClickHouse, wanted: Any) -> pa.Table:
        by_name.append(wanted.nodes)
        return among_all(ch, wanted)

    def noting_reach(ch: ClickHouse, wanted: Any, doubtful: pa.Table, reach: timedelta) -> pa.Table:
        reaches.append(reach)
        return near_the_last(ch, wanted, doubtful, reach)

    monkeypatch.setattr(queries.latest_prices, "_MOST_LOOKED_UP", 1)
    monkeypatch.setattr(queries.latest_prices, "_among_all", noting_names)
    monkeypatch.setattr(queries.latest_prices, "_near_the_last", noting_reach)
    found = latest(price_store, through=3).to_pylist()
    assert {row["node"]: row["log_position"] for row in found} == {"A": 3, "B": 3, "C": 2, "D": 1}
    assert reaches == [timedelta(0), HOUR]
    assert by_name == [["D"]]


def test_a_long_history_in_one_publication_brings_the_last_interval_of_each_place() -> None:
    rows = pa.concat_tables([
        tick_rows(["A", "B"], DAY, count=5), tick_rows(["A"], DAY, count=7, node_type="Gen"),
        tick_rows(["A"], DAY + 4 * HOUR, source_version=1),
    ])  # fmt: skip
    found = newest_rows(publication_rows(facts(1), rows)).table.to_pylist()
    assert [(r["node"], r["node_type"], r["interval_start_utc"], r["source_version"]) for r in found] == [
        ("A", "Hub", DAY + 4 * HOUR, 0),
        ("B", "Hub", DAY + 4 * HOUR, 0),
        ("A", "Gen", DAY + 6 * HOUR, 0),
        ("A", "Hub", DAY + 4 * HOUR, 1),
    ]
