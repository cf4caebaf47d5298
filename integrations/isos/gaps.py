"""What a publication should hold and does not: shown, never filled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from integrations.isos.codes import compact
from integrations.isos.ticks import GAP_SCHEMA, Codes, Ints, Places, labels, seconds

EMPTY_PRICE = "empty price cell"
EMPTY_COMPONENT = "empty component cell"
MISSING_INTERVAL = "missing interval"
_CAUSES = [EMPTY_PRICE, EMPTY_COMPONENT, MISSING_INTERVAL]

_ALWAYS_LISTED = 1_000_000


@dataclass(frozen=True)
class Gaps:
    """Gaps of one cause: place codes with interval start and end in seconds since 1970."""

    cause: str
    place: Codes
    start: Ints
    end: Ints


def gap_table(places: Places, gaps: Sequence[Gaps]) -> pa.Table:
    """A table with GAP_SCHEMA."""
    place = np.concatenate([gap.place for gap in gaps])
    cause = np.concatenate([np.full(len(gap.place), _CAUSES.index(gap.cause)) for gap in gaps])
    start = np.concatenate([gap.start for gap in gaps])
    end = np.concatenate([gap.end for gap in gaps])
    columns = [*places.columns(place), seconds(start), seconds(end), labels(cause, _CAUSES)]
    return pa.Table.from_arrays(columns, schema=GAP_SCHEMA)


def missing_intervals(places: int, place: Codes, start: Ints, expected_start: Ints, expected_end: Ints) -> Gaps:
    """Each place's expected intervals for which no row is there; `expected_start` ascending, holding every `start`."""
    width = len(expected_start)
    position = np.searchsorted(expected_start, start)
    present = np.zeros(places * width, dtype=np.bool_)
    present[place * width + position] = True
    absent = np.flatnonzero(~present)
    where = absent % width if width else absent
    return Gaps(MISSING_INTERVAL, absent // max(width, 1), expected_start[where], expected_end[where])


def missing_in_range(places: int, place: Codes, start: Ints, step_s: int) -> Gaps:
    """As `missing_intervals`, expecting every interval of `step_s` between the first and the last start of the rows.

    One mangled year must not produce a grid of decades: where that grid is far larger than the file, only the
    intervals that some place of the file has are expected.
    """
    first, last = int(start.min()), int(start.max())
    width = (last - first) // step_s + 1
    regular = not ((start - first) % step_s).any()
    if regular and places * width <= max(_ALWAYS_LISTED, 4 * len(start)):
        expected = np.arange(first, last + step_s, step_s)
    else:
        expected = distinct(start)
    return missing_intervals(places, place, start, expected, expected + step_s)


def distinct(values: Ints) -> Ints:
    """The distinct values, ascending."""
    lowest = int(values.min())
    _, found = compact(values - lowest, int(values.max()) - lowest + 1)
    return found + lowest
