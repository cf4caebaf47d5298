"""What ISOs publish besides energy prices, as it is known now or was known at a position of the log.

For one key (iso, feed, market, labels) and interval the row with the highest (`vintage`, `issued_at` where the dataset
has it, `source_version`, position of the publication, `log_position`) wins, as with prices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from infra.clickhouse import ClickHouse
from read_models.series import DATASETS, Dataset

_TEXT = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class SeriesQuery:
    """Which rows of a dataset: of `iso`, with interval starts in [start_utc, end_utc), both aware.

    `labels` maps a label column to the values wanted.
    """

    dataset: str
    iso: str
    start_utc: datetime
    end_utc: datetime
    feed: str | None = None
    market: str | None = None
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.start_utc.utcoffset() is None or self.end_utc.utcoffset() is None:
            raise ValueError("start_utc and end_utc need a time zone")
        if self.start_utc > self.end_utc:
            raise ValueError(f"start_utc {self.start_utc.isoformat()} is after end_utc {self.end_utc.isoformat()}")
        unknown = set(self.labels) - set(DATASETS[self.dataset].labels)
        if unknown:
            raise ValueError(f"{self.dataset} has no {', '.join(sorted(unknown))}")


def series_datasets() -> list[dict[str, Any]]:
    """Every dataset: `name`, its `labels` (what tells rows apart) and its `values`."""
    return [{"name": d.name, "labels": list(d.labels), "values": list(d.values)} for d in DATASETS.values()]


def answer_schema(name: str) -> pa.Schema:
    """The columns of an answer of dataset `name`, in their order."""
    dataset = DATASETS[name]
    return pa.schema(
        [
            ("iso", _TEXT),
            ("feed", _TEXT),
            ("market", _TEXT),
            *((f.name, f.type) for f in dataset.rows_schema),
            ("vintage", _TEXT),
            ("published_at", pa.timestamp("us", tz="UTC")),
            ("recorded_at", pa.timestamp("us", tz="UTC")),
            ("log_position", pa.int64()),
            ("publication_id", _TEXT),
        ]
    )


def series(ch: ClickHouse, query: SeriesQuery, *, through_position: int, superseded: Sequence[int] = ()) -> pa.Table:
    """The winning rows, sorted by their key and start. Positions past `through_position` are unseen."""
    dataset = DATASETS[query.dataset]
    conditions = [
        "log_position <= {known:Int64}",
        "iso = {iso:String}",
        "interval_start_utc >= {start:DateTime64(6, 'UTC')}",
        "interval_start_utc < {end:DateTime64(6, 'UTC')}",
    ]
    values: dict[str, Any] = {
        "known": through_position,
        "iso": query.iso,
        "start": query.start_utc,
        "end": query.end_utc,
    }
    for column in ("feed", "market"):
        if (wanted := getattr(query, column)) is not None:
            conditions.append(f"{column} = {{{column}:String}}")
            values[column] = wanted
    for label, wanted in query.labels.items():
        conditions.append(f"{label} IN {{{label}:Array(String)}}")
        values[label] = list(wanted)
    if superseded:
        conditions.append("log_position NOT IN {superseded:Array(Int64)}")
        values["superseded"] = list(superseded)
    found = ch.query_arrow(_select(dataset, conditions), values)
    schema = answer_schema(dataset.name)
    return found.rename_columns(schema.names).cast(schema).combine_chunks()


def _select(dataset: Dataset, conditions: Sequence[str]) -> str:
    """All names come from the dataset's definition; values are bound."""
    key = ", ".join(("feed", "market", *dataset.labels, "interval_start_utc"))
    columns = ", ".join(f.name for f in dataset.rows_schema)
    issued = "issued_at DESC NULLS LAST, " if "issued_at" in dataset.values else ""
    # The vintage is read under another name, for under its own the order would be that of its text.
    return f"""SELECT iso, feed, market, {columns}, CAST(vintage, 'LowCardinality(String)') AS vintage_name,
            published_at, recorded_at, log_position, publication_id
        FROM ch.{dataset.table} WHERE {" AND ".join(conditions)}
        ORDER BY {key}, vintage DESC, {issued}source_version DESC, publication_position DESC, log_position DESC
        LIMIT 1 BY {key}"""  # noqa: S608
