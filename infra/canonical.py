"""Digests over what a table says, not over how some writer's version laid it out in a file."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def digest(table: pa.Table) -> str:
    """SHA-256 over names, nulls and values of all columns, in row order.

    Numbers count as little-endian 64-bit values, time stamps as whole microseconds, text by its value: a dictionary
    encoding, a chunk size or a Parquet writer's version make no difference.
    """
    hasher = hashlib.sha256(f"{table.num_rows}\n".encode())
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        hasher.update(name.encode() + b"\0")
        for part in _canonical_parts(column):
            hasher.update(part)
    return hasher.hexdigest()


def _canonical_parts(column: Any) -> list[bytes]:
    present = np.asarray(column.is_valid())
    parts = [np.packbits(present).tobytes() if not present.all() else b"all"]
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        encoded = column if pa.types.is_dictionary(kind) else column.dictionary_encode()
        codes = np.asarray(pc.fill_null(encoded.indices, 0))
        used = np.flatnonzero(np.bincount(codes, minlength=len(encoded.dictionary)))
        words = encoded.dictionary.take(pa.array(used)).cast(pa.string())
        order = np.asarray(pc.array_sort_indices(words))  # by the bytes of UTF-8, which is the order of code points
        rank = np.zeros(len(encoded.dictionary), dtype="<i8")
        rank[used[order]] = np.arange(len(order))
        parts.append("\0".join(words.take(pa.array(order)).to_pylist()).encode())
        parts.append((rank[codes] * present).tobytes())
    elif pa.types.is_floating(kind):
        # Adding zero turns -0.0 into 0.0: the two are one value.
        parts.append((np.asarray(pc.fill_null(column, 0.0)) + 0.0).astype("<f8").tobytes())
    else:
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us", kind.tz))
        numbers = column.cast(pa.date32()).cast(pa.int32()) if pa.types.is_date(kind) else column.cast(pa.int64())
        parts.append(np.asarray(pc.fill_null(numbers, 0)).astype("<i8").tobytes())
    return parts


def to_parquet(table: pa.Table) -> bytes:
    """The table as Parquet bytes, quick to write and to read back."""
    sink = io.BytesIO()
    # Prices that hardly repeat are given up as a dictionary before much is spent on them.
    pq.write_table(table, sink, compression="lz4", write_statistics=False, dictionary_pagesize_limit=1 << 16)
    return sink.getvalue()


def from_parquet(content: bytes) -> pa.Table:
    # Half of what `read_table` takes for the few rows of most publications: that one looks for a whole data set.
    return pq.ParquetFile(pa.BufferReader(content)).read()
