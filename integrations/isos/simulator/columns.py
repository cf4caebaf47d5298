"""Rows of CSV from columns, without a Python object a cell."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from integrations.isos.simulator.texts import repeated, rows


def csv_rows(columns: Sequence[pa.Array], line_end: str) -> bytes:
    """The columns with commas in between; nothing in them is quoted."""
    parts: list[pa.Array | str] = []
    for column in columns:
        parts += [column, ","]
    return rows(*parts[:-1], line_end)


def all_repeated(values: Sequence[str], count: int) -> pa.Array:
    """The values, all of them `count` times over."""
    return repeated(values, np.tile(np.arange(len(values)), count))


def each_repeated(values: Sequence[str], count: int) -> pa.Array:
    """Each of the values `count` times in a row."""
    return repeated(values, np.repeat(np.arange(len(values)), count))
