"""What a publication should hold and does not: shown, never filled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from integrations.isos.ticks import GAP_SCHEMA, Codes, Ints, Places, Prices, labels, seconds

EMPTY_PRICE = "empty price cell"
EMPTY_COMPONENT = "empty component cell"
MISSING_INTERVAL = "missing interval"
_CAUSES = [EMPTY_PRICE, EMPTY_COMPONENT, MISSING_INTERVAL]

_ALWAYS_LISTED = 1_000_000
_MAX_SPARSITY = 10


class TooSparse(ValueError):
    """A file of few rows whose places and intervals span a grid that could take gigabytes. The text says so."""


@dataclass(frozen=True)
class Intervals:
    """The distinct intervals of the rows: their starts in seconds since 1970, ascending, and each row's position."""

    starts: Ints
    code: Ints

    @classmethod
    def of(cls, start_of_value: Ints, value_of_row: Codes) -> "Intervals":
        """From the start that each distinct value means; two spellings of one moment become one interval."""
        starts, position = np.unique(start_of_value, return_inverse=True)
        return cls(starts, position[value_of_row])

    def start(self) -> Ints:
        """The start of each row."""
        return self.starts[self.code]


@dataclass(frozen=True)
class Gaps:
    """Gaps of one cause: place codes with interval start and end in seconds since 1970."""

    cause: str
    place: Codes
    start: Ints
    end: Ints


@dataclass(frozen=True)
class Coverage:
    """The expected intervals that no row is there for, and how many are covered: fewer than rows where some repeat."""

    missing: Gaps
    covered: int


def gap_table(places: Places, gaps: Sequence[Gaps]) -> pa.Table:
    """A table with GAP_SCHEMA."""
    gaps = [gap for gap in gaps if len(gap.place)]
    if not gaps:
        return GAP_SCHEMA.empty_table()
    place = np.concatenate([gap.place for gap in gaps])
    cause = np.concatenate([np.full(len(gap.place), _CAUSES.index(gap.cause)) for gap in gaps])
    start = np.concatenate([gap.start for gap in gaps])
    end = np.concatenate([gap.end for gap in gaps])
    columns = [*places.columns(place), seconds(start), seconds(end), labels(cause, _CAUSES)]
    return pa.Table.from_arrays(columns, schema=GAP_SCHEMA)


def empty_cells(prices: Prices, place: Codes, start: Ints, end: Ints) -> list[Gaps]:
    """Rows without a price, and rows with one but without one of its components."""
    found = []
    for cause, rows in ((EMPTY_PRICE, np.isnan(prices.lmp)), (EMPTY_COMPONENT, prices.component_missing())):
        if rows.any():
            found.append(Gaps(cause, place[rows], start[rows], end[rows]))
    return found


def refuse_sparse(expected: int, rows: int) -> None:
    """Raise TooSparse where far more ticks are expected than there are rows."""
    if expected > _ALWAYS_LISTED + _MAX_SPARSITY * rows:
        problem = "the rows are too sparse to be one publication"
        raise TooSparse(f"{problem}: {rows} of the {expected} that its places and intervals make: split it up")


def coverage(places: int, place: Codes, rows: Intervals, expected_start: Ints, expected_end: Ints) -> Coverage:
    """Compare the rows with each place's expected intervals; `expected_start` ascends and holds every start.

    Raises TooSparse.
    """
    width = len(expected_start)
    refuse_sparse(places * width, len(place))
    present = np.zeros(places * width, dtype=np.bool_)
    present[place * np.int64(width) + np.searchsorted(expected_start, rows.starts)[rows.code]] = True
    absent = np.flatnonzero(~present)
    where = absent % width
    missing = Gaps(MISSING_INTERVAL, absent // width, expected_start[where], expected_end[where])
    return Coverage(missing, len(present) - len(absent))


def coverage_of_range(places: int, place: Codes, rows: Intervals, step_s: int) -> Coverage:
    """As `coverage`, expecting every interval of `step_s` between the first and the last start of the rows.

    One mangled year must not produce a grid of decades: where that grid is far larger than the file, only the
    intervals that some place of the file has are expected. Raises TooSparse.
    """
    first, last = int(rows.starts[0]), int(rows.starts[-1])
    width = (last - first) // step_s + 1
    regular = not ((rows.starts - first) % step_s).any()
    if regular and places * width <= max(_ALWAYS_LISTED, 4 * len(place)):
        expected = np.arange(first, last + step_s, step_s)
    else:
        expected = rows.starts
    return coverage(places, place, rows, expected, expected + step_s)
