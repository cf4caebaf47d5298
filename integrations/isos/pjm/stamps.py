"""What the tables of Data Miner have in common: their stamps, versions, and rows that stand there twice."""

from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from integrations.isos.codes import combine
from integrations.isos.csv_reading import Columns
from integrations.isos.gaps import Intervals
from integrations.isos.local_time import HOUR_S, ClockError, local_to_utc_second, utc_second, utc_seconds, wall_clock
from integrations.isos.ticks import Codes, Floats, Ints

EASTERN = ZoneInfo("America/New_York")
FIVE_MINUTES_S = 300


def moments(table: Columns, column: str, *, step_s: int = 1, second: Callable[[str], int] = utc_second) -> Intervals:
    """The moments of a stamp column, in seconds since 1970.

    Raises UnreadablePublication where a stamp is none, or no multiple of `step_s`.
    """
    stamps = table.text(column)
    at_once = utc_seconds(stamps.strings) if second is utc_second else None
    if at_once is not None and not (at_once % step_s).any():
        return Intervals.of(at_once, stamps.codes)
    moment_of = np.zeros(len(stamps), dtype=np.int64)
    for code, text in enumerate(stamps.values):
        try:
            moment_of[code] = second(text)
            if moment_of[code] % step_s:
                unit = "an hour" if step_s == HOUR_S else f"{step_s // 60} minutes"
                raise ClockError(f"{text!r} is not the beginning of {unit}")
        except ClockError as error:
            table.fail(int(np.argmax(stamps.codes == code)), column, str(error))
    return Intervals.of(moment_of, stamps.codes)


def ends(table: Columns, column: str, starts: Intervals) -> Ints:
    """The ends that a column states. Raises UnreadablePublication for one that is not after its start."""
    end = moments(table, column).start()
    wrong = end <= starts.start()
    if wrong.any():
        table.fail(int(np.argmax(wrong)), column, "the interval does not end after its start")
    return end


def eastern_second(text: str) -> int:
    """Seconds since 1970 of a stamp in Eastern prevailing time; of the repeated hour, the first pass."""
    return local_to_utc_second(wall_clock(text), EASTERN, second_pass=False)


def versions(table: Columns) -> Ints:
    """`version_nbr`, 0 throughout where the report has none. Raises UnreadablePublication for no whole number."""
    if not table.has("version_nbr"):
        return np.zeros(table.rows, dtype=np.int64)
    version = table.number("version_nbr")
    wrong = ~((version >= 0) & (version < 2**31) & (version == np.floor(version)))
    if wrong.any():
        table.fail(int(np.argmax(wrong)), "version_nbr", "the version is not a whole number from 0")
    return version.astype(np.int64)


def first_of_each(
    table: Columns, key: Sequence[tuple[Codes, int]], values: Mapping[str, Floats]
) -> npt.NDArray[np.bool_]:
    """True for each row whose key no earlier row has: pages and downloads overlap, and repeat rows as they are.

    Raises UnreadablePublication where rows of one key have different values.
    """
    groups = combine(key)
    first = np.ones(table.rows, dtype=np.bool_)
    if len(groups) == table.rows:
        return first
    order = np.argsort(groups.code, kind="stable")
    again = np.flatnonzero(groups.code[order][1:] == groups.code[order][:-1])
    earlier, later = order[again], order[again + 1]
    for column, numbers in values.items():
        differ = ~((numbers[earlier] == numbers[later]) | (np.isnan(numbers[earlier]) & np.isnan(numbers[later])))
        if differ.any():
            one, other = int(earlier[differ][0]), int(later[differ][0])
            table.fail(
                other, column, f"one row is there twice with different values, in {places_of_rows(table, one, other)}"
            )
    first[later] = False
    return first


def places_of_rows(table: Columns, *rows: int) -> str:
    """Words for the places of rows: lines of a file, items of an answer."""
    return f"lines {words}" if (words := table.lines(*rows))[0].isdigit() else words
