"""Integer codes instead of strings: a file's few distinct values are worked out once, the rows only carry numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from integrations.isos.ticks import Codes, Ints


@dataclass(frozen=True)
class Combined:
    """Rows grouped by several code columns: row `i` is in group `code[i]`.

    `steps` tell how: of each column the number of codes and, for each group made with it, the group of the columns
    before times that number plus the code.
    """

    code: Ints
    steps: Sequence[tuple[Ints, int]]

    def __len__(self) -> int:
        return len(self.steps[-1][0])

    @cached_property
    def members(self) -> Ints:
        """Of each column the code that each group has. Worked out when it is asked for: groups can be many."""
        group, found = np.arange(len(self)), []
        for keys, size in reversed(self.steps):
            key = keys[group]
            group = key // size
            found.append(key - group * size)
        return np.array(found[::-1])

    def first_row(self, group: int) -> int:
        return int(np.argmax(self.code == group))


def combine(columns: Sequence[tuple[Codes, int]]) -> Combined:
    """Group rows by (codes, number of codes) columns; groups are numbered in the order of their codes."""
    code, count = np.zeros(len(columns[0][0]), dtype=np.int64), 1
    steps: list[tuple[Ints, int]] = []
    for other, size in columns:
        if size == count and np.array_equal(code, other):  # it tells the same rows apart
            keys = np.arange(count) * (size + 1)
        elif size > 1:
            code, keys = compact(code * size + other if count > 1 else other, count * size)
            count = len(keys)
        else:
            keys = np.arange(count)
        steps.append((keys, size))
    return Combined(code, steps)


def compact(key: Codes, size: int) -> tuple[Ints, Ints]:
    """Renumber keys in [0, size) without holes: the new code of each row, and the key behind each new code."""
    if size > 4 * len(key) + 65536:
        values, code = np.unique(key, return_inverse=True)
        return code, values.astype(np.int64)
    present = np.zeros(size, dtype=np.bool_)
    present[key] = True
    values = np.flatnonzero(present)
    if len(values) == size:
        return key.astype(np.int64, copy=False), values
    renumbered = np.cumsum(present) - 1
    return renumbered[key], values


def first_repeat(key: Codes, size: int) -> tuple[int, int] | None:
    """Two rows with the same key in [0, size), the earliest such pair; null where all keys differ."""
    _, values = compact(key, size)
    if len(values) == len(key):
        return None
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(key[order][1:] == key[order][:-1])
    second = int(order[again + 1].min())
    return int(np.flatnonzero(key == key[second])[0]), second
