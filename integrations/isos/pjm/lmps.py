"""PJM LMPs: one row a pricing node, interval and version, stamped with the beginning of the interval in UTC.

total = system energy + congestion + marginal loss (PJM Manual 11, section 2); the feeds round each, so they may be off
by a cent and some noise. The unverified feeds leave out the energy component, which is then derived. `version_nbr` is a
version of the interval, so one file may hold an interval more than once; `row_is_current` speaks of the moment of the
download and is not kept.

Unverified and verified prices are the same prices before and after PJM's check: an unverified one is a preliminary of
the verified feed, and bears its name.

A place is (pnode_name, type). For buses `pnode_name` is only the substation, so several pricing nodes can share it.
Where a file has more than one of them (by pnode_id; without that column, by one interval and version twice), the node
types of that name are widened by voltage, equipment and pnode_id (`LOAD 230 KV T-10 48592`). A file with one of them
alone says nothing of the others and keeps the plain type.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from integrations.isos.codes import Combined, combine, first_repeat
from integrations.isos.csv_reading import Columns, Text
from integrations.isos.gaps import Intervals, coverage_of_range, empty_cells, gap_table
from integrations.isos.local_time import HOUR_S, ClockError, local_to_utc_second, wall_clock
from integrations.isos.pjm.stamps import EASTERN, FIVE_MINUTES_S, moments, places_of_rows, versions
from integrations.isos.pjm.tables import EASTERN_STAMP, UTC_STAMP
from integrations.isos.ticks import Floats, Ints, ParsedPublication, Places, Prices, tick_table

PARSER = "pjm.lmps"
PARSER_VERSION = 1
TOLERANCE_USD_PER_MWH = 0.02
TEXTS = ("datetime_beginning_utc", "pnode_name", "type")

_FLOAT_NOISE = 1e-9
_DERIVED_DECIMALS = 8
TELLING_APART = ("voltage", "equipment", "pnode_id")


Parse = Callable[[Columns], ParsedPublication]


@dataclass(frozen=True)
class Run:
    """The columns of a market run: `da` or `rt`."""

    suffix: str

    @property
    def total(self) -> str:
        return f"total_lmp_{self.suffix}"

    @property
    def energy(self) -> str:
        return f"system_energy_price_{self.suffix}"

    @property
    def congestion(self) -> str:
        return f"congestion_price_{self.suffix}"

    @property
    def loss(self) -> str:
        return f"marginal_loss_price_{self.suffix}"


DA, RT = Run("da"), Run("rt")


def parse_day_ahead(table: Columns) -> ParsedPublication:
    """`da_hrl_lmps`. Raises UnreadablePublication, as all of these do, also for one node, hour and version twice."""
    return _parse(table, DA, "DA", "da_hrl_lmps", "final", HOUR_S)


def parse_hourly(table: Columns) -> ParsedPublication:
    """`rt_hrl_lmps`, or five-minute prices that came without a name: they have the very same columns."""
    if _is_five_minutes(table):
        return parse_five_minutes(table)
    return _parse(table, RT, "RTH", "rt_hrl_lmps", "verified", HOUR_S)


def parse_five_minutes(table: Columns) -> ParsedPublication:
    """`rt_fivemin_hrl_lmps`."""
    return _parse(table, RT, "RT5", "rt_fivemin_hrl_lmps", "verified", FIVE_MINUTES_S)


def parse_unverified_hourly(table: Columns) -> ParsedPublication:
    """`rt_unverified_hrl_lmps`, or its five-minute sibling that came without a name."""
    if _is_five_minutes(table):
        return parse_unverified_five_minutes(table)
    return _parse(table, RT, "RTH", "rt_hrl_lmps", "preliminary", HOUR_S)


def parse_unverified_five_minutes(table: Columns) -> ParsedPublication:
    """`rt_unverified_fivemin_lmps`."""
    return _parse(table, RT, "RT5", "rt_fivemin_hrl_lmps", "preliminary", FIVE_MINUTES_S)


def _is_five_minutes(table: Columns) -> bool:
    """Whether most stamps are off the hour; a single one among hours is a fault, and refused as such."""
    off_the_hour = _moments(table).starts % HOUR_S != 0
    return 2 * int(off_the_hour.sum()) > len(off_the_hour)


def parse_unverified_totals(table: Columns) -> ParsedPublication:
    """`unverified_five_min_lmps`: hubs, zones, aggregates and the largest buses, without components.

    They are a feed of their own, so that they do not hide the components of the other unverified prices.
    """
    node, node_type = table.text("name"), table.text("type", may_be_empty=True)
    places = combine([(node.codes, len(node)), (node_type.codes, len(node_type))])
    intervals = moments(table, "datetime_beginning_utc", step_s=FIVE_MINUTES_S)
    seen = combine([(places.code, len(places)), (intervals.code, len(intervals.starts))])
    if repeat := first_repeat(seen.code, len(seen)):
        table.fail(repeat[1], "name", f"the node has this interval twice, in {places_of_rows(table, *repeat)}")
    where = Places(node.strings, node_type.strings, places.members[0], places.members[1])
    prices = Prices(table.number("five_min_rtlmp"))
    return _publication(
        table,
        where,
        places.code,
        intervals,
        prices,
        None,
        "RT5",
        "unverified_five_min_lmps",
        "preliminary",
        FIVE_MINUTES_S,
    )


def _moments(table: Columns, step_s: int = 1) -> Intervals:
    """The beginnings of the intervals, by the stamps in UTC, or Eastern ones where they stand alone."""
    if table.has(UTC_STAMP[0]):
        return moments(table, UTC_STAMP[0], step_s=step_s)
    return moments(table, EASTERN_STAMP[0], step_s=step_s, second=_told_eastern_second)


def _told_eastern_second(text: str) -> int:
    """As `eastern_second`, but of the repeated hour nothing tells the pass: raises ClockError."""
    try:
        return local_to_utc_second(wall_clock(text), EASTERN, None)
    except ClockError as error:
        raise ClockError(f"{error}: download it with datetime_beginning_utc") from None


def _parse(table: Columns, run: Run, market: str, feed: str, vintage: str, step_s: int) -> ParsedPublication:
    total = table.number(run.total)
    energy, congestion, loss = (
        table.number(column) if table.has(column) else None for column in (run.energy, run.congestion, run.loss)
    )
    if congestion is not None and loss is not None:
        if energy is None:
            energy = np.round(total - congestion - loss, _DERIVED_DECIMALS)
        else:
            _check_sum(table, run, total, energy + congestion + loss)
    prices = Prices(total, energy, congestion, loss)
    version = versions(table)
    intervals = _moments(table, step_s)
    where, place = _places(table, intervals, version)
    return _publication(table, where, place, intervals, prices, version, market, feed, vintage, step_s)


def _publication(
    table: Columns,
    where: Places,
    place: Ints,
    intervals: Intervals,
    prices: Prices,
    version: Ints | None,
    market: str,
    feed: str,
    vintage: str,
    step_s: int,
) -> ParsedPublication:
    start = intervals.start()
    gaps = empty_cells(prices, place, start, start + step_s)
    if table.is_whole:
        gaps.append(coverage_of_range(len(where), place, intervals, step_s).missing)
    rows = tick_table(where, place, start, start + step_s, prices, version)
    return ParsedPublication("PJM", market, feed, vintage, rows, None, gap_table(where, gaps), PARSER, PARSER_VERSION)


def _check_sum(table: Columns, run: Run, total: Floats, components: Floats) -> None:
    off = np.abs(total - components)
    wrong = off > TOLERANCE_USD_PER_MWH + _FLOAT_NOISE
    if wrong.any():
        row = int(np.argmax(wrong))
        table.fail(row, run.total, f"the price is off from the sum of its components by {off[row]:.5f} $/MWh")


def _places(table: Columns, intervals: Intervals, version: Ints) -> tuple[Places, Ints]:
    """The places and each row's place; see the module's note on names that several pricing nodes share."""
    first = int(version.min())
    moment = [(intervals.code, len(intervals.starts)), (version - first, int(version.max()) - first + 1)]
    node = table.text("pnode_name")
    no_type = Text.of(np.zeros(table.rows, dtype=np.int32), [""])
    node_type = table.text("type", may_be_empty=True) if table.has("type") else no_type
    plain = combine([(node.codes, len(node)), (node_type.codes, len(node_type))])
    shared = _shared(table, plain, moment)
    if not shared.any():
        return Places(node.strings, node_type.strings, plain.members[0], plain.members[1]), plain.code

    marks = [table.text(name, may_be_empty=True) for name in TELLING_APART if table.has(name)]
    only_there = [(np.where(shared[plain.code], text.codes, 0), len(text)) for text in marks]
    places = combine([(plain.code, len(plain)), *only_there])
    seen = combine([(places.code, len(places)), *moment])
    if repeat := first_repeat(seen.code, len(seen)):
        problem = f"one pricing node, interval and version is there twice, in {places_of_rows(table, *repeat)}"
        table.fail(repeat[1], "pnode_name", problem)
    types = [node_type.values[code] for code in plain.members[1][places.members[0]]]
    for place in np.flatnonzero(shared[places.members[0]]):
        words = [text.values[code] for text, code in zip(marks, places.members[1:, place], strict=True)]
        types[place] = " ".join(filter(None, [types[place], *words]))
    distinct = {name: code for code, name in enumerate(dict.fromkeys(types))}
    type_of = np.array([distinct[name] for name in types])
    return Places(node.strings, list(distinct), plain.members[0][places.members[0]], type_of), places.code


def _shared(table: Columns, plain: Combined, moment: list[tuple[Ints, int]]) -> npt.NDArray[np.bool_]:
    """Which names and types stand for several pricing nodes, whether or not these have an hour in common."""
    shared = np.zeros(len(plain), dtype=np.bool_)
    if table.has("pnode_id"):
        pnode = table.text("pnode_id", may_be_empty=True)
        pnodes = combine([(plain.code, len(plain)), (pnode.codes, len(pnode))])
        shared |= np.bincount(pnodes.members[0], minlength=len(plain)) > 1
    seen = combine([(plain.code, len(plain)), *moment])
    if len(seen) < table.rows:
        shared[seen.members[0][np.bincount(seen.code) > 1]] = True
    return shared
