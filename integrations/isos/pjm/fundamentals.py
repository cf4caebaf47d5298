"""Fundamentals out of a Data Miner table: each number column is a series of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from integrations.isos.csv_reading import Columns, Text
from integrations.isos.gaps import Intervals
from integrations.isos.pjm.stamps import first_of_each
from integrations.isos.series import DATASETS, UTC_MICROSECOND, series_rows
from integrations.isos.ticks import Codes, Ints, labels, seconds


@dataclass(frozen=True)
class Measure:
    """What a number column measures. `category` is empty where another column states it, or where there is none."""

    column: str
    series: str
    unit: str
    category: str = ""


def measured(
    table: Columns,
    measures: Sequence[Measure],
    start: Intervals,
    end: Ints,
    *,
    area: Text | None = None,
    category: Text | None = None,
    issued: Intervals | None = None,
    version: Ints | None = None,
) -> pa.Table:
    """Rows of the dataset fundamentals, one a number that is there; `end` in seconds since 1970.

    Raises UnreadablePublication for two rows of one area, category, interval, issue and version that differ.
    """
    measures = [measure for measure in measures if table.has(measure.column)]
    values = {measure.column: table.number(measure.column) for measure in measures}
    key: list[tuple[Codes, int]] = [(start.code, len(start.starts))]
    key += [(text.codes, len(text)) for text in (area, category) if text is not None]
    key += [(issued.code, len(issued.starts))] if issued is not None else []
    key += [(version, int(version.max()) + 1)] if version is not None else []
    first = first_of_each(table, key, values)
    parts = []
    for measure in measures:
        kept = np.flatnonzero(first & ~np.isnan(values[measure.column]))
        columns = {
            "series": _constant(measure.series, len(kept)),
            "unit": _constant(measure.unit, len(kept)),
            "category": _constant(measure.category, len(kept)) if category is None else _labels(category, kept),
            "interval_start_utc": seconds(start.start()[kept]),
            "interval_end_utc": seconds(end[kept]),
            "value": pa.array(values[measure.column][kept]),
        }
        if area is not None:
            columns["area"] = _labels(area, kept)
        if issued is not None:
            columns["issued_at"] = seconds(issued.start()[kept]).cast(UTC_MICROSECOND)
        if version is not None:
            columns["source_version"] = pa.array(version[kept].astype(np.int32))
        parts.append(series_rows("fundamentals", columns))
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks().cast(DATASETS["fundamentals"])


def _labels(text: Text, kept: Ints) -> pa.Array:
    return labels(text.codes[kept], text.strings)


def _constant(value: str, count: int) -> pa.Array:
    return labels(np.zeros(count, dtype=np.int32), [value])
