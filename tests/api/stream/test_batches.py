"""Of a publication a subscription gets the rows of its nodes, each once and in their order."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

from api.stream.batches import PriceBatch
from api.stream.messages import Filters
from projections.published import Published
from tests.api.stream.publishing import START
from tests.plugins_clickhouse import tick_rows

NODES = ["B", "A", "D", "C"]


def batch(rows: pa.Table) -> PriceBatch:
    facts = Published(
        5, "id", False, "prices", "MISO", "RT5", "f", "final", rows.num_rows, 0, "", START, START, None, START, 5
    )
    return PriceBatch(facts, rows)


@pytest.mark.parametrize("text", ["dictionary", "plain", "chunks"])
def test_rows_of_some_nodes(text: str) -> None:
    rows = tick_rows(NODES, START, count=3, step=timedelta(minutes=5))
    if text == "plain":
        rows = rows.set_column(0, "node", rows["node"].cast(pa.string()))
    if text == "chunks":
        rows = pa.concat_tables([rows.slice(0, 5), rows.slice(5)])
    made = batch(rows)
    found = made.rows_of(Filters("MISO", ("C", "ABSENT", "B", "C")))
    assert found is not None
    assert found.tolist() == [0, 3, 4, 7, 8, 11]
    assert made.message(found).columns.node == ["B", "C"] * 3
    assert made.rows_of(Filters("MISO", ("ABSENT",))) is None
    everything = made.rows_of(Filters("MISO"))
    assert everything is not None
    assert everything.tolist() == list(range(12))
