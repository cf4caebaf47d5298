"""What every format of `pandas_formats` ends in: all columns of its dataset's table, and those rows as Arrow.

Nothing of gridstatus or another library of readers is run: the steps are written anew, each in pandas' own vectorised
way (no row at a time, no `apply`), labels in pandas' text type that is backed by Arrow.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from integrations.isos.series import DATASETS
from integrations.isos.ticks import TICK_SCHEMA

SCHEMAS = {**DATASETS, "prices": TICK_SCHEMA}
_NO_FACTS = {"vintage": "final", "published_at": None, "log_position": 1, "publication_id": "none"}


def completed(dataset: str, frame: Any, start: Any, end: Any) -> Any:
    """The frame with every column of the dataset's rows, and no other; `start` and `end` are aware UTC."""
    columns: dict[str, Any] = {"interval_start_utc": start, "interval_end_utc": end}
    for field in SCHEMAS[dataset]:
        if field.name in frame:
            columns[field.name] = frame[field.name]
        elif pa.types.is_dictionary(field.type):
            columns[field.name] = ""
        elif field.name == "source_version":
            columns[field.name] = 0
        elif pa.types.is_floating(field.type):
            columns[field.name] = float("nan")
        elif pa.types.is_timestamp(field.type) and field.name not in columns:
            columns[field.name] = pd.NaT
    return pd.DataFrame(columns, index=frame.index)[SCHEMAS[dataset].names]


def as_arrow(dataset: str, frame: Any) -> pa.Table:
    """The frame as the Arrow table that our parsers end in: the same names, types and encoding of labels."""
    columns = []
    for field in SCHEMAS[dataset]:
        array = pa.array(frame[field.name], from_pandas=True)
        if pa.types.is_dictionary(field.type):
            array = array.dictionary_encode()
        columns.append(array.cast(field.type))
    return pa.table(columns, schema=SCHEMAS[dataset])


def for_insert(frame: Any, iso: str, market: str, feed: str, dataset: str) -> Any:
    """The frame with the columns of a publication, as `insert_df` takes it for the dataset's table."""
    facts = {"iso": iso, "market": market, "feed": feed, **_NO_FACTS, "recorded_at": pd.Timestamp.now("UTC")}
    if dataset != "prices":
        facts["publication_position"] = 1
    return frame.assign(**facts)
