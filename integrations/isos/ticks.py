"""The normalised rows of a publication: what every parser hands over, whatever the operator's layout was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32] | Ints
Floats = npt.NDArray[np.float64]

NO_NODE_TYPE = ""
"""The node type where the operator's file states none (CAISO, ERCOT day-ahead and SCED): one key for a place."""

_LABEL = pa.dictionary(pa.int32(), pa.string())
_UTC_SECOND = pa.timestamp("s", tz="UTC")

TICK_SCHEMA = pa.schema(
    [
        pa.field("node", _LABEL, nullable=False),
        pa.field("node_type", _LABEL, nullable=False),
        pa.field("interval_start_utc", _UTC_SECOND, nullable=False),
        pa.field("interval_end_utc", _UTC_SECOND, nullable=False),
        pa.field("lmp_usd_per_mwh", pa.float64(), nullable=False),
        pa.field("energy_usd_per_mwh", pa.float64()),
        pa.field("congestion_usd_per_mwh", pa.float64()),
        pa.field("loss_usd_per_mwh", pa.float64()),
        pa.field("ghg_usd_per_mwh", pa.float64()),
        pa.field("source_version", pa.int32(), nullable=False),
    ]
)

GAP_SCHEMA = pa.schema(
    [
        pa.field("node", _LABEL, nullable=False),
        pa.field("node_type", _LABEL, nullable=False),
        pa.field("interval_start_utc", _UTC_SECOND, nullable=False),
        pa.field("interval_end_utc", _UTC_SECOND, nullable=False),
        pa.field("cause", _LABEL, nullable=False),
    ]
)


@dataclass(frozen=True)
class ParsedPublication:
    """One publication, read whole.

    `rows` has TICK_SCHEMA, or that of its `dataset` (`series.DATASETS`); `gaps` has GAP_SCHEMA. Neither is sorted.
    `published_at` is aware UTC and only there where the operator's header or file name states it.
    """

    iso: str
    market: str
    feed: str
    vintage: str
    rows: pa.Table
    published_at: datetime | None
    gaps: pa.Table
    parser: str
    parser_version: int
    dataset: str = "prices"


@dataclass(frozen=True)
class Places:
    """The places of a publication: place `i` is (`nodes[node_of[i]]`, `node_types[type_of[i]]`)."""

    nodes: Sequence[str] | pa.StringArray
    node_types: Sequence[str] | pa.StringArray
    node_of: Codes
    type_of: Codes

    @classmethod
    def without_type(cls, nodes: Sequence[str] | pa.StringArray) -> "Places":
        return cls(nodes, [NO_NODE_TYPE], np.arange(len(nodes), dtype=np.int32), np.zeros(len(nodes), dtype=np.int32))

    def __len__(self) -> int:
        return len(self.node_of)

    def columns(self, place: Codes) -> list[pa.Array]:
        """The node and node type columns for one place code a row."""
        node, node_type = self.node_of.astype(np.int32), self.type_of.astype(np.int32)
        return [labels(node[place], self.nodes), labels(node_type[place], self.node_types)]


@dataclass(frozen=True)
class Prices:
    """Prices in $/MWh, one a row; NaN is an empty cell, None a component the operator does not give at all."""

    lmp: Floats
    energy: Floats | None = None
    congestion: Floats | None = None
    loss: Floats | None = None
    ghg: Floats | None = None

    def take(self, rows: npt.NDArray[np.bool_]) -> "Prices":
        components = (None if column is None else column[rows] for column in self._columns()[1:])
        return Prices(self.lmp[rows], *components)

    def component_missing(self) -> npt.NDArray[np.bool_]:
        """True where the price is there but the cell of a component is empty (greenhouse gas may be absent)."""
        missing = np.zeros(len(self.lmp), dtype=np.bool_)
        for column in (self.energy, self.congestion, self.loss):
            if column is not None:
                missing |= np.isnan(column)
        return missing & ~np.isnan(self.lmp)

    def arrays(self) -> list[pa.Array]:
        absent = pa.nulls(len(self.lmp), pa.float64())
        return [absent if column is None else _price_array(column) for column in self._columns()]

    def _columns(self) -> tuple[Floats | None, ...]:
        return (self.lmp, self.energy, self.congestion, self.loss, self.ghg)


def tick_table(places: Places, place: Codes, start: Ints, end: Ints, prices: Prices, version: Ints | None) -> pa.Table:
    """Rows with TICK_SCHEMA, leaving out those without a price.

    `start` and `end` are seconds since 1970 UTC; `version` null means 0 throughout.
    """
    kept = ~np.isnan(prices.lmp)
    if not kept.all():
        place, start, end, prices = place[kept], start[kept], end[kept], prices.take(kept)
        version = None if version is None else version[kept]
    versions = np.zeros(len(place), dtype=np.int32) if version is None else version.astype(np.int32)
    columns = [*places.columns(place), seconds(start), seconds(end), *prices.arrays(), pa.array(versions)]
    return pa.Table.from_arrays(columns, schema=TICK_SCHEMA)


def labels(codes: Codes, values: Sequence[str] | pa.StringArray) -> pa.Array:
    """A dictionary column from codes into `values`, without touching a string a row."""
    strings = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32, copy=False)), strings)


def seconds(values: Ints) -> pa.Array:
    """A UTC timestamp column over the memory of an int64 array of seconds since 1970."""
    data = np.ascontiguousarray(values, dtype=np.int64)
    return pa.Array.from_buffers(_UTC_SECOND, len(data), [None, pa.py_buffer(data)])


def _price_array(column: Floats) -> pa.Array:
    empty = np.isnan(column)
    return pa.array(column, mask=empty) if empty.any() else pa.array(column)
