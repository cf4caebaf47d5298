"""PJM hourly LMPs: one row a pricing node, hour and version, stamped with the beginning of the hour in UTC.

total = system energy + congestion + marginal loss (PJM Manual 11, section 2); the feeds round each, so they may be off
by a cent and some noise. `version_nbr` is a version of the hour, so one file may hold an hour more than once;
`row_is_current` speaks of the moment of the download and is not kept.

A place is (pnode_name, type). For buses `pnode_name` is only the substation, so several pricing nodes can share it.
Where a file has more than one of them (by pnode_id; without that column, by one hour and version twice), the node types
of that name are widened by voltage, equipment and pnode_id (`LOAD 230 KV T-10 48592`). A file with one of them alone
says nothing of the others and keeps the plain type.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from integrations.isos.codes import Combined, combine, first_repeat
from integrations.isos.csv_reading import Frame, read
from integrations.isos.gaps import Intervals, coverage_of_range, empty_cells, gap_table
from integrations.isos.heads import CsvFile, column_key
from integrations.isos.local_time import HOUR_S, ClockError, utc_second
from integrations.isos.ticks import Floats, Ints, ParsedPublication, Places, Prices, tick_table

PARSER = "pjm.hrl_lmps"
PARSER_VERSION = 1
TOLERANCE_USD_PER_MWH = 0.02
NEEDED_COLUMNS = ("datetime_beginning_utc", "pnode_name", "type", "version_nbr")

_FLOAT_NOISE = 1e-9
_TELLING_APART = ("voltage", "equipment", "pnode_id")


@dataclass(frozen=True)
class Feed:
    name: str
    market: str
    vintage: str
    total: str
    energy: str
    congestion: str
    loss: str

    @property
    def price_columns(self) -> tuple[str, str, str, str]:
        return (self.total, self.energy, self.congestion, self.loss)


def _feed(name: str, market: str, vintage: str, run: str) -> Feed:
    return Feed(
        name,
        market,
        vintage,
        total=f"total_lmp_{run}",
        energy=f"system_energy_price_{run}",
        congestion=f"congestion_price_{run}",
        loss=f"marginal_loss_price_{run}",
    )


FEEDS = {
    "da": _feed("da_hrl_lmps", "DA", "final", "da"),
    "rt": _feed("rt_hrl_lmps", "RTH", "verified", "rt"),
}


def positions(file: CsvFile, feed: Feed) -> dict[str, int]:
    """Where the needed columns are. Raises UnreadablePublication naming the one that is missing."""
    return {column: file.need(column) for column in (*NEEDED_COLUMNS, *feed.price_columns)}


def parse(file: CsvFile, feed: Feed) -> ParsedPublication:
    """Read a file whole. Raises UnreadablePublication, also for two rows of one pricing node, hour and version."""
    marks = {name: at for name in _TELLING_APART if (at := file.find(column_key(name))) is not None}
    frame = read([file], [positions(file, feed) | marks], frozenset({*feed.price_columns, "version_nbr"}))
    total, energy, congestion, loss = (frame.number(column) for column in feed.price_columns)
    prices = Prices(total, energy, congestion, loss)
    _check_sum(frame, feed, total, energy + congestion + loss)
    version = _versions(frame)
    intervals = _intervals(frame)
    where, place = _places(frame, intervals, version)
    start = intervals.start()
    missing = coverage_of_range(len(where), place, intervals, HOUR_S).missing
    gaps = [missing, *empty_cells(prices, place, start, start + HOUR_S)]
    rows = tick_table(where, place, start, start + HOUR_S, prices, version)
    return ParsedPublication(
        "PJM", feed.market, feed.name, feed.vintage, rows, None, gap_table(where, gaps), PARSER, PARSER_VERSION
    )


def _check_sum(frame: Frame, feed: Feed, total: Floats, components: Floats) -> None:
    off = np.abs(total - components)
    wrong = off > TOLERANCE_USD_PER_MWH + _FLOAT_NOISE
    if wrong.any():
        row = int(np.argmax(wrong))
        frame.fail(row, feed.total, f"the price is off from the sum of its components by {off[row]:.5f} $/MWh")


def _versions(frame: Frame) -> Ints:
    version = frame.number("version_nbr")
    wrong = ~((version >= 0) & (version < 2**31) & (version == np.floor(version)))
    if wrong.any():
        frame.fail(int(np.argmax(wrong)), "version_nbr", "the version is not a whole number from 0")
    return version.astype(np.int64)


def _intervals(frame: Frame) -> Intervals:
    stamps = frame.text("datetime_beginning_utc")
    start_of = np.zeros(len(stamps), dtype=np.int64)
    for code, text in enumerate(stamps.values):
        try:
            start_of[code] = utc_second(text)
            if start_of[code] % HOUR_S:
                raise ClockError(f"{text!r} is not the beginning of an hour")
        except ClockError as error:
            frame.fail(int(np.argmax(stamps.codes == code)), "datetime_beginning_utc", str(error))
    return Intervals.of(start_of, stamps.codes)


def _places(frame: Frame, intervals: Intervals, version: Ints) -> tuple[Places, Ints]:
    """The places and each row's place; see the module's note on names that several pricing nodes share."""
    moment = [(intervals.code, len(intervals.starts)), (version, int(version.max()) + 1)]
    node, node_type = frame.text("pnode_name"), frame.text("type", may_be_empty=True)
    plain = combine([(node.codes, len(node)), (node_type.codes, len(node_type))])
    shared = _shared(frame, plain, moment)
    if not shared.any():
        return Places(node.values, node_type.values, plain.members[0], plain.members[1]), plain.code

    marks = [frame.text(name, may_be_empty=True) for name in _TELLING_APART if frame.has(name)]
    only_there = [(np.where(shared[plain.code], text.codes, 0), len(text)) for text in marks]
    places = combine([(plain.code, len(plain)), *only_there])
    seen = combine([(places.code, len(places)), *moment])
    if repeat := first_repeat(seen.code, len(seen)):
        problem = f"one pricing node, hour and version is there twice, in lines {frame.lines(*repeat)}"
        frame.fail(repeat[1], "pnode_name", problem)
    types = [node_type.values[code] for code in plain.members[1][places.members[0]]]
    for place in np.flatnonzero(shared[places.members[0]]):
        words = [text.values[code] for text, code in zip(marks, places.members[1:, place], strict=True)]
        types[place] = " ".join(filter(None, [types[place], *words]))
    distinct = {name: code for code, name in enumerate(dict.fromkeys(types))}
    type_of = np.array([distinct[name] for name in types])
    return Places(node.values, list(distinct), plain.members[0][places.members[0]], type_of), places.code


def _shared(frame: Frame, plain: Combined, moment: list[tuple[Ints, int]]) -> npt.NDArray[np.bool_]:
    """Which names and types stand for several pricing nodes, whether or not these have an hour in common."""
    shared = np.zeros(len(plain), dtype=np.bool_)
    if frame.has("pnode_id"):
        pnode = frame.text("pnode_id", may_be_empty=True)
        pnodes = combine([(plain.code, len(plain)), (pnode.codes, len(pnode))])
        shared |= np.bincount(pnodes.members[0], minlength=len(plain)) > 1
    seen = combine([(plain.code, len(plain)), *moment])
    if len(seen) < frame.rows:
        shared[seen.members[0][np.bincount(seen.code) > 1]] = True
    return shared
