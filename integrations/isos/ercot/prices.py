"""ERCOT's prices of energy: settlement point prices (SPP) and LMPs, from CSV files and from workbooks of history.

Settlement prices carry no components (ERCOT Nodal Protocols 4.6.1 and 6.6.1), neither do LMPs. Settlement points may
have the same name under two types (LZ and LZEW), so where a report states types the key is (name, type). A report of
electrical buses says so by what it is of, so its places have the type `bus`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from integrations.isos.codes import combine
from integrations.isos.csv_reading import Frame
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.times import QUARTER_S, Times, read_timed, refuse_repeats, times_of
from integrations.isos.gaps import Coverage, coverage, coverage_of_range, empty_cells, gap_table
from integrations.isos.heads import CsvFile
from integrations.isos.local_time import HOUR_S, local_day_hours
from integrations.isos.ticks import NO_NODE_TYPE, Codes, ParsedPublication, Places, Prices, tick_table

BUS = "bus"
"""The node type of an electrical bus."""

_PARSER_VERSION = 1


def _every_hour_of_the_days(places: int, place: Codes, times: Times) -> Coverage:
    hours = np.array(sorted({hour for day in times.days for hour in local_day_hours(day, CENTRAL)}))
    return coverage(places, place, times.intervals, hours, hours + HOUR_S)


def _every_quarter_between(places: int, place: Codes, times: Times) -> Coverage:
    return coverage_of_range(places, place, times.intervals, QUARTER_S)


def _every_run_of_the_file(places: int, place: Codes, times: Times) -> Coverage:
    return coverage(places, place, times.intervals, times.intervals.starts, times.ends)


@dataclass(frozen=True)
class Report:
    """One report: its columns, and the intervals that each of its places is expected to have.

    `point_type` is the column of the place's type; without one every place is of `node_type`. `capped_price` is what
    the price is called where an uncapped one, which settles nothing and is left out, stands beside it; `answered_point`
    what answers of the public API call the place, where they call it otherwise.
    """

    feed: str
    market: str
    point: str
    price: str
    expected: Callable[[int, Codes, Times], Coverage]
    point_type: str = ""
    node_type: str = NO_NODE_TYPE
    capped_price: str = ""
    answered_point: str = ""

    def point_position(self, file: CsvFile) -> int:
        """Where the place stands. Raises UnreadablePublication."""
        return file.need(self.point, *filter(None, [self.answered_point]))

    def price_position(self, file: CsvFile) -> int:
        """Where the price stands. Raises UnreadablePublication."""
        return file.need(self.price, *filter(None, [self.capped_price]))


DAY_AHEAD = Report("dam_spp", "DA", "SettlementPoint", "SettlementPointPrice", _every_hour_of_the_days)
REAL_TIME = Report(
    "rtm_spp", "RT15", "SettlementPointName", "SettlementPointPrice", _every_quarter_between, "SettlementPointType",
    answered_point="SettlementPoint",
)  # fmt: skip
SCED = Report("sced_lmp", "RT5", "SettlementPoint", "LMP", _every_run_of_the_file)
DAY_AHEAD_BUSES = Report("dam_bus_lmp", "DA", "BusName", "LMP", _every_hour_of_the_days, node_type=BUS)
SCED_BUSES = Report(
    "sced_bus_lmp", "RT5", "ElectricalBus", "LMP", _every_run_of_the_file, node_type=BUS, capped_price="CappedLMP"
)


def parse(file: CsvFile, report: Report, published_at: datetime | None) -> ParsedPublication:
    """Read a file whole. Raises UnreadablePublication, also for a place that has an interval twice."""
    frame = read_timed(file, positions_of(file, report), frozenset({"price"}))
    return publication(frame, report, published_at)


def positions_of(file: CsvFile, report: Report) -> dict[str, int]:
    """Where the columns of a report stand. Raises UnreadablePublication."""
    columns = {"point": report.point_position(file), "price": report.price_position(file)}
    return columns | ({"type": file.need(report.point_type)} if report.point_type else {})


def publication(frame: Frame, report: Report, published_at: datetime | None) -> ParsedPublication:
    """The publication that a report's rows make."""
    times, name = times_of(frame), frame.text("point")
    if report.point_type:
        kind = frame.text("type")
        points = combine([(name.codes, len(name)), (kind.codes, len(kind))])
        where, place = Places(name.strings, kind.strings, points.members[0], points.members[1]), points.code
    else:
        zeros = np.zeros(len(name), dtype=np.int32)
        where = Places(name.strings, [report.node_type], np.arange(len(name), dtype=np.int32), zeros)
        place = name.codes.astype(np.int64)
    found = report.expected(len(where), place, times)
    if found.covered < frame.rows:
        told_by = [name, *([frame.text("type")] if report.point_type else [])]
        refuse_repeats(frame, times, told_by, "point", "the place")
    prices, start, end = Prices(frame.number("price")), times.start(), times.end()
    gaps = [found.missing, *empty_cells(prices, place, start, end)]
    rows = tick_table(where, place, start, end, prices, None)
    return ParsedPublication(
        "ERCOT", report.market, report.feed, "final", rows, published_at, gap_table(where, gaps),
        f"ercot.{report.feed}", _PARSER_VERSION,
    )  # fmt: skip
