"""The embedded engine: what goes in comes out, once, and from any thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import Rows

BLOCK_ROWS = 1_048_576
TABLE = """CREATE TABLE ch.things (n Int64, label LowCardinality(String), origin LowCardinality(String), at Int64)
ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100"""


@pytest.fixture
def things(clickhouse: ClickHouse) -> Iterator[ClickHouse]:
    """A small table `ch.things`."""
    clickhouse.command("CREATE DATABASE ch")
    clickhouse.command(TABLE)
    yield clickhouse
    clickhouse.command("DROP DATABASE ch SYNC")


def numbered(start: int, stop: int) -> pa.Table:
    count = stop - start
    return pa.table({"n": pa.array(range(start, stop), pa.int64()), "label": pa.array(["x"] * count)})


def insert(store: ClickHouse, rows: pa.Table, token: str, *, origin: str = "test", at: int = 1) -> None:
    constants = {"origin": pa.scalar(origin), "at": pa.scalar(at, pa.int64())}
    store.insert_arrow("ch.things", Rows(rows, constants), deduplication_token=token)


def held(store: ClickHouse) -> tuple[int, int]:
    """Rows, and different rows."""
    (found,) = store.query_arrow("SELECT count() AS c, uniqExact(n, at) AS u FROM ch.things").to_pylist()
    return found["c"], found["u"]


def test_rows_come_back_with_their_constants_by_name(things: ClickHouse) -> None:
    rows = pa.table({"label": ["a", "b"], "n": pa.array([1, 2], pa.int64())})
    insert(things, rows, "t", origin="here", at=7)
    found = things.query_arrow("SELECT * FROM ch.things ORDER BY n").to_pylist()
    assert found == [
        {"n": 1, "label": "a", "origin": "here", "at": 7},
        {"n": 2, "label": "b", "origin": "here", "at": 7},
    ]


def test_chunks_with_dictionaries_of_their_own(things: ClickHouse) -> None:
    chunks = [
        pa.table({"n": pa.array([i], pa.int64()), "label": pa.array([label]).dictionary_encode()})
        for i, label in enumerate(["p", "q", "p", "r"])
    ]
    insert(things, pa.concat_tables(chunks), "t")
    assert things.query_arrow("SELECT label FROM ch.things ORDER BY n")["label"].to_pylist() == ["p", "q", "p", "r"]


def test_an_empty_insert_is_nothing(things: ClickHouse) -> None:
    insert(things, numbered(0, 0), "t")
    assert held(things) == (0, 0)


def test_a_token_counts_once(things: ClickHouse) -> None:
    for _ in range(3):
        insert(things, numbered(0, 1000), "same")
    insert(things, numbered(0, 1000), "other", at=2)
    assert held(things) == (2000, 2000)


def test_an_insert_cut_off_after_a_block_is_completed_when_done_again(things: ClickHouse) -> None:
    rows = numbered(0, BLOCK_ROWS + 200_000)
    insert(things, rows.slice(0, BLOCK_ROWS), "t")  # as far as a crash let it come
    assert held(things)[0] == BLOCK_ROWS
    differently_chunked = pa.concat_tables([rows.slice(0, 99_999), rows.slice(99_999)])
    insert(things, differently_chunked, "t")
    assert held(things) == (rows.num_rows, rows.num_rows)


def test_a_null_where_none_may_be_is_an_error_and_not_a_zero(things: ClickHouse) -> None:
    rows = pa.table({"n": pa.array([1, None], pa.int64()), "label": ["a", "b"]})
    with pytest.raises(Exception, match=r"(?i)null"):
        insert(things, rows, "t")
    assert held(things) == (0, 0)


@pytest.mark.parametrize(
    "text", ["'", "\\", "a\\'b", "\t\n\r", "{n:String}", "'); DROP TABLE ch.things; --", "☃", "\\N", ""]
)
def test_parameters_are_values_whatever_they_hold(things: ClickHouse, text: str) -> None:
    sql = "SELECT {text:String} AS one, {texts:Array(String)} AS many"
    assert things.query_arrow(sql, {"text": text, "texts": [text, "z"]}).to_pylist() == [
        {"one": text, "many": [text, "z"]}
    ]
    assert held(things) == (0, 0)


def test_readers_go_on_during_loads_and_see_whole_inserts_up_to_their_position(things: ClickHouse) -> None:
    loads, size = 8, 40_000
    loaded = 0
    done = threading.Event()

    def read() -> int:
        reads = 0
        while not done.is_set() or reads == 0:
            through = loaded
            sql = "SELECT at, count() AS c FROM ch.things WHERE at <= {p:Int64} GROUP BY at"
            counts = {row["at"]: row["c"] for row in things.query_arrow(sql, {"p": through}).to_pylist()}
            assert counts == dict.fromkeys(range(1, through + 1), size)
            reads += 1
        return reads

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read) for _ in range(6)]
        try:
            for position in range(1, loads + 1):
                insert(things, numbered(0, size), f"load {position}", at=position)
                loaded = position
        finally:
            done.set()
        assert sum(reader.result() for reader in readers) >= 6
    assert held(things) == (loads * size, loads * size)
