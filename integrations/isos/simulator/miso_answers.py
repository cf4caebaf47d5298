"""MISO's real-time answers: what the public API says of the newest interval, as JSON with numbers in quotes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import MARKET_ZONES, Intervals
from integrations.isos.simulator.texts import decimals, repeated, rows

_EST: Final = MARKET_ZONES["MISO"]
_FIVE_MINUTES_S: Final = 300
_HOUR_S: Final = 3600
_FORECAST_HOURS = 48

Written = bytes | dict[str, Any]


@dataclass(frozen=True)
class Newest:
    """An answer that is replaced every `every_s` seconds, `delay_s` after the end of what it holds.

    `write` gets the market and that end, in seconds since 1970 UTC.
    """

    every_s: int
    delay_s: int
    write: Callable[[GridMarket, int], Written]

    def newest_end_s(self, now_s: int) -> int:
        return (now_s - self.delay_s) // self.every_s * self.every_s


def _consolidated_table(market: GridMarket, end_s: int) -> Written:
    block = market.prices("RT5", _five_minutes(end_s, 1), is_draft=True)
    nodes = repeated([place.node for place in block.places], np.arange(len(block.places)))
    lmp, congestion, loss = (decimals(units[0], 2) for units in (block.lmp, block.congestion, block.loss))
    items = rows('{"name":"', nodes, '","LMP":"', lmp, '","MLC":"', loss, '","MCC":"', congestion, '"},')[:-1]
    clock = _at(end_s)
    head = f'{{"LMPData":{{"RefId":"{_reference(clock)}","FiveMinLMP":{{"HourAndMin":"{clock:%H:%M}","PricingNode":['
    return head.encode() + items + b"]}}}"


def _fuel_mix(market: GridMarket, end_s: int) -> Written:
    state, clock = market.states("actual", _five_minutes(end_s, 1)), _at(end_s)
    types = [
        {
            "INTERVALEST": _us_stamp(clock),
            "CATEGORY": fuel.replace("_", " ").title(),
            "ACT": f"{mw[0]:.0f}",
        }
        for fuel, mw in state.generation_mw.items()
    ]
    total = sum(int(each["ACT"]) for each in types)
    return {"RefId": _reference(clock), "TotalMW": str(total), "Fuel": {"Type": types}}


def _total_load(market: GridMarket, end_s: int) -> Written:
    """All five minutes of the market day until now, named by their beginnings."""
    last = _at(end_s - _FIVE_MINUTES_S)
    count = (last.hour * 60 + last.minute) // 5 + 1
    load_mw = market.states("actual", _five_minutes(end_s, count)).load_mw
    first = last - timedelta(minutes=5 * (count - 1))
    five_minutes = [
        {"Load": {"Time": f"{first + timedelta(minutes=5 * number):%H:%M}", "Value": f"{mw:.0f}"}}
        for number, mw in enumerate(load_mw.tolist())
    ]
    return {"LoadInfo": {"RefId": _reference(last), "FiveMinTotalLoad": five_minutes}}


def _forecast(market: GridMarket, end_s: int, *, of_wind: bool) -> Written:
    """Today's and tomorrow's hours as the day-ahead market saw them."""
    clock = _at(end_s)
    midnight = clock.replace(hour=0, minute=0)
    start_s = int(midnight.timestamp()) + np.arange(_FORECAST_HOURS, dtype=np.int64) * _HOUR_S
    state = market.states("day_ahead", Intervals(60, start_s, start_s + _HOUR_S))
    values = state.wind_mw if of_wind else state.solar_mw
    hours = [
        {
            "DateTimeEST": _us_stamp(midnight + timedelta(hours=number)),
            "HourEndingEST": str(number % 24 + 1),
            "Value": f"{mw:.2f}",
        }
        for number, mw in enumerate(values.tolist())
    ]
    return {"MktDay": f"{clock:%m-%d-%Y}", "RefId": _reference(clock), "Forecast": hours}


def _wind_forecast(market: GridMarket, end_s: int) -> Written:
    return _forecast(market, end_s, of_wind=True)


def _solar_forecast(market: GridMarket, end_s: int) -> Written:
    return _forecast(market, end_s, of_wind=False)


CONSOLIDATED_TABLE: Final = Newest(_FIVE_MINUTES_S, 40, _consolidated_table)
FUEL_MIX: Final = Newest(_FIVE_MINUTES_S, 90, _fuel_mix)
TOTAL_LOAD: Final = Newest(_FIVE_MINUTES_S, 60, _total_load)
WIND_FORECAST: Final = Newest(_HOUR_S, 120, _wind_forecast)
SOLAR_FORECAST: Final = Newest(_HOUR_S, 120, _solar_forecast)


def _five_minutes(end_s: int, count: int) -> Intervals:
    ends = end_s - np.arange(count - 1, -1, -1, dtype=np.int64) * _FIVE_MINUTES_S
    return Intervals(5, ends - _FIVE_MINUTES_S, ends)


def _at(second: int) -> datetime:
    return datetime.fromtimestamp(second, _EST)


def _reference(clock: datetime) -> str:
    return f"{clock:%d-%b-%Y} - Interval {clock:%H:%M} EST"


def _us_stamp(clock: datetime) -> str:
    """As in 2018-01-25 4:30:00 AM."""
    return f"{clock:%Y-%m-%d} {clock.hour % 12 or 12}:{clock:%M:%S} {'AM' if clock.hour < 12 else 'PM'}"
