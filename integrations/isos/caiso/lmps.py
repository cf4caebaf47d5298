"""CAISO OASIS locational prices: one unsorted row a node, interval and LMP_TYPE.

LMP = MCE + MCC + MCL (energy, congestion, loss; OASIS Interface Specification, PRC_LMP), since May 2026 with greenhouse
gas (MGHG) on top day-ahead. Where MGHG is given, reports have counted it in with either sign or left it out, so each of
the three is accepted. Both ends of an interval come from the GMT stamps, never from OPR_HR, which counts 23, 24 or 25
Pacific hours.

OASIS does not say what kind of node a row is (GRP_TYPE echoes the query), so the node type is NO_NODE_TYPE.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from integrations.isos.codes import Combined, combine, first_repeat
from integrations.isos.csv_reading import Columns, Text, read
from integrations.isos.gaps import Gaps, Intervals, coverage, coverage_of_range, empty_cells, gap_table
from integrations.isos.heads import CsvFile
from integrations.isos.local_time import HOUR_S, ClockError, local_day_hours, utc_second, utc_seconds
from integrations.isos.ticks import Floats, Ints, ParsedPublication, Places, Prices, tick_table

PARSER = "caiso.oasis_lmp"
PARSER_VERSION = 1
TOLERANCE_USD_PER_MWH = 0.001

PACIFIC = ZoneInfo("America/Los_Angeles")

_FLOAT_NOISE = 1e-9
_NEEDED_TYPES = ("LMP", "MCE", "MCC", "MCL")
_GHG = "MGHG"


@dataclass(frozen=True)
class Run:
    market: str
    feed: str
    step_s: int


RUNS = {
    "DAM": Run("DA", "prc_lmp", HOUR_S),
    "RTPD": Run("RT15", "prc_rtpd_lmp", 900),
    "HASP": Run("RT15", "prc_hasp_lmp", 900),
    "RTM": Run("RT5", "prc_intvl_lmp", 300),
}


def positions(file: CsvFile) -> dict[str, int]:
    """Where the needed columns are. Raises UnreadablePublication naming the one that is missing."""
    node = file.find("node")
    return {
        "start": file.need("INTERVALSTARTTIME_GMT"),
        "end": file.need("INTERVALENDTIME_GMT"),
        "node": file.need("NODE", "NODE_ID") if node is None else node,
        "run": file.need("MARKET_RUN_ID"),
        "type": file.need("LMP_TYPE"),
        "price": file.need("MW", "PRC", "VALUE"),
    }


def parse(files: Sequence[CsvFile]) -> ParsedPublication:
    """Read a report, or the members of a group zip together. Raises UnreadablePublication."""
    return publication(read(files, [positions(file) for file in files], frozenset({"price"})))


def publication(frame: Columns) -> ParsedPublication:
    """The publication of a table with a row a node, interval and type. Raises UnreadablePublication."""
    run = _run(frame)
    step_s = run.step_s
    start_of = _starts(frame, step_s)
    node, start = frame.text("node"), frame.text("start")
    intervals = Intervals.of(start_of, start.codes)
    ticks = combine([(node.codes, len(node)), (intervals.code, len(intervals.starts))])
    row_of = _rows_by_type(frame, ticks)
    price = frame.number("price")
    columns = {name: price[row_of[name]] for name in _NEEDED_TYPES}
    ghg = _ghg(row_of[_GHG], price)
    _check_sum(frame, row_of, columns, ghg)

    prices = Prices(columns["LMP"], columns["MCE"], columns["MCC"], columns["MCL"], ghg)
    where, place = Places.without_type(node.strings), ticks.members[0]
    intervals = Intervals(intervals.starts, ticks.members[1])
    begin = intervals.start()
    gaps = [_missing(len(where), place, intervals, run), *empty_cells(prices, place, begin, begin + step_s)]
    rows = tick_table(where, place, begin, begin + step_s, prices, None)
    return ParsedPublication(
        "CAISO", run.market, run.feed, "final", rows, None, gap_table(where, gaps), PARSER, PARSER_VERSION
    )


def _missing(places: int, place: Ints, rows: Intervals, run: Run) -> Gaps:
    """Day-ahead reports are of trade days: every hour of each Pacific day in the file is expected of each node."""
    if run.step_s != HOUR_S:
        return coverage_of_range(places, place, rows, run.step_s).missing
    days = {datetime.fromtimestamp(start, UTC).astimezone(PACIFIC).date() for start in rows.starts.tolist()}
    hours = np.array([hour for day in days for hour in local_day_hours(day, PACIFIC)], dtype=np.int64)
    expected = np.union1d(hours, rows.starts)
    return coverage(places, place, rows, expected, expected + HOUR_S).missing


def _run(frame: Columns) -> Run:
    runs = frame.text("run")
    code = int(runs.codes[0])
    name = runs.values[code].upper()
    if name not in RUNS:
        frame.fail(0, "run", f"{name!r} is none of the runs {', '.join(RUNS)}")
    if len(runs) > 1:
        frame.fail(int(np.argmax(runs.codes != code)), "run", "the file mixes market runs")
    return RUNS[name]


def _starts(frame: Columns, step_s: int) -> Ints:
    """The start of each distinct start stamp in seconds since 1970; every interval must last `step_s`."""
    start, end = frame.text("start"), frame.text("end")
    start_of, end_of = moments(frame, start, "start"), moments(frame, end, "end")
    pairs = combine([(start.codes, len(start)), (end.codes, len(end))])
    lengths = end_of[pairs.members[1]] - start_of[pairs.members[0]]
    if (lengths != step_s).any():
        row = int(np.argmax((lengths != step_s)[pairs.code]))
        frame.fail(row, "end", f"the interval lasts {lengths[pairs.code[row]]} s instead of {step_s} s")
    return start_of


def moments(frame: Columns, stamps: Text, column: str) -> Ints:
    """Seconds since 1970 UTC of each distinct GMT stamp of a column."""
    if (at_once := utc_seconds(stamps.strings)) is not None:
        return at_once
    found = np.zeros(len(stamps), dtype=np.int64)
    for code, text in enumerate(stamps.values):
        try:
            found[code] = utc_second(text)
        except ClockError as error:
            frame.fail(int(np.argmax(stamps.codes == code)), column, str(error))
    return found


def _rows_by_type(frame: Columns, ticks: Combined) -> dict[str, Ints]:
    """For each LMP_TYPE the row of every tick, -1 where there is none. Components not known here are left out."""
    kinds = frame.text("type")
    wanted = (*_NEEDED_TYPES, _GHG)
    names = [name.upper() for name in kinds.values]
    kind_of = np.array([wanted.index(name) if name in wanted else -1 for name in names], dtype=np.int8)
    kind_of_row = kind_of[kinds.codes]
    found: dict[str, Ints] = {}
    for kind, name in enumerate(wanted):
        rows = np.flatnonzero(kind_of_row == kind)
        tick = ticks.code[rows]
        if repeat := first_repeat(tick, len(ticks)):
            frame.fail(int(rows[repeat[1]]), "type", f"the {name} row of this node and interval is there twice")
        row_of_tick = np.full(len(ticks), -1)
        row_of_tick[tick] = rows
        if name in _NEEDED_TYPES and len(rows) < len(ticks):
            alone = ticks.first_row(int(np.argmax(row_of_tick < 0)))
            problem = f"this node and interval has no {name} row: cut short, or one member of a group (zip them)"
            frame.fail(alone, "type", problem)
        found[name] = row_of_tick
    _check_ghg_whole(frame, ticks, found[_GHG])
    return found


def _check_ghg_whole(frame: Columns, ticks: Combined, row_of_tick: Ints) -> None:
    """A node has greenhouse gas rows for all its intervals or for none: some only is a file cut short."""
    there = row_of_tick >= 0
    if there.all() or not there.any():
        return
    with_ghg = np.zeros(int(ticks.members[0].max()) + 1, dtype=np.bool_)
    with_ghg[ticks.members[0][there]] = True
    cut = ~there & with_ghg[ticks.members[0]]
    if cut.any():
        alone = ticks.first_row(int(np.argmax(cut)))
        frame.fail(alone, "type", f"this node and interval has no {_GHG} row, others of the node do: cut short")


def _ghg(rows: Ints, price: Floats) -> Floats | None:
    if (rows < 0).all():
        return None
    values: Floats = np.where(rows >= 0, price[rows], np.nan)
    return values


def _check_sum(frame: Columns, row_of: dict[str, Ints], columns: dict[str, Floats], ghg: Floats | None) -> None:
    rest = columns["LMP"] - (columns["MCE"] + columns["MCC"] + columns["MCL"])
    off = np.abs(rest)
    if ghg is not None:
        off = np.fmin(off, np.fmin(np.abs(rest - ghg), np.abs(rest + ghg)))
    wrong: npt.NDArray[np.bool_] = off > TOLERANCE_USD_PER_MWH + _FLOAT_NOISE
    if wrong.any():
        rows = row_of["LMP"][wrong]
        tick = int(np.flatnonzero(wrong)[np.argmin(rows)])
        problem = f"the LMP is off from the sum of its components by {off[tick]:.5f} $/MWh"
        if ghg is None:
            problem += f", and no {_GHG} row is there that could be missing in it: ask OASIS for version 12"
        frame.fail(int(row_of["LMP"][tick]), "price", problem)
