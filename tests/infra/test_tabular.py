"""Every format carries every value, and what CSV may do to a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.tabular import MEDIA_TYPES, guarded_cell, render

LABEL = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("node", LABEL),
        ("note", pa.string()),
        ("interval_start_utc", pa.timestamp("s", "UTC")),
        ("recorded_at", pa.timestamp("us", "UTC")),
        ("month", pa.date32()),
        ("lmp_usd_per_mwh", pa.float64()),
        ("version", pa.int32()),
        ("extrapolated", pa.bool_()),
    ]
)
FULL = ("HUB", "plain", datetime(2024, 1, 1, 5, tzinfo=UTC), datetime(2024, 1, 1, 5, 0, 0, 1500, tzinfo=UTC),
        date(2024, 1, 1), -30.1, 3, True)  # fmt: skip
EMPTY = (None,) * len(FULL)


def batch(*rows: tuple[Any, ...], schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    columns = [pa.array([row[i] for row in rows], field.type) for i, field in enumerate(schema)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def document(fmt: str, *batches: pa.RecordBatch, tz: str | None = None) -> bytes:
    schema = batches[0].schema if batches else SCHEMA
    return b"".join(render(fmt, schema, batches, tz=tz))


def texts(*values: str | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"node": pa.array(values, pa.string())})


def test_csv_spells_instants_dates_numbers_and_nulls() -> None:
    assert document("csv", batch(FULL, EMPTY)).decode() == (
        "node,note,interval_start_utc,recorded_at,month,lmp_usd_per_mwh,version,extrapolated\n"
        "HUB,plain,2024-01-01T05:00:00Z,2024-01-01T05:00:00.001500Z,2024-01-01,-30.1,3,true\n"
        ",,,,,,,\n"
    )


def test_csv_of_nothing_is_its_header() -> None:
    assert document("csv").decode().splitlines() == [",".join(SCHEMA.names)]


@pytest.mark.parametrize("value", ["a,b", 'say "hub"', "two\nlines", "naïve ☃", "", "   ", "back\\slash", "semi;colon"])
def test_csv_text_reads_back_as_it_was(value: str) -> None:
    rows = list(csv.reader(io.StringIO(document("csv", texts(value, "next")).decode(), newline="")))
    assert rows == [["node"], [value] if value else [], ["next"]]


@pytest.mark.parametrize("value", ["=1+1", "+1", "-FOO", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("http://x","y")'])
def test_csv_text_that_a_spreadsheet_would_run_is_quoted(value: str) -> None:
    cells = list(csv.reader(io.StringIO(document("csv", texts(value)).decode(), newline="")))[1]
    assert cells == [f"'{value}"]
    assert guarded_cell(value) == f"'{value}"


def test_csv_guard_leaves_numbers_and_harmless_text_alone() -> None:
    assert [guarded_cell(value) for value in (-30.1, None, "A-B", "5=5")] == [-30.1, None, "A-B", "5=5"]
    numbers = pa.RecordBatch.from_pydict({"x": [-1.5, -2.0], "n": pa.array([-3, 4], pa.int64())})
    assert document("csv", numbers).decode() == "x,n\n-1.5,-3\n-2,4\n"


def test_only_csv_is_guarded() -> None:
    assert json.loads(document("json", texts("=1+1"))) == [{"node": "=1+1"}]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_survive_csv_and_json_to_the_last_bit(values: list[float]) -> None:
    numbers = pa.RecordBatch.from_pydict({"x": values})
    assert [float(line) for line in document("csv", numbers).decode().splitlines()[1:]] == values
    assert [row["x"] for row in json.loads(document("json", numbers))] == values


@given(st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=12)), max_size=8))
def test_text_survives_json(values: list[str | None]) -> None:
    assert [row["node"] for row in json.loads(document("json", texts(*values)))] == values


def test_json_keeps_types_and_nulls() -> None:
    first, second = json.loads(document("json", batch(FULL, EMPTY)))
    assert first == {
        "node": "HUB",
        "note": "plain",
        "interval_start_utc": "2024-01-01T05:00:00Z",
        "recorded_at": "2024-01-01T05:00:00.001500Z",
        "month": "2024-01-01",
        "lmp_usd_per_mwh": -30.1,
        "version": 3,
        "extrapolated": True,
    }
    assert second == dict.fromkeys(SCHEMA.names)


def test_json_has_no_number_for_nan_and_the_infinities() -> None:
    numbers = pa.RecordBatch.from_pydict({"x": [math.nan, math.inf, -math.inf, 1.0]})
    assert [row["x"] for row in json.loads(document("json", numbers))] == [None, None, None, 1]


def test_json_is_one_array_over_all_batches() -> None:
    assert document("json") == b"[]\n"
    rows = json.loads(document("json", texts(), texts("a"), texts(), texts("b", "c")))
    assert [row["node"] for row in rows] == ["a", "b", "c"]


def test_ndjson_has_an_object_a_line() -> None:
    lines = document("ndjson", batch(FULL), batch(EMPTY, FULL)).decode().splitlines()
    assert [json.loads(line)["node"] for line in lines] == ["HUB", None, "HUB"]


@pytest.mark.parametrize("fmt", ["parquet", "arrow"])
def test_binary_formats_give_the_same_table_back(fmt: str) -> None:
    batches = [batch(FULL, EMPTY), batch(("OTHER", *FULL[1:]))]
    stored = pa.py_buffer(document(fmt, *batches))
    found = pq.read_table(stored) if fmt == "parquet" else pa.ipc.open_stream(stored).read_all()
    stored_as = {"interval_start_utc": "timestamp[ms, tz=UTC]"} if fmt == "parquet" else {}  # Parquet knows no seconds
    assert [str(field.type) for field in found.schema] == [stored_as.get(f.name, str(f.type)) for f in SCHEMA]
    assert found.to_pylist() == pa.Table.from_batches(batches).to_pylist()


@pytest.mark.parametrize(
    ("day", "hours_utc", "local"),
    [
        (10, [(3, 6), (3, 7)], ["2024-03-10T01:00:00-05:00", "2024-03-10T03:00:00-04:00"]),
        (3, [(11, 5), (11, 6), (11, 7)],
         ["2024-11-03T01:00:00-04:00", "2024-11-03T01:00:00-05:00", "2024-11-03T02:00:00-05:00"]),
    ],
)  # fmt: skip
def test_local_columns_follow_daylight_saving(day: int, hours_utc: list[tuple[int, int]], local: list[str]) -> None:
    starts = [datetime(2024, month, day, hour, tzinfo=UTC) for month, hour in hours_utc]
    instants = pa.RecordBatch.from_pydict(
        {"interval_start_utc": pa.array(starts, pa.timestamp("s", "UTC")), "n": starts}
    )
    rows = list(csv.DictReader(io.StringIO(document("csv", instants, tz="America/New_York").decode())))
    assert [row["interval_start_local"] for row in rows] == local
    assert list(rows[0]) == ["interval_start_utc", "n", "interval_start_local"]
    parquet = pq.read_table(pa.py_buffer(document("parquet", instants, tz="America/New_York")))
    assert parquet.schema.field("interval_start_local").type == pa.timestamp("ms", "America/New_York")
    assert parquet["interval_start_local"].cast(pa.timestamp("s", "UTC")).to_pylist() == starts


def test_winter_in_london_is_written_as_an_offset() -> None:
    instants = pa.RecordBatch.from_pydict(
        {"at_utc": pa.array([datetime(2024, 1, 1, tzinfo=UTC)], pa.timestamp("s", "UTC"))}
    )
    assert document("csv", instants, tz="Europe/London").decode().splitlines()[1] == (
        "2024-01-01T00:00:00Z,2024-01-01T00:00:00+00:00"
    )


@pytest.mark.parametrize("fmt", MEDIA_TYPES)
def test_large_and_sliced_batches_lose_nothing(fmt: str) -> None:
    count = 150_000
    whole = pa.RecordBatch.from_pydict({"n": pa.array(range(count), pa.int64())})
    data = document(fmt, whole.slice(7, 80_000), whole.slice(80_007))
    readers: dict[str, Callable[[], list[int]]] = {
        "csv": lambda: [int(line) for line in data.decode().splitlines()[1:]],
        "json": lambda: [row["n"] for row in json.loads(data)],
        "ndjson": lambda: [json.loads(line)["n"] for line in data.decode().splitlines()],
        "parquet": lambda: pq.read_table(pa.py_buffer(data))["n"].to_pylist(),
        "arrow": lambda: pa.ipc.open_stream(pa.py_buffer(data)).read_all()["n"].to_pylist(),
    }
    assert readers[fmt]() == list(range(7, count))


@pytest.mark.parametrize("fmt", MEDIA_TYPES)
def test_writes_each_batch_before_it_asks_for_the_next(fmt: str) -> None:
    asked = 0

    def endless() -> Iterator[pa.RecordBatch]:
        nonlocal asked
        while True:
            asked += 1
            yield texts(*[f"node {asked} {i}" for i in range(1000)])

    chunks = render(fmt, texts().schema, endless())
    sizes = [len(next(chunks)) for _ in range(4)]
    assert asked <= 4
    assert sum(sizes) > 0


def test_says_what_it_can_not_write() -> None:
    with pytest.raises(ValueError, match="format: 'xlsx' is not one of csv, json, ndjson, parquet, arrow"):
        document("xlsx")
    with pytest.raises(ZoneInfoNotFoundError):
        document("csv", tz="Mars/Olympus")
    nested = pa.RecordBatch.from_pydict({"pair": [[1, 2]]})
    with pytest.raises(TypeError, match=r"column pair is list<.*ask for parquet or arrow"):
        document("csv", nested)
