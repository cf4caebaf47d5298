"""CAISO's OASIS price reports as `SingleZip` hands them out: a zip named like the one CSV in it.

One row per node, interval and LMP_TYPE. Hours are counted by the Pacific clock from 1 to 24; the repeated hour of
autumn is 25, and spring has no hour 3. GROUP numbers the runs of one node and type, and within a run the rows are not
in order of time.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from integrations.isos.simulator.files import SimulatedFile, trimmed, zipped
from integrations.isos.simulator.intervals import MARKET_ZONES, Intervals, market_days
from integrations.isos.simulator.market import PriceBlock, SimulatedMarket, Units

_DAY_AHEAD_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,OPR_INTERVAL,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,"
    "LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,MW,GROUP"
)
_REAL_TIME_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,"
    "LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,PRC,OPR_INTERVAL,GROUP"
)
_DATA_ITEMS = {
    "LMP": "LMP_PRC",
    "MCC": "LMP_CONG_PRC",
    "MCE": "LMP_ENE_PRC",
    "MCL": "LMP_LOSS_PRC",
    "MGHG": "LMP_GHG_PRC",
}


def day_ahead_lmp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """PRC_LMP of the day-ahead market for one trade date: LMP, MCC, MCE and MCL, the price in column MW."""
    intervals = market_days("CAISO", day, day, minutes=60)
    block = market.prices("DA", intervals).only(lambda place: place.role != "outside")
    clocks = _clocks(intervals)
    # Seven has no factor in common with 23, 24 or 25, so its multiples visit every hour once, out of order.
    order = [step * 7 % len(intervals) for step in range(len(intervals))]
    lines = [_DAY_AHEAD_HEADER]
    for group, (node, kind, prices) in enumerate(_runs(block, with_ghg=False), start=1):
        middle = f"{node},{node},{node},DAM,{kind},{_DATA_ITEMS[kind]},{node},ALL,1"
        for at in order:
            stamps, hour, _ = clocks[at]
            lines.append(f"{stamps},{day},{hour},0,{middle},{trimmed(prices[at], 5)},{group}")
    return _oasis(lines, day, "PRC_LMP_DAM", "v1", datetime.combine(day - timedelta(days=1), time(14, 6, 40)))


def real_time_lmp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """PRC_RTPD_LMP of one trade date in 15-minute intervals: also MGHG, the price in column PRC."""
    intervals = market_days("CAISO", day, day, minutes=15)
    block = market.prices("RT15", intervals)
    clocks = _clocks(intervals)
    order = sorted(range(len(intervals)), key=lambda at: (clocks[at][2], at))
    lines = [_REAL_TIME_HEADER]
    for group, (node, kind, prices) in enumerate(_runs(block, with_ghg=True), start=1):
        middle = f"{node},{node},{node},RTPD,{kind},{_DATA_ITEMS[kind]},{node},ALL,1"
        for at in order:
            stamps, hour, quarter = clocks[at]
            lines.append(f"{stamps},{day},{hour:02d},{middle},{trimmed(prices[at], 5)},{quarter},{group}")
    return _oasis(lines, day, "PRC_RTPD_LMP_RTPD", "v2", datetime.combine(day + timedelta(days=1), time(6, 12, 2)))


def _runs(block: PriceBlock, *, with_ghg: bool) -> Iterator[tuple[str, str, list[int]]]:
    """Node, LMP_TYPE and the prices over all intervals, node after node."""
    kinds: list[tuple[str, Units]] = [
        ("LMP", block.lmp),
        ("MCC", block.congestion),
        ("MCE", block.energy),
        ("MCL", block.loss),
    ]
    if with_ghg:
        kinds.append(("MGHG", block.ghg))
    for column, place in enumerate(block.places):
        for kind, units in kinds:
            yield place.node, kind, units[:, column].tolist()


def _clocks(intervals: Intervals) -> list[tuple[str, int, int]]:
    """Per interval: its two GMT stamps, its hour (OPR_HR) and which part of that hour it is, from 1."""
    starts = intervals.starts_in(MARKET_ZONES["CAISO"])
    return [
        (
            f"{begin:%Y-%m-%dT%H:%M:%S}-00:00,{end:%Y-%m-%dT%H:%M:%S}-00:00",
            25 if start.fold else start.hour + 1,
            start.minute // intervals.minutes + 1,
        )
        for begin, end, start in zip(intervals.starts_in(UTC), intervals.ends_in(UTC), starts, strict=True)
    ]


def _oasis(lines: list[str], day: date, report: str, version: str, asked_at: datetime) -> SimulatedFile:
    """The lines zipped; the name says which days (the last one excluded) and when it was asked for."""
    name = f"{day:%Y%m%d}_{day + timedelta(days=1):%Y%m%d}_{report}_{asked_at:%Y%m%d_%H_%M_%S}_{version}"
    content = ("\n".join(lines) + "\n").encode("ascii")
    return zipped(f"{name}.zip", [SimulatedFile(f"{name}.csv", content, asked_at)])
