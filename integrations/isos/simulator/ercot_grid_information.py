"""ERCOT's workbooks of a year on its web site: generation by fuel each quarter of an hour, and load by weather zone.

They are no feed, for their addresses bear the day of publication; what is downloaded is ingested by hand. Each month,
on the 8th, both come out anew, with all months of the year of the month before. Generation is what the disclosed meters
counted: gas by kind of unit, what batteries gave under `Other`, and what they took (`WSL`) below zero.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

import numpy as np

from integrations.isos.simulator.ercot import CENTRAL
from integrations.isos.simulator.ercot_resources import MW_UNITS, outputs
from integrations.isos.simulator.files import SimulatedFile, zipped
from integrations.isos.simulator.fundamentals import by_area
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.shapes import Floats
from integrations.isos.simulator.tables import Column, Numbers, Texts
from integrations.isos.simulator.workbooks import Cell, workbook

FUELS: Final = ("Coal", "Gas", "Gas-CC", "Hydro", "Nuclear", "Other", "Solar", "WSL", "Wind")
LOAD_ZONES: Final = ("COAST", "EAST", "FWEST", "NORTH", "NCENT", "SOUTH", "SCENT", "WEST")
_OUT_ON, _OUT_AT = 8, time(15, 30)
_PATH = re.compile(r"files/docs/(\d{4})/(\d{2})/(\d{2})/(IntGenbyFuel|Native_Load_)(\d{4})\.(xlsx|zip)")
_SUFFIX: Final = {"IntGenbyFuel": "xlsx", "Native_Load_": "zip"}
_QUARTERS: Final = [f"{minute // 60 % 24}:{minute % 60:02d}" for minute in range(15, 24 * 60 + 1, 15)]
_REPEATED: Final = [f"{hour:02d}:{minute:02d} (DST)" for hour, minute in ((1, 15), (1, 30), (1, 45), (2, 0))]
_DISCLAIMER = "Simulated: nothing of this was generated."
_DAY: Final = timedelta(days=1)


def file_at(market: GridMarket, path: str, now_utc: datetime) -> tuple[bytes, datetime] | None:
    """What is at a path of the web site, and since when (Central); None for any other path, and before it is there."""
    found = _PATH.fullmatch(path)
    if found is None or int(found[3]) != _OUT_ON or found[6] != _SUFFIX[found[4]] or not 1 <= int(found[2]) <= 12:
        return None
    published = datetime.combine(date(int(found[1]), int(found[2]), _OUT_ON), _OUT_AT, CENTRAL)
    last = published.date().replace(day=1) - _DAY
    if int(found[5]) != last.year or now_utc < published:
        return None
    if found[4] == "IntGenbyFuel":
        return generation_by_fuel(market, last), published
    member = SimulatedFile(f"Native_Load_{last.year}.xlsx", native_load(market, last), published)
    return zipped(f"Native_Load_{last.year}.zip", [member]).content, published


@lru_cache(maxsize=4)
def generation_by_fuel(market: GridMarket, last: date) -> bytes:
    """`IntGenbyFuelYYYY.xlsx` up to the end of a month, a sheet a month; the last one is settled for the first time."""
    sheets: dict[str, list[list[Cell]]] = {"Disclaimer": [[_DISCLAIMER]]}
    for first, end in _months(last):
        kind = "INITIAL" if end == last else "FINAL"
        days = [first + _DAY * number for number in range((end - first).days + 1)]
        is_long = any(len(market_days("ERCOT", day, day, minutes=60)) == 25 for day in days)
        columns = [*_QUARTERS, *(_REPEATED if is_long else [])]
        lines: list[list[Cell]] = [["Date", "Fuel", "Settlement Type", "Total", *columns]]
        for day in days:
            labels = _labels(day)
            for fuel, energy in energy_by_fuel(market, day).items():
                at = dict(zip(labels, energy.tolist(), strict=True))
                lines.append([day, fuel, kind, round(sum(at.values()), 6), *(at.get(label) for label in columns)])
        sheets[f"{first:%b}"] = lines
    return workbook(sheets)


def energy_by_fuel(market: GridMarket, day: date) -> dict[str, Floats]:
    """(T,) megawatt-hours by the workbook's fuels, of the quarters of a day."""
    made = outputs(market, market.states("actual", market_days("ERCOT", day, day, minutes=15)))
    found = {fuel: np.zeros(len(made.output)) for fuel in FUELS}
    for number, resource in enumerate(made.resources):
        energy = made.output[:, number] / (4 * MW_UNITS)
        if resource.fuel == "battery":
            found["Other"] += np.maximum(energy, 0.0)
            found["WSL"] += np.minimum(energy, 0.0)
        else:
            gas = "Gas-CC" if resource.resource_type == "CCGT90" else "Gas"
            found[gas if resource.fuel == "natural_gas" else resource.fuel.title()] += energy
    return {fuel: np.round(energy, 6) for fuel, energy in found.items()}


def native_load(market: GridMarket, last: date) -> bytes:
    """`Native_Load_YYYY.xlsx` up to the end of a month: hours by their end, and megawatts by zone."""
    hours = market_days("ERCOT", date(last.year, 1, 1), last, minutes=60)
    state = market.states("actual", hours)
    stamps = [
        f"{start:%m/%d/%Y} {start.hour + 1:02d}:00{' DST' if start.fold else ''}" for start in hours.starts_in(CENTRAL)
    ]
    table: dict[str, Column] = {"Hour Ending": Texts.of(stamps)}
    columns = by_area(state.bus_load_mw, LOAD_ZONES) | {"ERCOT": state.load_mw}
    return workbook({"Sheet1": table | {zone: Numbers.rounded(mw, 6) for zone, mw in columns.items()}})


def _months(last: date) -> Iterator[tuple[date, date]]:
    """The first and the last day of the months of a year up to the one that ends then."""
    for number in range(1, last.month + 1):
        first = date(last.year, number, 1)
        yield first, (first + timedelta(days=31)).replace(day=1) - _DAY


def _labels(day: date) -> list[str]:
    """The columns that the quarters of a day stand in."""
    starts = market_days("ERCOT", day, day, minutes=15).starts_in(CENTRAL)
    return [
        _REPEATED[start.minute // 15] if start.fold else _QUARTERS[start.hour * 4 + start.minute // 15]
        for start in starts
    ]
