"""Rows on their way into the columnar store, cut so that an insert that is done again is the same one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Rows:
    """Rows to insert: those of `table`, each with the columns `constants` added."""

    table: pa.Table
    constants: Mapping[str, pa.Scalar]


def together(parts: Sequence[Rows]) -> Rows:
    """The rows of several small parts, in their order, for one insert. All have the same constants by name."""
    if len(parts) == 1:
        return parts[0]
    table = pa.concat_tables([part.table for part in parts]).unify_dictionaries().combine_chunks()
    of_part = np.repeat(np.arange(len(parts)), [part.table.num_rows for part in parts])
    for name in parts[0].constants:
        value = pa.array([part.constants[name] for part in parts]).dictionary_encode()
        table = table.append_column(name, value.take(pa.array(of_part)))
    return Rows(table, {})


def batches_of(rows: Rows) -> Iterator[pa.RecordBatch]:
    """Cuts rows the same way however they are chunked, and repeats the constants as dictionaries of one entry."""
    names = [*rows.table.schema.names, *rows.constants]
    for start in range(0, rows.table.num_rows, BATCH_ROWS):
        part = rows.table.slice(start, BATCH_ROWS)
        columns = [_whole(column) for column in part.columns]
        columns += [_repeated(value, part.num_rows) for value in rows.constants.values()]
        yield pa.RecordBatch.from_arrays(columns, names=names)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _repeated(value: pa.Scalar, count: int) -> pa.Array:
    if not value.is_valid:
        return pa.nulls(count, value.type)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), count), pa.array([value]))
