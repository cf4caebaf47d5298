"""What ERCOT's documents of prices hold, as CSV: energy by place and by bus, reserves, adders and the system lambda.

Electrical buses stand one behind each resource node. Until 2025-12-05 the operating reserve demand curve adds to the
price of settlement points; since then scarcity is in the prices of reserves, which have real-time prices of their own.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import Final

import numpy as np

from integrations.isos.ercot.ordc import CO_OPTIMIZED_FROM
from integrations.isos.simulator import ercot
from integrations.isos.simulator.ercot import CENTRAL, flag_of
from integrations.isos.simulator.files import fixed, text_of, two_decimals
from integrations.isos.simulator.fundamentals import reserve_prices
from integrations.isos.simulator.grid_market import GridMarket, Run
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.market import PriceBlock
from integrations.isos.simulator.places import Place
from integrations.isos.simulator.shapes import Floats
from integrations.isos.simulator.system import SystemState, View

BUS_TYPES: Final = frozenset({"RN", "PCCRN", "LCCRN", "PUN"})
_MINUTES: Final[Mapping[Run, int]] = {"DA": 60, "RT15": 15, "RT5": 5}

# Of what is spare, this is on line, and as much can be within half an hour; the rest is cold.
_ON_LINE = 0.25
# The demand curve of reserves: what they are worth falls by two thirds for each of these.
_LOST_LOAD_USD_PER_MWH, _CURVE_MW = 5000.0, 600.0


def day_of(second: int) -> date:
    """The operating day that a moment lies in."""
    return datetime.fromtimestamp(second, CENTRAL).date()


@lru_cache(maxsize=8)
def prices_of(market: GridMarket, run: Run, day: date) -> PriceBlock:
    """A whole operating day, for documents of single intervals; runs of SCED by their stamps."""
    if run == "RT5":
        return market.prices("RT5", ercot.sced_runs(market.seed, day))
    block = market.prices(run, market_days("ERCOT", day, day, minutes=_MINUTES[run]))
    return with_adder(market, block) if run == "RT15" else block


def with_adder(market: GridMarket, block: PriceBlock) -> PriceBlock:
    """Prices of quarters of an hour with the adder of the demand curve for reserves, the mean of its runs."""
    quarters = block.intervals
    before = quarters[: int(np.searchsorted(quarters.start_s, CO_OPTIMIZED_FROM.timestamp()))]
    if not len(before):
        return block
    marks = np.arange(before.start_s[0], before.end_s[-1], 300, dtype=np.int64)
    runs = adders(market.states("actual", Intervals(5, marks, marks + 300)))["RTORPA"]
    cents = np.zeros(len(quarters), dtype=np.int64)
    cents[: len(before)] = np.rint(runs.reshape(-1, 3).mean(axis=1) * block.units_per_usd)
    return replace(block, energy=block.energy + cents[:, np.newaxis])


@lru_cache(maxsize=16)
def states_of(market: GridMarket, view: View, day: date, minutes: int) -> SystemState:
    """The system over the intervals of a whole operating day."""
    return market.states(view, market_days("ERCOT", day, day, minutes=minutes))


def is_co_optimized(intervals: Intervals) -> bool:
    """Whether energy and reserves are dispatched together in a day's intervals."""
    return bool(intervals.start_s[0] >= CO_OPTIMIZED_FROM.timestamp() - 60)  # the first run comes before its mark


def at(market: GridMarket, run: Run, second: int) -> PriceBlock:
    """The prices of the one interval that begins at a moment (a run of SCED: at a mark)."""
    block = prices_of(market, run, day_of(second))
    position = int(np.searchsorted(block.intervals.end_s, second, side="right"))
    return block.during(slice(position, position + 1))


def bus_of(place: Place) -> str:
    """The electrical bus behind a resource node."""
    return f"{place.node}_B1"


def is_node(place: Place) -> bool:
    return place.node_type in BUS_TYPES


def day_ahead_spp(market: GridMarket, midnight: int) -> bytes:
    block = prices_of(market, "DA", day_of(midnight)).only(ercot.named_once)
    return ercot.day_ahead_csv(ercot.DAY_AHEAD_HEADER, [place.node for place in block.places], block)


def day_ahead_bus_lmp(market: GridMarket, midnight: int) -> bytes:
    block = prices_of(market, "DA", day_of(midnight)).only(is_node)
    header = "DeliveryDate,HourEnding,BusName,LMP,DSTFlag"
    return ercot.day_ahead_csv(header, [bus_of(place) for place in block.places], block)


def real_time_spp(market: GridMarket, quarter: int) -> bytes:
    return ercot.real_time_csv(at(market, "RT15", quarter))


def sced_lmp(market: GridMarket, mark: int) -> bytes:
    block = at(market, "RT5", mark).only(ercot.named_once)
    return ercot.sced_csv(ercot.SCED_HEADER, [place.node for place in block.places], block)


