"""What can be said of all the strings of an Arrow column at once, without making one of them a Python object."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from integrations.isos.ticks import Ints


def is_plain(strings: pa.StringArray) -> bool:
    """Whether there is nothing but printable ASCII: no control character, and no white space but the blank."""
    data = _bytes(strings)
    return not len(data) or bool(data.min() >= 0x20 and data.max() < 0x7F)


def all_filled(strings: pa.StringArray) -> bool:
    """Whether none is empty."""
    offsets = _offsets(strings)
    return bool((offsets[1:] > offsets[:-1]).all())


def cycle_length(strings: pa.StringArray) -> int:
    """After how many strings the same ones come again in the same order, up to the end; 0 where they do not."""
    length = pc.index(strings[1:], strings[0]).as_py() + 1 if len(strings) else 0
    if not length or strings[-1] != strings[(len(strings) - 1) % length]:
        return 0
    data, offsets = _bytes(strings), _offsets(strings)
    lengths, size = np.diff(offsets), int(offsets[length] - offsets[0])
    is_cycle = np.array_equal(lengths[length:], lengths[:-length]) and np.array_equal(
        data[size:], data[: len(data) - size]
    )
    return length if is_cycle else 0


def joined(columns: Sequence[pa.StringArray], separator: str) -> pa.StringArray:
    """The strings of each row with the separator between them; empty ones are left out."""
    present = [column if all_filled(column) else pc.if_else(pc.equal(column, ""), None, column) for column in columns]
    return pc.binary_join_element_wise(*present, separator, null_handling="skip")


def prefixed(prefix: pa.StringArray | str, column: pa.StringArray) -> pa.StringArray:
    """The prefix and the string of each row, empty where the string itself is empty."""
    return pc.if_else(pc.equal(column, ""), "", pc.binary_join_element_wise(prefix, column, ""))


def _bytes(strings: pa.StringArray) -> npt.NDArray[np.uint8]:
    offsets, buffer = _offsets(strings), strings.buffers()[2]
    if buffer is None or not len(strings):
        return np.zeros(0, dtype=np.uint8)
    return np.frombuffer(buffer, np.uint8, int(offsets[-1] - offsets[0]), int(offsets[0]))


def _offsets(strings: pa.StringArray) -> Ints | npt.NDArray[np.int32]:
    if not len(strings):
        return np.zeros(1, dtype=np.int32)
    return np.frombuffer(strings.buffers()[1], np.int32, len(strings) + 1, 4 * strings.offset)
