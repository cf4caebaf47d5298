"""ERCOT's dashboards as JSON: what is newest, with the offset of every stamp."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np

from integrations.isos.simulator.ercot import CENTRAL, flag_of
from integrations.isos.simulator.ercot_prices import day_of, states_of
from integrations.isos.simulator.fleets import FLEETS
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals, market_days

FUELS: Final = {
    "Coal and Lignite": "coal",
    "Hydro": "hydro",
    "Natural Gas": "natural_gas",
    "Nuclear": "nuclear",
    "Other": "other",
    "Power Storage": "battery",
    "Solar": "solar",
    "Wind": "wind",
}
BEFORE_MARK_S: Final = 4
"""Telemetry of a five minutes is stamped this long before it begins."""

_ONE_DAY = timedelta(days=1)
_DAY_S, _FIVE_MINUTES_S = 86_400, 300


def fuel_mix(market: GridMarket, now_s: int) -> bytes:
    """Yesterday and today up to now, by fuel."""
    data: dict[str, dict[str, Any]] = {}
    today = day_of(now_s)
    for day in (today - _ONE_DAY, today):
        made = states_of(market, "actual", day, 5).generation_mw
        stamps = _slots(day).start_s - BEFORE_MARK_S
        data[f"{day}"] = {
            _stamp(stamp): {name: {"gen": _rounded(made[fuel][position])} for name, fuel in FUELS.items()}
            for position, stamp in enumerate(stamps.tolist())
            if stamp <= now_s
        }
    capacity = _installed(market)
    return _json({"lastUpdated": _stamp(now_s), "monthlyCapacity": capacity, "types": list(FUELS), "data": data})


def system_demand(market: GridMarket, now_s: int) -> bytes:
    """Hours of yesterday, today and tomorrow: the load as far as it was, and its forecasts."""
    today = day_of(now_s)
    days = {"previousDay": today - _ONE_DAY, "currentDay": today, "nextDay": today + _ONE_DAY}
    return _json({"lastUpdated": _stamp(now_s)} | {name: _demand_of(market, day, now_s) for name, day in days.items()})


def storage(market: GridMarket, now_s: int) -> bytes:
    """Batteries each five minutes of yesterday and today up to now."""
    today = day_of(now_s)
    days = {"previousDay": today - _ONE_DAY, "currentDay": today}
    return _json({"lastUpdated": _stamp(now_s)} | {name: _storage_of(market, day, now_s) for name, day in days.items()})


def supply(market: GridMarket, now_s: int) -> bytes:
    """Load and what was ready for it, each five minutes of today; what is to come as it is expected an hour ahead."""
    entries = []
    actual, expected = (states_of(market, view, day_of(now_s), 5) for view in ("actual", "hour_ahead"))
    for position, start in enumerate(_slots(day_of(now_s)).start_s.tolist()):
        is_forecast = start + _FIVE_MINUTES_S > now_s
        state = expected if is_forecast else actual
        load = float(state.load_mw[position])
        values = {"demand": _rounded(load), "capacity": _rounded(load + state.spare_mw[position])}
        entries.append(_stamped(start) | values | {"forecast": int(is_forecast)})
    return _json({"lastUpdated": _stamp(now_s), "data": entries})


DASHBOARDS: Final[Mapping[str, Callable[[GridMarket, int], bytes]]] = {
    "fuel-mix": fuel_mix,
    "system-wide-demand": system_demand,
    "energy-storage-resources": storage,
    "supply-demand": supply,
}
"""By the name in their address: what each says at a moment, in seconds since 1970 UTC."""


def _demand_of(market: GridMarket, day: date, now_s: int) -> dict[str, Any]:
    hours = market_days("ERCOT", day, day, minutes=60)
    actual, expected, forecast = (states_of(market, view, day, 60) for view in ("actual", "hour_ahead", "day_ahead"))
    entries = []
    for position, end in enumerate(hours.end_s.tolist()):
        start = hours.starts_in(CENTRAL)[position]
        planned = float(forecast.load_mw[position])
        entry = (
            {"hourEnding": start.hour + 1}
            | _stamped(end)
            | {
                "dstFlag": flag_of(start),
                # An hour that is near is forecast anew.
                "currentLoadForecast": _rounded(expected.load_mw[position] if end <= now_s + _DAY_S else planned),
                "dayAheadForecast": _rounded(planned),
                "dayAheadHsl": _rounded(planned + forecast.spare_mw[position]),
            }
        )
        if end <= now_s:
            entry["systemLoad"] = _rounded(actual.load_mw[position])
        entries.append(entry)
    return {"dayDate": _stamp(int(hours.start_s[0])), "data": entries}


def _storage_of(market: GridMarket, day: date, now_s: int) -> dict[str, Any]:
    slots = _slots(day)
    net = states_of(market, "actual", day, 5).generation_mw["battery"].tolist()
    entries = [
        _stamped(start)
        | {
            "totalCharging": _rounded(min(output, 0.0)),
            "totalDischarging": _rounded(max(output, 0.0)),
            "netOutput": _rounded(output),
        }
        for start, output in zip(slots.start_s.tolist(), net, strict=True)
        if start + _FIVE_MINUTES_S <= now_s
    ]
    return {"dayDate": _stamp(int(slots.start_s[0])), "data": entries}


def _installed(market: GridMarket) -> dict[str, int]:
    """What is there of each fuel, out or not."""
    fleet = FLEETS[market.iso]
    by_fuel = {"wind": fleet.wind_mw, "solar": fleet.solar_mw, "battery": fleet.battery_mw}
    for segment in fleet.segments:
        if segment.share:
            by_fuel[segment.fuel] = by_fuel.get(segment.fuel, 0.0) + fleet.peak_mw * segment.share
    return {name: round(by_fuel[fuel]) for name, fuel in FUELS.items()}


def _slots(day: date) -> Intervals:
    return market_days("ERCOT", day, day, minutes=5)


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 3)


def _stamp(second: int) -> str:
    return f"{datetime.fromtimestamp(second, CENTRAL):%Y-%m-%d %H:%M:%S%z}"


def _stamped(second: int) -> dict[str, Any]:
    """How an entry tells its moment."""
    flag = flag_of(datetime.fromtimestamp(second, CENTRAL))
    return {"timestamp": _stamp(second), "epoch": second * 1000, "dstFlag": flag}


def _json(found: Mapping[str, Any]) -> bytes:
    return json.dumps(found).encode()
