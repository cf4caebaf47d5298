"""MISO's market reports, in Eastern Standard Time all year: hourly and wide, or long for five minutes.

Hourly layouts as published: a title, the market day, a blank line and a note on the time zone, then one row per node
and value (LMP; MCC, congestion; MLC, losses). The day-ahead reports drop needless zeros on both sides of the point, the
real-time ones keep two decimals.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from integrations.isos.simulator.columns import all_repeated, csv_rows, each_repeated
from integrations.isos.simulator.files import SimulatedFile, zipped
from integrations.isos.simulator.intervals import MARKET_ZONES, market_days
from integrations.isos.simulator.market import PriceBlock, SimulatedMarket, Units
from integrations.isos.simulator.texts import decimals

_HEADER = ",".join(["Node", "Type", "Value", *(f"HE {hour}" for hour in range(1, 25))])
_NOTE = ",,,All Hours-Ending are Eastern Standard Time (EST)"
WEEKLY_LAG: Final = timedelta(days=14)


@dataclass(frozen=True)
class HourlyReport:
    """A report's title, and when it comes out: days after its market day, at an hour of EST."""

    title: str
    days_after: int
    at: time

    def published_at(self, day: date) -> datetime:
        """On MISO's clock."""
        return datetime.combine(day + timedelta(days=self.days_after), self.at)


HOURLY_REPORTS: Final = {
    "da_expost_lmp": HourlyReport("Day Ahead Market ExPost LMPs", -1, time(13, 5)),
    "da_exante_lmp": HourlyReport("Day Ahead Market ExAnte LMPs", -1, time(13, 0)),
    "rt_lmp_prelim": HourlyReport("Preliminary Realtime Market LMPs", 1, time(7, 15)),
    "rt_lmp_final": HourlyReport("Realtime Market LMPs", 5, time(9, 30)),
}


def day_ahead_lmp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """`YYYYMMDD_da_expost_lmp.csv` of the market day: 24 hours, out the afternoon before."""
    return hourly_lmp("da_expost_lmp", market.prices("DA", market_days("MISO", day, day, minutes=60)), day)


def real_time_lmp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """`YYYYMMDD_rt_lmp_final.csv` of the market day: 24 hours, out five days later."""
    return hourly_lmp("rt_lmp_final", market.prices("RTH", market_days("MISO", day, day, minutes=60)), day)


def hourly_lmp(report: str, block: PriceBlock, day: date) -> SimulatedFile:
    """One of the REPORTS, from the 24 hours of its market day."""
    known = HOURLY_REPORTS[report]
    if report.startswith("da_"):
        lines, rows = [known.title, f"{day:%m/%d/%Y}", "", _NOTE, _HEADER, ""], _rows(block, _without_zeros, "\n")
        content = "\n".join(lines).encode() + rows
    else:
        lines = [known.title, f"{day.month}/{day.day}/{day.year}", "", _NOTE, _HEADER, ""]
        content = "\r\n".join(lines).encode() + _rows(block, lambda cents: decimals(cents, 2), "\r\n")
    return SimulatedFile(f"{day:%Y%m%d}_{report}.csv", content, known.published_at(day))


def weekly_lmp(days: Iterable[PriceBlock], monday: date) -> SimulatedFile:
    """`YYYYMMDD_5MIN_LMP.zip` of a week of EST days, named by the Monday two weeks later, when it comes out."""
    parts = [b"MKTHOUR_EST,PNODENAME,LMP,CON_LMP,LOSS_LMP\r\n"]
    for block in days:
        stamps = [f"{start:%Y-%m-%d %H:%M:%S}" for start in block.intervals.starts_in(MARKET_ZONES["MISO"])]
        nodes = [place.node for place in block.places]
        prices = (decimals(units.reshape(-1), 2) for units in (block.lmp, block.congestion, block.loss))
        parts.append(csv_rows([each_repeated(stamps, len(nodes)), all_repeated(nodes, len(stamps)), *prices], "\r\n"))
    named = monday + WEEKLY_LAG
    name, published_at = f"{named:%Y%m%d}_5MIN_LMP", datetime.combine(named, time(9))
    return zipped(f"{name}.zip", [SimulatedFile(f"{name}.csv", b"".join(parts), published_at)])


def _rows(block: PriceBlock, text: Callable[[Units], pa.Array], line_end: str) -> bytes:
    hours = np.concatenate([block.lmp, block.congestion, block.loss], axis=1)
    labels = [
        all_repeated([place.node for place in block.places], 3),
        all_repeated([place.node_type for place in block.places], 3),
        each_repeated(["LMP", "MCC", "MLC"], len(block.places)),
    ]
    return csv_rows([*labels, *(text(hour) for hour in hours)], line_end)


def _without_zeros(cents: Units) -> pa.Array:
    return pc.replace_substring_regex(decimals(cents, 2, trimmed=True), r"^(-?)0\.", r"\1.")
