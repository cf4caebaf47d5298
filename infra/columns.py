"""Arrow columns as Python objects."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Objects = npt.NDArray[Any]


def dictionary_of(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """The column's distinct values, and which of them each row has; a null is a value too."""
    encoded = column.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = pc.dictionary_encode(encoded, null_encoding="encode")
    return encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded


def shared_objects(column: pa.ChunkedArray) -> Objects:
    """One Python object a row, and only one for each distinct value: quick where values come again and again."""
    encoded = dictionary_of(column)
    values = np.empty(len(encoded.dictionary), dtype=object)
    values[:] = encoded.dictionary.to_pylist()
    return cast(Objects, values[encoded.indices.to_numpy()])