def sced_bus_lmp(market: GridMarket, mark: int) -> bytes:
    block = at(market, "RT5", mark).only(is_node)
    header = "SCEDTimestamp,RepeatedHourFlag,ElectricalBus,LMP"
    return ercot.sced_csv(header, [bus_of(place) for place in block.places], block)


def services(state: SystemState) -> dict[str, Floats]:
    """(T,) prices in $/MW of ERCOT's services; a contingency reserve lies between spinning and not."""
    found = reserve_prices(state)
    return {
        "REGUP": found["regulation_up"],
        "REGDN": found["regulation_down"],
        "RRS": found["spinning"],
        "ECRS": (found["spinning"] + found["non_spinning"]) / 2,
        "NSPIN": found["non_spinning"],
    }


def adders(state: SystemState) -> dict[str, Floats]:
    """(T,) the adders until 2025-12-05 in $/MWh, and under their own names the reserves behind them in MW."""
    reserve_mw = _ON_LINE * state.spare_mw
    return {
        "PRC": reserve_mw,
        "RTORPA": _LOST_LOAD_USD_PER_MWH * np.exp(-reserve_mw / _CURVE_MW),
        "RTOFFPA": 0.5 * _LOST_LOAD_USD_PER_MWH * np.exp(-2 * reserve_mw / _CURVE_MW),
        "RTOLCAP": reserve_mw,
        "RTOFFCAP": reserve_mw,
    }


def day_ahead_reserves(market: GridMarket, midnight: int) -> bytes:
    day = day_of(midnight)
    priced = services(states_of(market, "day_ahead", day, 60))
    lines = ["DeliveryDate,HourEnding,AncillaryType,MCPC,DSTFlag"]
    for position, start in enumerate(market_days("ERCOT", day, day, minutes=60).starts_in(CENTRAL)):
        when, flag = f"{start:%m/%d/%Y},{start.hour + 1:02d}:00", flag_of(start)
        lines += [f"{when},{name},{two_decimals(prices[position])},{flag}" for name, prices in priced.items()]
    return text_of(lines)


def real_time_reserves(market: GridMarket, quarter: int) -> bytes:
    start = datetime.fromtimestamp(quarter, CENTRAL)
    when = f"{start:%m/%d/%Y},{start.hour + 1},{start.minute // 15 + 1},{flag_of(start)}"
    priced = services(state_at(market, quarter, 15))
    header = "DeliveryDate,DeliveryHour,DeliveryInterval,RepeatedHourFlag,ASType,MCPC"
    return text_of([header, *(f"{when},{name},{two_decimals(price[0])}" for name, price in priced.items())])


def sced_reserves(market: GridMarket, mark: int) -> bytes:
    stamp, priced = _stamp(market, mark), services(state_at(market, mark, 5))
    header = "SCEDTimestamp,RepeatedHourFlag,ASType,MCPC"
    return text_of([header, *(f"{stamp},{name},{two_decimals(price[0])}" for name, price in priced.items())])


def sced_adders(market: GridMarket, mark: int) -> bytes:
    """NP6-323; since 2025-12-05 it is of reliability deployments, of which there are none here."""
    start = f"{_stamp(market, mark)},{_system_lambda(market, mark)}"
    if mark >= CO_OPTIMIZED_FROM.timestamp():
        header = "SCEDTimestamp,RepeatedHourFlag,SystemLambda,RTRDPA,RTRDPARUS,RTRDPARDS,RTRDPARRS,RTRDPAECRS,RTRDPANSS"
        return text_of([header, f"{start},0,0,0,0,0,0"])
    values = adders(state_at(market, mark, 5))
    header = f"SCEDTimestamp,RepeatedHourFlag,SystemLambda,{','.join(values)},RTORDPA"
    return text_of([header, ",".join([start, *(two_decimals(value[0]) for value in values.values()), "0"])])


def system_lambda(market: GridMarket, mark: int) -> bytes:
    """NP6-322."""
    line = f"{_stamp(market, mark)},{_system_lambda(market, mark)}"
    return text_of(["SCEDTimeStamp,RepeatedHourFlag,SystemLambda", line])


def state_at(market: GridMarket, second: int, minutes: int) -> SystemState:
    """The actual system in the one interval that begins at a moment."""
    day = day_of(second)
    midnight = int(market_days("ERCOT", day, day, minutes=60).start_s[0])
    position = (second - midnight) // (60 * minutes)
    return states_of(market, "actual", day, minutes).during(slice(position, position + 1))


def _stamp(market: GridMarket, mark: int) -> str:
    (stamp,) = at(market, "RT5", mark).intervals.starts_in(CENTRAL)
    return f"{stamp:%m/%d/%Y %H:%M:%S},{flag_of(stamp)}"


def _system_lambda(market: GridMarket, mark: int) -> str:
    return fixed(int(at(market, "RT5", mark).energy[0, 0]), 2)
