"""MISO's daily market reports: hourly, wide, in Eastern Standard Time all year.

Layouts as published: a title, the market day, a blank line and a note on the time zone, then one row per node and value
(LMP; MCC, congestion; MLC, losses). The day-ahead report drops needless zeros on both sides of the point, the real-time
one keeps two decimals.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from integrations.isos.simulator.files import SimulatedFile, fixed, trimmed
from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.market import PriceBlock, SimulatedMarket

_HEADER = ["Node", "Type", "Value", *(f"HE {hour}" for hour in range(1, 25))]
_NOTE = ",,,All Hours-Ending are Eastern Standard Time (EST)"


def day_ahead_lmp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """`YYYYMMDD_da_expost_lmp.csv` of the market day: 24 hours, out the afternoon before."""
    block = market.prices("DA", market_days("MISO", day, day, minutes=60))
    preamble = ["Day Ahead Market ExPost LMPs", f"{day:%m/%d/%Y}", "", _NOTE]
    text = "\n".join([*preamble, *_rows(block, _without_zeros)]) + "\n"
    published_at = datetime.combine(day - timedelta(days=1), time(13, 5))
    return SimulatedFile(f"{day:%Y%m%d}_da_expost_lmp.csv", text.encode("ascii"), published_at)


def real_time_lmp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """`YYYYMMDD_rt_lmp_final.csv` of the market day: 24 hours, out five days later."""
    block = market.prices("RTH", market_days("MISO", day, day, minutes=60))
    preamble = ["Realtime Market LMPs", f"{day.month}/{day.day}/{day.year}", "", _NOTE]
    text = "\r\n".join([*preamble, *_rows(block, lambda cents: fixed(cents, 2))]) + "\r\n"
    published_at = datetime.combine(day + timedelta(days=5), time(9, 30))
    return SimulatedFile(f"{day:%Y%m%d}_rt_lmp_final.csv", text.encode("ascii"), published_at)


def _rows(block: PriceBlock, price_text: Callable[[int], str]) -> list[str]:
    rows = [",".join(_HEADER)]
    for value, cents in (("LMP", block.lmp), ("MCC", block.congestion), ("MLC", block.loss)):
        for column, place in enumerate(block.places):
            prices = [price_text(price) for price in cents[:, column].tolist()]
            rows.append(",".join([place.node, place.node_type, value, *prices]))
    return rows


def _without_zeros(cents: int) -> str:
    text = trimmed(cents, 2)
    return text.replace("0.", ".", 1) if abs(cents) < 100 else text
