"""CAISO's OASIS price reports as `SingleZip` hands them out: a zip named like the one CSV in it.

One row per node, interval and LMP_TYPE. Hours are counted by the Pacific clock from 1 to 24; the repeated hour of
autumn is 25, and spring has no hour 3. GROUP numbers the runs of one node and type, and within a run the rows are not
in order of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from integrations.isos.simulator.files import SimulatedFile, zipped
from integrations.isos.simulator.intervals import MARKET_ZONES, Intervals, market_days
from integrations.isos.simulator.market import PriceBlock, SimulatedMarket
from integrations.isos.simulator.texts import decimals, repeated, rows

PACIFIC = MARKET_ZONES["CAISO"]

_DAY_AHEAD_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,OPR_INTERVAL,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,"
    "LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,{},GROUP\n"
)
_REAL_TIME_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,"
    "LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,{},OPR_INTERVAL,GROUP\n"
)
_DATA_ITEMS = {
    "LMP": "LMP_PRC",
    "MCC": "LMP_CONG_PRC",
    "MCE": "LMP_ENE_PRC",
    "MCL": "LMP_LOSS_PRC",
    "MGHG": "LMP_GHG_PRC",
}
WITHOUT_GHG = ("LMP", "MCC", "MCE", "MCL")
WITH_GHG = (*WITHOUT_GHG, "MGHG")


@dataclass(frozen=True)
class LmpReport:
    """How a report of LMPs is called, its version, which run it is of, and what its column of prices is called."""

    query: str
    version: int
    run: str
    minutes: int
    price_column: str
    kinds: tuple[str, ...]


_SAMPLE_DAY_AHEAD = LmpReport("PRC_LMP", 1, "DAM", 60, "MW", WITHOUT_GHG)
_SAMPLE_REAL_TIME = LmpReport("PRC_RTPD_LMP", 2, "RTPD", 15, "PRC", WITH_GHG)


def day_ahead_lmp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """PRC_LMP of the day-ahead market for one trade date: LMP, MCC, MCE and MCL, the price in column MW."""
    block = market.prices("DA", market_days("CAISO", day, day, minutes=60)).only(lambda place: place.role != "outside")
    asked_at = datetime.combine(day - timedelta(days=1), time(14, 6, 40))
    return _sample(_SAMPLE_DAY_AHEAD, block, day, asked_at)


def real_time_lmp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """PRC_RTPD_LMP of one trade date in 15-minute intervals: also MGHG, the price in column PRC."""
    block = market.prices("RT15", market_days("CAISO", day, day, minutes=15))
    asked_at = datetime.combine(day + timedelta(days=1), time(6, 12, 2))
    return _sample(_SAMPLE_REAL_TIME, block, day, asked_at)


def lmp_csv(report: LmpReport, block: PriceBlock, kinds: Sequence[str]) -> bytes:
    """The CSV of a report with the rows of these kinds, node after node."""
    intervals = block.intervals
    is_hourly = intervals.minutes == 60
    order = _order(intervals)
    runs = len(block.places) * len(kinds)
    units = {"LMP": block.lmp, "MCC": block.congestion, "MCE": block.energy, "MCL": block.loss, "MGHG": block.ghg}
    prices = np.stack([units[kind][order].T for kind in kinds], axis=1)
    at = np.tile(np.arange(len(order)), runs)
    of_run = np.repeat(np.arange(runs), len(order))
    stamped = clocks(intervals)
    in_order = [stamped[position] for position in order.tolist()]
    before = [
        f"{clock.begin},{clock.end},{clock.day}," + (f"{clock.hour},0," if is_hourly else f"{clock.hour:02d},")
        for clock in in_order
    ]
    after = ["," if is_hourly else f",{clock.part}," for clock in in_order]
    middle = [
        f"{node},{node},{node},{report.run},{kind},{_DATA_ITEMS[kind]},{node},ALL,1,"
        for node in (place.node for place in block.places)
        for kind in kinds
    ]
    groups = [f"{group}\n" for group in range(1, runs + 1)]
    header = (_DAY_AHEAD_HEADER if is_hourly else _REAL_TIME_HEADER).format(report.price_column)
    return header.encode() + rows(
        repeated(before, at),
        repeated(middle, of_run),
        decimals(prices.ravel(), 5, trimmed=True),
        repeated(after, at),
        repeated(groups, of_run),
    )


@dataclass(frozen=True)
class Clock:
    """How OASIS stamps an interval: both ends in GMT, the trade date, the hour of it and which part of that, from 1."""

    begin: str
    end: str
    day: str
    hour: int
    part: int


def clocks(intervals: Intervals) -> list[Clock]:
    """The stamps of each interval."""
    starts = intervals.starts_in(PACIFIC)
    return [
        Clock(
            f"{begin:%Y-%m-%dT%H:%M:%S}-00:00",
            f"{end:%Y-%m-%dT%H:%M:%S}-00:00",
            f"{start:%Y-%m-%d}",
            25 if start.fold else start.hour + 1,
            start.minute // intervals.minutes + 1,
        )
        for begin, end, start in zip(intervals.starts_in(UTC), intervals.ends_in(UTC), starts, strict=True)
    ]


def _order(intervals: Intervals) -> NDArray[np.int64]:
    """The order of the intervals within a run of rows."""
    if intervals.minutes == 60:
        # Seven has no factor in common with 23, 24 or 25, so its multiples visit every hour once, out of order.
        return np.arange(len(intervals)) * 7 % len(intervals)
    return np.argsort(intervals.start_s % 3600, kind="stable")


def _sample(report: LmpReport, block: PriceBlock, day: date, asked_at: datetime) -> SimulatedFile:
    """The CSV zipped; the name says which days (the last one excluded) and when it was asked for."""
    days = f"{day:%Y%m%d}_{day + timedelta(days=1):%Y%m%d}"
    name = f"{days}_{report.query}_{report.run}_{asked_at:%Y%m%d_%H_%M_%S}_v{report.version}"
    return zipped(f"{name}.zip", [SimulatedFile(f"{name}.csv", lmp_csv(report, block, report.kinds), asked_at)])
