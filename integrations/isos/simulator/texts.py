"""Text of many rows at once: columns of strings put side by side, without a Python object a cell."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def decimals(units: NDArray[np.int64], places: int, *, trimmed: bool = False) -> pa.Array:
    """(R,) units of the last of `places` (at most 6) decimals as plain numbers: -31 of two is "-0.31".

    `trimmed` leaves out zeros after the last digit that counts, and a point with nothing behind it.
    """
    low = np.ascontiguousarray(units, dtype=np.int64)
    words = np.empty((len(low), 2), dtype=np.int64)
    words[:, 0], words[:, 1] = low, low >> 63
    numbers = pa.Array.from_buffers(pa.decimal128(38, places), len(low), [None, pa.py_buffer(words)])
    texts = numbers.cast(pa.string())
    return pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), ".") if trimmed else texts


def repeated(texts: Sequence[str], index: NDArray[np.int64]) -> pa.Array:
    """`texts[index]` as a column."""
    return pa.array(texts, pa.string()).take(pa.array(index))


def rows(*columns: pa.Array | str) -> bytes:
    """The columns put side by side, row after row, with nothing in between: separators and line ends are columns too.

    At least one column is an array, and all arrays are of one length. Raises ValueError where the text passes 2 GiB.
    """
    joined = pc.binary_join_element_wise(*columns, "")
    if isinstance(joined, pa.ChunkedArray) or joined.offset:
        raise ValueError("the rows make more text than fits into one piece")
    _, offsets, data = joined.buffers()
    end = np.frombuffer(offsets, dtype=np.int32)[len(joined)]
    return bytes(memoryview(data)[: int(end)])
