"""Which version of a price wins, what was known when, and that nothing is left out."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from infra.clickhouse import ClickHouse
from queries.prices import (
    HISTORY_COLUMNS,
    PRICE_SCHEMA,
    AmbiguousFeed,
    PriceQuery,
    price_batches,
    price_history,
    prices,
)
from read_models.prices import ROWS_SCHEMA
from tests.plugins_clickhouse import HOUR, publish, tick_rows

REPOSITORY = Path(__file__).parents[2]
DAY = datetime(2024, 7, 1, 5, tzinfo=UTC)
NOW = 10**9


def ask(store: ClickHouse, *, through: int = NOW, superseded: Sequence[int] = (), **changes: Any) -> pa.Table:
    given: dict[str, Any] = {"iso": "MISO", "start_utc": DAY, "end_utc": DAY + 24 * HOUR}
    return prices(store, PriceQuery(**(given | changes)), through_position=through, superseded=superseded)


def lmps(table: pa.Table) -> list[float]:
    values: list[float] = table["lmp_usd_per_mwh"].to_pylist()
    return values


Version = tuple[int, str, int]  # log position, vintage, source version


@pytest.mark.parametrize(
    ("versions", "winner"),
    [
        pytest.param([(1, "preliminary", 0), (2, "final", 0)], 2, id="final after preliminary"),
        pytest.param([(1, "final", 0), (2, "preliminary", 0)], 1, id="a late preliminary does not undo the final"),
        pytest.param([(1, "final", 0), (2, "verified", 9)], 1, id="vintage before source version"),
        pytest.param([(1, "verified", 0), (2, "preliminary", 5)], 1, id="verified before preliminary"),
        pytest.param([(1, "verified", 2), (2, "verified", 1)], 1, id="source version before position"),
        pytest.param([(1, "verified", 2), (2, "verified", 10)], 2, id="source versions are numbers"),
        pytest.param([(1, "final", 0), (2, "final", 0), (3, "final", 0)], 3, id="the newest of equals"),
    ],
)
def test_the_highest_version_wins(price_store: ClickHouse, versions: list[Version], winner: int) -> None:
    for position, vintage, source_version in versions:
        rows = tick_rows(["A"], DAY, lmp_usd_per_mwh=float(position), source_version=source_version)
        publish(price_store, position, rows, vintage=vintage)
    found = ask(price_store)
    assert found["log_position"].to_pylist() == [winner]
    assert lmps(found) == [float(winner)]
    assert found["vintage"].to_pylist() == [{p: v for p, v, _ in versions}[winner]]


def test_a_partial_restatement_replaces_only_its_intervals(price_store: ClickHouse) -> None:
    publish(price_store, 1, tick_rows(["A", "B"], DAY, count=3, lmp_usd_per_mwh=1.0), vintage="preliminary")
    publish(price_store, 2, tick_rows(["A"], DAY + HOUR, lmp_usd_per_mwh=2.0))
    assert lmps(ask(price_store)) == [1.0, 2.0, 1.0, 1.0, 1.0, 1.0]


def test_as_of_reads_what_was_known_then(price_store: ClickHouse) -> None:
    for position, vintage in [(5, "preliminary"), (9, "final"), (12, "preliminary")]:
        publish(price_store, position, tick_rows(["A"], DAY, lmp_usd_per_mwh=float(position)), vintage=vintage)
    known = {at: lmps(ask(price_store, as_of_position=at)) for at in (4, 5, 8, 9, 12, NOW)}
    assert known == {4: [], 5: [5.0], 8: [5.0], 9: [9.0], 12: [9.0], NOW: [9.0]}


def test_nothing_is_read_past_the_checkpoint(price_store: ClickHouse) -> None:
    for position in (5, 9):
        publish(price_store, position, tick_rows(["A"], DAY, lmp_usd_per_mwh=float(position)))
    assert lmps(ask(price_store, through=8)) == [5.0]
    assert lmps(ask(price_store, through=8, as_of_position=100)) == [5.0]
    assert lmps(ask(price_store, through=4)) == []


def test_superseded_readings_are_unseen_even_where_they_rank_higher(price_store: ClickHouse) -> None:
    publish(price_store, 1, tick_rows(["A"], DAY, lmp_usd_per_mwh=1.0, source_version=7))
    publish(price_store, 2, tick_rows(["A"], DAY, lmp_usd_per_mwh=2.0, source_version=3))
    assert lmps(ask(price_store)) == [1.0]
    assert lmps(ask(price_store, superseded=[1])) == [2.0]
    assert lmps(ask(price_store, superseded=[1, 2])) == []
    assert lmps(ask(price_store, superseded=list(range(3, 5000)))) == [1.0]


def test_places_feeds_and_markets_do_not_replace_each_other(price_store: ClickHouse) -> None:
    publish(price_store, 1, tick_rows(["A"], DAY, lmp_usd_per_mwh=1.0))
    publish(price_store, 2, tick_rows(["A"], DAY, lmp_usd_per_mwh=2.0, node_type="Loadzone"))
    publish(price_store, 3, tick_rows(["A"], DAY, lmp_usd_per_mwh=3.0), feed="da_exante_lmp")
    publish(price_store, 4, tick_rows(["A"], DAY, lmp_usd_per_mwh=4.0), feed="rt_lmp", market="RTH")
    publish(price_store, 5, tick_rows(["A"], DAY, lmp_usd_per_mwh=5.0), iso="PJM")
    assert lmps(ask(price_store)) == [3.0, 1.0, 2.0, 4.0]
    assert lmps(ask(price_store, market="RTH")) == [4.0]
    assert lmps(ask(price_store, feed="da_exante_lmp")) == [3.0]
    assert lmps(ask(price_store, node_type="Loadzone", market="DA")) == [2.0]
    assert lmps(ask(price_store, iso="PJM")) == [5.0]
    assert lmps(ask(price_store, nodes=("A", "B"), market="DA", feed="da_expost_lmp")) == [1.0, 2.0]


def test_rows_are_sorted_by_market_node_and_start(price_store: ClickHouse) -> None:
    nodes = ["b", "B", "é", "a.2", "a.10", "Z", ""]
    for position, (market, feed) in enumerate([("RTH", "rt_lmp"), ("DA", "z"), ("DA", "a")], start=1):
        rows = tick_rows(nodes, DAY, count=3)
        publish(price_store, position, rows.take(pa.array(range(rows.num_rows - 1, -1, -1))), market=market, feed=feed)
    found = ask(price_store).select(["market", "node", "interval_start_utc", "feed"]).to_pylist()
    assert [tuple(row.values()) for row in found] == sorted(tuple(row.values()) for row in found)
    assert len(found) == 3 * 3 * len(nodes)


def test_the_end_is_open_and_fractions_of_a_second_count(price_store: ClickHouse) -> None:
    publish(price_store, 1, tick_rows(["A"], DAY, count=3))
    assert ask(price_store, start_utc=DAY, end_utc=DAY + 2 * HOUR).num_rows == 2
    assert ask(price_store, start_utc=DAY + timedelta(microseconds=1), end_utc=DAY + 2 * HOUR).num_rows == 1
    assert ask(price_store, end_utc=DAY + timedelta(microseconds=1)).num_rows == 1
    assert ask(price_store, end_utc=DAY).num_rows == 0


@pytest.mark.parametrize(
    ("day", "hours"), [(datetime(2024, 3, 10, 5, tzinfo=UTC), 23), (datetime(2024, 11, 3, 4, tzinfo=UTC), 25)]
)
def test_days_of_23_and_25_hours_are_whole(price_store: ClickHouse, day: datetime, hours: int) -> None:
    publish(price_store, 1, tick_rows(["A"], day - 5 * HOUR, count=48), iso="PJM", feed="da_hrl_lmps")
    found = ask(price_store, iso="PJM", start_utc=day, end_utc=day + hours * HOUR)
    assert found["interval_start_utc"].to_pylist() == [day + i * HOUR for i in range(hours)]


def test_runs_of_sced_are_never_merged(price_store: ClickHouse) -> None:
    stamps = [DAY + timedelta(seconds=seconds) for seconds in (15, 295, 310)]
    for position, stamp in enumerate(stamps, start=1):
        rows = tick_rows(["BUS"], stamp, step=timedelta(minutes=5), lmp_usd_per_mwh=float(position))
        publish(price_store, position, rows, iso="ERCOT", feed="sced_lmp", market="RT5")
    found = ask(price_store, iso="ERCOT")
    assert found["interval_start_utc"].to_pylist() == stamps
    assert lmps(found) == [1.0, 2.0, 3.0]


def test_columns_types_and_nulls(price_store: ClickHouse) -> None:
    assert ask(price_store).schema.equals(PRICE_SCHEMA)
    assert ask(price_store, nodes=("A",)).num_rows == 0
    publish(price_store, 1, tick_rows(["A"], DAY))
    found = ask(price_store)
    assert found.schema.equals(PRICE_SCHEMA)
    nulls = [name for name in found.schema.names if found[name].null_count]
    assert nulls == [
        "energy_usd_per_mwh",
        "congestion_usd_per_mwh",
        "loss_usd_per_mwh",
        "ghg_usd_per_mwh",
        "published_at",
    ]


@pytest.mark.parametrize(
    "node", ["x' OR '1'='1", "x'); DROP TABLE ch.market_price_ticks; --", "\\", "{iso:String}", "a\tb", "☃"]
)
def test_a_node_name_is_only_ever_a_name(price_store: ClickHouse, node: str) -> None:
    publish(price_store, 1, tick_rows(["A", node], DAY))
    assert ask(price_store, nodes=(node,))["node"].to_pylist() == [node]
    assert ask(price_store, nodes=(node + "'",)).num_rows == 0
    assert ask(price_store, market=node).num_rows == 0
    assert ask(price_store)["node"].to_pylist() == sorted(["A", node])
    history = price_history(price_store, iso="MISO", market="DA", node=node, node_type="Hub", through_position=NOW)
    assert history.num_rows == 1


def many_rows(nodes: int, hours: int) -> pa.Table:
    labels = pa.array([f"NODE {i:05d}" for i in range(nodes)])
    node = pa.DictionaryArray.from_arrays(np.tile(np.arange(nodes, dtype=np.int32), hours), labels)
    one = tick_rows(["-"], DAY)
    seconds = int(DAY.timestamp()) + np.repeat(np.arange(hours, dtype=np.int64) * 3600, nodes)
    columns = {name: pa.repeat(one[name][0], nodes * hours) for name in ("node_type", *ROWS_SCHEMA.names[4:])}
    columns["node_type"] = columns["node_type"].cast(pa.string()).dictionary_encode()
    return pa.table(
        {
            "node": node,
            "interval_start_utc": pa.array(seconds).cast(pa.timestamp("s", "UTC")),
            "interval_end_utc": pa.array(seconds + 3600).cast(pa.timestamp("s", "UTC")),
            **columns,
        }
    ).select(ROWS_SCHEMA.names)


def test_a_whole_market_comes_in_bounded_batches_and_complete(price_store: ClickHouse) -> None:
    nodes, hours = 2600, 240
    publish(price_store, 1, many_rows(nodes, hours), vintage="preliminary")
    publish(price_store, 2, many_rows(nodes, 10))
    query = PriceQuery("MISO", DAY, DAY + hours * HOUR)
    batches = list(price_batches(price_store, query, through_position=2))
    assert max(batch.num_rows for batch in batches) <= 250_000
    assert len(batches) > 1
    whole = pa.Table.from_batches(batches)
    assert whole.num_rows == nodes * hours
    assert whole["vintage"].value_counts().to_pylist() == [
        {"values": "final", "counts": nodes * 10},
        {"values": "preliminary", "counts": nodes * (hours - 10)},
    ]
    starts = whole["interval_start_utc"].cast(pa.int64()).to_numpy().reshape(nodes, hours)
    assert (starts == int(DAY.timestamp()) + np.arange(hours) * 3600).all()
    assert whole["node"].cast(pa.string()).to_pylist()[::hours] == [f"NODE {i:05d}" for i in range(nodes)]
    some = tuple(f"NODE {i:05d}" for i in range(0, nodes, 2))
    half = prices(price_store, PriceQuery("MISO", DAY, query.end_utc, some), through_position=2)
    assert half.num_rows == nodes * hours / 2


def test_a_long_answer_is_not_disturbed_by_what_is_loaded_meanwhile(price_store: ClickHouse) -> None:
    publish(price_store, 1, many_rows(2600, 240))
    batches = price_batches(price_store, PriceQuery("MISO", DAY, DAY + 240 * HOUR), through_position=1)
    first = next(batches)
    publish(price_store, 2, many_rows(2600, 10))
    assert first.num_rows + sum(batch.num_rows for batch in batches) == 2600 * 240


def test_readers_see_publications_whole_while_others_are_loaded(price_store: ClickHouse) -> None:
    checkpoint = 0
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            through = checkpoint
            found = ask(price_store, through=through)
            assert found.num_rows == (2000 if through else 0)
            assert set(found["log_position"].to_pylist()) <= {through}

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        try:
            for position in range(1, 9):
                publish(price_store, position, many_rows(500, 4))
                checkpoint = position
        finally:
            done.set()
        for reader in readers:
            reader.result()


def history_of(store: ClickHouse, **changes: Any) -> pa.Table:
    given: dict[str, Any] = {"iso": "MISO", "market": "DA", "node": "A", "node_type": "Hub", "through_position": NOW}
    return price_history(store, **(given | changes))


def test_history_is_the_winning_rows_of_one_place(price_store: ClickHouse) -> None:
    publish(price_store, 1, tick_rows(["A", "B"], DAY, count=3, lmp_usd_per_mwh=1.0))
    publish(price_store, 2, tick_rows(["A"], DAY + HOUR, lmp_usd_per_mwh=2.0))
    publish(price_store, 3, tick_rows(["A"], DAY - 10_000 * HOUR, lmp_usd_per_mwh=3.0))
    publish(price_store, 4, tick_rows(["A"], DAY, node_type="Loadzone"))
    found = history_of(price_store)
    assert tuple(found.schema.names) == HISTORY_COLUMNS
    assert lmps(found) == [3.0, 1.0, 2.0, 1.0]
    assert found["publication_id"].to_pylist() == [f"publication-{i}" for i in (3, 1, 2, 1)]
    assert lmps(history_of(price_store, superseded=[2], through_position=2)) == [1.0, 1.0, 1.0]


def test_history_takes_the_feed_that_settles(price_store: ClickHouse) -> None:
    publish(price_store, 1, tick_rows(["A"], DAY, lmp_usd_per_mwh=1.0), feed="da_exante_lmp")
    assert lmps(history_of(price_store)) == [1.0]
    publish(price_store, 2, tick_rows(["A"], DAY, lmp_usd_per_mwh=2.0), feed="da_expost_lmp")
    assert lmps(history_of(price_store)) == [2.0]
    assert lmps(history_of(price_store, feed="da_exante_lmp")) == [1.0]


def test_history_asks_where_feeds_are_ambiguous(price_store: ClickHouse) -> None:
    for position, feed in enumerate(["second", "first"], start=1):
        publish(price_store, position, tick_rows(["A"], DAY), feed=feed)
    with pytest.raises(AmbiguousFeed, match="MISO DA prices of A come in several feeds: first, second"):
        history_of(price_store)


def test_a_query_needs_zones_and_an_order() -> None:
    with pytest.raises(ValueError, match="start_utc and end_utc need a time zone"):
        PriceQuery("MISO", DAY, datetime(2024, 7, 2))
    with pytest.raises(ValueError, match="is after end_utc"):
        PriceQuery("MISO", DAY + HOUR, DAY)


FAR_FROM_UTC = """
import sys
from datetime import datetime
from pathlib import Path
from infra.clickhouse import ClickHouse
from queries.prices import PriceQuery, prices
from read_models.latest_prices import create_latest_table
from read_models.prices import create_price_table
from tests.plugins_clickhouse import HOUR, publish, tick_rows

store = ClickHouse.embedded(Path(sys.argv[1]))
create_price_table(store)
create_latest_table(store)
start = datetime.fromisoformat("2024-11-03T04:00:00+00:00")
publish(store, 1, tick_rows(["A"], start, count=25))
found = prices(store, PriceQuery("MISO", start + HOUR, start + 3 * HOUR), through_position=1)
print(*found["interval_start_utc"].to_pylist(), found["recorded_at"][0].as_py())
store.close()
"""


def test_the_zone_of_the_machine_changes_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAR_FROM_UTC, str(tmp_path / "store")],
        cwd=REPOSITORY,
        env={**os.environ, "TZ": "America/Los_Angeles"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == (
        "2024-11-03 05:00:00+00:00 2024-11-03 06:00:00+00:00 2025-01-01 12:30:15.123456+00:00"
    )
