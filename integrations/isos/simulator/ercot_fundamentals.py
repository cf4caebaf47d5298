"""What ERCOT's documents of load, wind, sun and places hold, as CSV; megawatts have two decimals.

Forecasts are those of the day-ahead state, whenever they are issued.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np

from integrations.isos.simulator.ercot import CENTRAL, flag_of
from integrations.isos.simulator.ercot_prices import bus_of, day_of, is_node, states_of
from integrations.isos.simulator.files import text_of, two_decimals
from integrations.isos.simulator.fundamentals import by_area
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.shapes import Floats

WEATHER_ZONES: Final = ("COAST", "EAST", "FAR_WEST", "NORTH", "NORTH_C", "SOUTHERN", "SOUTH_C", "WEST")
FORECAST_WEATHER_ZONES: Final = (
    "Coast", "East", "FarWest", "North", "NorthCentral", "Southern", "SouthCentral", "West",
)  # fmt: skip
ZONES: Final = ("NORTH", "SOUTH", "WEST", "HOUSTON")
FORECAST_ZONES: Final = ("North", "South", "West", "Houston")
WIND_ZONES: Final = ("SOUTH_HOUSTON", "WEST", "NORTH")
LOAD_ZONES: Final = ("LZ_NORTH", "LZ_SOUTH", "LZ_WEST", "LZ_HOUSTON")
MODELS: Final = {"E": 1.0, "E1": 1.01, "M": 0.98}
"""The models that forecast load, each by its factor; the first is in use."""

PLANNED, EXCEEDED = 0.97, 0.85
"""Of the forecast of wind and sun: what the units plan, and what is exceeded in four hours of five."""

_DAYS_AHEAD, _HOURS_BACK = 8, 48


def load_by_weather_zone(market: GridMarket, midnight: int) -> bytes:
    return _load_of_day(market, midnight, WEATHER_ZONES)


def load_by_zone(market: GridMarket, midnight: int) -> bytes:
    return _load_of_day(market, midnight, ZONES)


def system_demand(market: GridMarket, quarter: int) -> bytes:
    """The quarters of the day up to and with this one, by their end."""
    day = day_of(quarter)
    quarters = market_days("ERCOT", day, day, minutes=15)
    passed = quarters[: int(np.searchsorted(quarters.start_s, quarter, side="right"))]
    load = states_of(market, "actual", day, 15).load_mw
    lines = ["DeliveryDate,TimeEnding,Demand,DSTFlag"]
    for start, megawatts in zip(passed.starts_in(CENTRAL), load.tolist(), strict=False):
        minutes = start.hour * 60 + start.minute + 15
        ending = f"{minutes // 60:02d}:{minutes % 60:02d}"
        lines.append(f"{start:%m/%d/%Y},{ending},{two_decimals(megawatts)},{flag_of(start)}")
    return text_of(lines)


def load_forecast_by_zone(market: GridMarket, hour: int) -> bytes:
    hours = _coming_days(hour)
    state = market.states("day_ahead", hours)
    columns = by_area(state.bus_load_mw, FORECAST_ZONES) | {"SystemTotal": state.load_mw}
    header = f"DeliveryDate,HourEnding,{','.join(columns)},DSTFlag"
    return text_of([header, *_hourly(hours, list(columns.values()))])


def load_forecast_by_model(market: GridMarket, hour: int) -> bytes:
    hours = _coming_days(hour)
    state = market.states("day_ahead", hours)
    columns = by_area(state.bus_load_mw, FORECAST_WEATHER_ZONES) | {"SystemTotal": state.load_mw}
    lines = [f"DeliveryDate,HourEnding,{','.join(columns)},Model,InUseFlag,DSTFlag"]
    for number, (model, factor) in enumerate(MODELS.items()):
        in_use = "N" if number else "Y"
        lines += _hourly(hours, [factor * column for column in columns.values()], f",{model},{in_use}")
    return text_of(lines)


def wind_power(market: GridMarket, hour: int) -> bytes:
    """NP4-732: two days back as it was, a week ahead as it was forecast."""
    hours, past = _around(hour)
    forecast, actual = market.states("day_ahead", hours), market.states("actual", hours[:past])
    share = actual.generation_mw["wind"] / actual.wind_mw  # what was not curtailed
    by_zone = by_area(forecast.bus_wind_mw, WIND_ZONES)
    made = {zone: share * megawatts for zone, megawatts in by_area(actual.bus_wind_mw, WIND_ZONES).items()}
    columns: dict[str, Floats] = {"SYSTEM_WIDE_GEN": actual.generation_mw["wind"]}
    columns |= _forecasts("SYSTEM_WIDE", "STWPF", "WGRPP", forecast.wind_mw)
    for zone, megawatts in by_zone.items():
        columns[f"GEN_LZ_{zone}"] = made[zone]
        columns |= _forecasts(f"LZ_{zone}", "STWPF", "WGRPP", megawatts)
    return _renewables(hours, columns | {"SYSTEM_WIDE_HSL": actual.wind_mw})


def solar_power(market: GridMarket, hour: int) -> bytes:
    """NP4-737, the same of the sun for the whole system."""
    hours, past = _around(hour)
    forecast, actual = market.states("day_ahead", hours), market.states("actual", hours[:past])
    columns: dict[str, Floats] = {"SYSTEM_WIDE_GEN": actual.generation_mw["solar"]}
    columns |= _forecasts("SYSTEM_WIDE", "STPPF", "PVGRPP", forecast.solar_mw)
    return _renewables(hours, columns | {"SYSTEM_WIDE_HSL": actual.solar_mw})


def settlement_points(market: GridMarket, midnight: int) -> bytes:
    """NP4-160: each bus with its load zone, its resource node and, some of them, a hub."""
    del midnight
    header = (
        "ELECTRICAL_BUS,NODE_NAME,PSSE_BUS_NAME,VOLTAGE_LEVEL,SUBSTATION,SETTLEMENT_LOAD_ZONE,RESOURCE_NODE,"
        "HUB_BUS_NAME,HUB,PSSE_BUS_NUMBER"
    )
    hubs = [place.node for place in market.places if place.node_type == "HU"]
    lines = [header]
    for number, (place, bus) in enumerate(zip(market.places, market.buses.tolist(), strict=True)):
        if is_node(place):
            hub = f"{place.node.partition('_')[0]}HB,{hubs[number % len(hubs)]}" if number % 10 == 0 else ","
            station, zone = f"SIM{bus:02d}", LOAD_ZONES[bus % len(LOAD_ZONES)]
            name = bus_of(place)
            lines.append(f"{name},{number:04d},L_{name},138,{station},{zone},{place.node},{hub},{100_000 + number}")
    return text_of(lines)


def _forecasts(where: str, forecast: str, exceeded: str, megawatts: Floats) -> dict[str, Floats]:
    return {
        f"COP_HSL_{where}": PLANNED * megawatts,
        f"{forecast}_{where}": megawatts,
        f"{exceeded}_{where}": EXCEEDED * megawatts,
    }


def _renewables(hours: Intervals, columns: dict[str, Floats]) -> bytes:
    """A column that is shorter than the hours has empty cells for what is still to come."""
    header = f"DELIVERY_DATE,HOUR_ENDING,{','.join(columns)},DSTFlag"
    lines = [header]
    for position, start in enumerate(hours.starts_in(CENTRAL)):
        cells = [two_decimals(column[position]) if position < len(column) else "" for column in columns.values()]
        lines.append(f"{start:%m/%d/%Y},{start.hour + 1},{','.join(cells)},{flag_of(start)}")
    return text_of(lines)


def _load_of_day(market: GridMarket, midnight: int, zones: Sequence[str]) -> bytes:
    day = day_of(midnight)
    state = states_of(market, "actual", day, 60)
    columns = by_area(state.bus_load_mw, zones) | {"TOTAL": state.load_mw}
    hours = market_days("ERCOT", day, day, minutes=60)
    return text_of([f"OperDay,HourEnding,{','.join(columns)},DSTFlag", *_hourly(hours, list(columns.values()))])


def _hourly(hours: Intervals, columns: Sequence[Floats], told_by: str = "") -> list[str]:
    lines = []
    cells = np.stack(columns, axis=1).tolist()
    for start, values in zip(hours.starts_in(CENTRAL), cells, strict=True):
        numbers = ",".join(map(two_decimals, values))
        lines.append(f"{start:%m/%d/%Y},{start.hour + 1:02d}:00,{numbers}{told_by},{flag_of(start)}")
    return lines


def _coming_days(hour: int) -> Intervals:
    """The hours of the day of a moment and of the week after it."""
    first: date = datetime.fromtimestamp(hour, CENTRAL).date()
    return market_days("ERCOT", first, first + timedelta(days=_DAYS_AHEAD - 1), minutes=60)


def _around(hour: int) -> tuple[Intervals, int]:
    """Two days up to the hour before a moment and the week after, and how many of the hours have passed."""
    start_s = np.arange(hour - _HOURS_BACK * 3600, hour + 7 * 86_400, 3600, dtype=np.int64)
    return Intervals(60, start_s, start_s + 3600), _HOURS_BACK
