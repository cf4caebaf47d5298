"""The normalised rows of everything that is no price of energy at a node: one schema a dataset.

A dataset's rows are keyed by its label columns and the interval; every other column is a value. Intervals are UTC and
half-open. The read models keep the same columns (`read_models/series.py`); a test holds the two together.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from integrations.isos.ticks import GAP_SCHEMA, ParsedPublication, labels

LABEL = pa.dictionary(pa.int32(), pa.string())
UTC_SECOND = pa.timestamp("s", tz="UTC")
UTC_MICROSECOND = pa.timestamp("us", tz="UTC")


def _schema(labels: Sequence[str], values: Mapping[str, pa.DataType], *, needed: str) -> pa.Schema:
    return pa.schema(
        [
            *(pa.field(name, LABEL, nullable=False) for name in labels),
            pa.field("interval_start_utc", UTC_SECOND, nullable=False),
            pa.field("interval_end_utc", UTC_SECOND, nullable=False),
            *(pa.field(name, kind, nullable=name != needed) for name, kind in values.items()),
            pa.field("source_version", pa.int32(), nullable=False),
        ]
    )


DATASETS: Mapping[str, pa.Schema] = {
    # Load, generation, forecasts, flows: `series` says of what, `area` where ('' is the whole system), `category` a
    # fuel, a model or a type ('' for none). `issued_at` is when a forecast was made, null for what was measured.
    "fundamentals": _schema(
        ("series", "area", "category", "unit"), {"value": pa.float64(), "issued_at": UTC_MICROSECOND}, needed="value"
    ),
    # Ancillary services: the clearing price of one MW held for an hour, and what was bought.
    "ancillary": _schema(
        ("product", "area"),
        {"price_usd_per_mw": pa.float64(), "cleared_mw": pa.float64(), "requirement_mw": pa.float64()},
        needed="price_usd_per_mw",
    ),
    # Capacity auctions: an interval is the delivery period, `area` the LDA or zone.
    "capacity": _schema(
        ("auction", "area", "product"),
        {"price_usd_per_mw_day": pa.float64(), "cleared_mw": pa.float64()},
        needed="price_usd_per_mw_day",
    ),
    # Scarcity: price adders and the reserves behind them, and the system lambda.
    "ordc": _schema(
        ("adder",), {"price_usd_per_mwh": pa.float64(), "reserve_mw": pa.float64()}, needed="price_usd_per_mwh"
    ),
    # Binding constraints with their shadow prices, null where the operator only says that one binds.
    "constraints": _schema(
        ("constraint_name", "contingency"),
        {"shadow_price_usd_per_mwh": pa.float64(), "limit_mw": pa.float64(), "flow_mw": pa.float64()},
        needed="",
    ),
    # What single resources offered and did, disclosed later: one quantity a row.
    "disclosures": _schema(
        ("resource", "resource_type", "quantity", "unit"), {"value": pa.float64()}, needed="value"
    ),
    # Nodes, hubs and zones as the operator lists them; the interval is their validity (to 2099-12-31 where open).
    "places": _schema(("node", "node_type", "area", "description"), {}, needed=""),
}  # fmt: skip


def series_rows(dataset: str, columns: Mapping[str, Any]) -> pa.Table:
    """Rows of a dataset from columns by name (arrays or lists, all of one length); what is left out is null or 0.

    Label columns that are left out are empty. Raises ValueError for a column that the dataset does not have.
    """
    schema = DATASETS[dataset]
    if unknown := set(columns) - set(schema.names):
        raise ValueError(f"{dataset} has no column {', '.join(sorted(unknown))}")
    length = len(next(iter(columns.values())))
    arrays = []
    for field in schema:
        if field.name in columns:
            given = columns[field.name]
            array = given if isinstance(given, pa.Array | pa.ChunkedArray) else pa.array(given)
            if pa.types.is_dictionary(field.type) and not pa.types.is_dictionary(array.type):
                array = array.cast(pa.string()).dictionary_encode()
            arrays.append(array if array.type == field.type else array.cast(field.type))
        elif pa.types.is_dictionary(field.type):
            arrays.append(labels(np.zeros(length, dtype=np.int32), [""] if length else []))
        elif field.name == "source_version":
            arrays.append(pa.array(np.zeros(length, dtype=np.int32)))
        else:
            arrays.append(pa.nulls(length, field.type))
    return pa.table(arrays, schema=schema)


def series_publication(
    dataset: str,
    rows: pa.Table,
    *,
    iso: str,
    feed: str,
    market: str = "",
    vintage: str = "final",
    published_at: datetime | None = None,
    parser: str,
    parser_version: int = 1,
) -> ParsedPublication:
    """A publication of a dataset. `market` is DA, RTH, RT15 or RT5 where the numbers are a market's, else empty."""
    return ParsedPublication(
        iso=iso,
        market=market,
        feed=feed,
        vintage=vintage,
        rows=rows,
        published_at=published_at,
        gaps=GAP_SCHEMA.empty_table(),
        parser=parser,
        parser_version=parser_version,
        dataset=dataset,
    )
