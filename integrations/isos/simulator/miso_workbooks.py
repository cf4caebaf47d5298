"""MISO's workbooks: forecast and actual load by zone (`df_al.xls`), generation by fuel and region (`sr_gfm.xlsx`).

Both bear the day after the one they report of. Forecasts are those of the day-ahead state. Zones take turns with the
buses; of generation, a region has its part of what wind, sun and other units are at its buses. Megawatts of a region
and of the whole are sums of the numbers that stand there.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

import numpy as np

from integrations.isos.simulator.fundamentals import by_area
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import MARKET_ZONES, market_days
from integrations.isos.simulator.old_workbooks import old_workbook
from integrations.isos.simulator.shapes import Floats
from integrations.isos.simulator.system import View
from integrations.isos.simulator.workbooks import Cell, workbook

ZONES: Final = ("LRZ1", "LRZ2_7", "LRZ3_5", "LRZ4", "LRZ6", "LRZ8_9_10")
REGIONS: Final = ("Central", "North", "South")
FUELS: Final[Mapping[str, tuple[str, ...]]] = {
    "Coal": ("coal",), "Gas": ("natural_gas",), "Nuclear": ("nuclear",), "Hydro": ("hydro",), "Wind": ("wind",),
    "Solar": ("solar",), "Other": ("other", "oil"), "Storage": ("battery",),
}  # fmt: skip
"""What each column of a region adds up."""

_NOT_IN_SOUTH: Final = frozenset({"Wind", "Storage"})
_DAYS_AHEAD = 6
_EST: Final = MARKET_ZONES["MISO"]
_DAY: Final = timedelta(days=1)
_DISCLAIMER = "NO PRICE, LOAD OR OUTPUT IN THIS REPORT IS REAL: IT IS OF A SIMULATED MARKET."


def load_report(market: GridMarket, day: date) -> bytes:
    """The load of a market day, and what was forecast for it and the six after it."""
    columns = [f"{zone} {kind} (MWh)" for zone in (*ZONES, "MISO") for kind in ("MTLF", "ActualLoad")]
    header: list[Cell] = ["Market Day", "HourEnding", *columns]
    lines: list[list[Cell]] = [
        ["FORECASTED AND "], ["ACTUAL LOAD REPORT"], ["Published Date:", day + _DAY],
        ["Reporting Period:", day, "through", day + _DAYS_AHEAD * _DAY],
    ]  # fmt: skip
    for number in range(_DAYS_AHEAD + 1):
        each = day + number * _DAY
        forecast, actual = _load(market, "day_ahead", each, 0), _load(market, "actual", each, 2)
        lines += [header, [f"{each:%B %d, %Y}"]]
        for hour in range(24):
            cells: list[Cell] = [each, hour + 1]
            for column in range(forecast.shape[1]):
                cells += [float(forecast[hour, column]), None if number else float(actual[hour, column])]
            lines.append(cells)
    return old_workbook("Sheet1", [*lines, [_DISCLAIMER]])


def _load(market: GridMarket, view: View, day: date, decimals: int) -> Floats:
    """(24, zones and the whole) megawatts."""
    state = market.states(view, market_days("MISO", day, day, minutes=60))
    zonal = np.round(np.stack(list(by_area(state.bus_load_mw, ZONES).values()), axis=1), decimals)
    return np.round(np.hstack([zonal, zonal.sum(axis=1, keepdims=True)]), decimals)


def generation_report(market: GridMarket, day: date) -> bytes:
    """What fuels made of a market day, and what of them was cleared for it."""
    return workbook(
        {
            "RT Generation Fuel Mix": _mix(market, "actual", day, "Real-Time State Estimator", "Sum:"),
            "DA Cleared Generation Fuel Mix": _mix(market, "day_ahead", day, "Day-Ahead Cleared", "MISO"),
        }
    )


def _mix(market: GridMarket, view: View, day: date, title: str, whole: str) -> list[list[Cell]]:
    """A sheet: blocks of a region each, and one of the whole."""
    made = regional_generation(market, view, day)
    regions: list[Cell] = [None]
    fuels: list[Cell] = ["Market Hour Ending"]
    for region in REGIONS:
        there = [fuel for fuel in FUELS if (region, fuel) in made]
        regions += [region, *[None] * (len(there) + 1)]
        fuels += [*there, "Total MW", None]
    lines: list[list[Cell]] = [
        [f"{title} Generation Fuel Mix Report"], [f"Publish Date:  {day + _DAY}"], [f"Market Date:  {day}"],
        [*regions, "Total"], [*fuels, whole, "HE", *FUELS, "MISO"],
    ]  # fmt: skip
    for hour in range(24):
        cells: list[Cell] = [hour + 1]
        sums = dict.fromkeys(FUELS, 0.0)
        for region in REGIONS:
            values = {fuel: float(made[region, fuel][hour]) for fuel in FUELS if (region, fuel) in made}
            cells += [*values.values(), _tenths(sum(values.values())), None]
            sums |= {fuel: sums[fuel] + value for fuel, value in values.items()}
        total = _tenths(sum(sums.values()))
        # The day-ahead sheet has nothing in the first of its two columns of totals.
        lines.append([*cells, total if view == "actual" else None, hour + 1, *map(_tenths, sums.values()), total])
    return [*lines, [_DISCLAIMER]]


def regional_generation(market: GridMarket, view: View, day: date) -> dict[tuple[str, str], Floats]:
    """(24,) megawatts in tenths, by region and fuel as its column is called."""
    state, network = market.states(view, market_days("MISO", day, day, minutes=60)), market.system.network
    found = {}
    for name, fuels in FUELS.items():
        weight = {"Wind": state.bus_wind_mw, "Solar": network.solar_share[np.newaxis]}.get(name)
        parts = by_area(network.thermal_share[np.newaxis] if weight is None else weight, REGIONS)
        there = {region: part for region, part in parts.items() if region != "South" or name not in _NOT_IN_SOUTH}
        whole = sum(there.values())
        made = sum(state.generation_mw.get(fuel, np.zeros(24)) for fuel in fuels)
        for region, part in there.items():
            found[region, name] = np.round(made * part / whole, 1)
    return found


def _tenths(value: float) -> float:
    return round(value, 1)


WORKBOOKS: Final[Mapping[str, tuple[str, time, Callable[[GridMarket, date], bytes]]]] = {
    "df_al": ("xls", time(1, 15), load_report),
    "sr_gfm": ("xlsx", time(7, 40), generation_report),
}
"""By the report's name: its suffix, when it comes out on the day in its name, and what it says of the day before."""


def published_at(report: str, named: date) -> datetime:
    return datetime.combine(named, WORKBOOKS[report][1], _EST)
