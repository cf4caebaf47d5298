"""PJM's capacity auctions as simulated: the workbooks of planning parameters and of results, by delivery year.

What is needed is the highest hour of the year before the auction, and the forecast pool requirement on top. What is
offered is what the fleet has when it is needed, at any price. So the price is where that much lies on the demand curve
(VRR), whose middle is what a new unit would have to earn after what energy earned it. Imports are never short, so that
all areas clear at one price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Final

import numpy as np

from integrations.isos.pjm.sheets import DeliveryYear
from integrations.isos.simulator.fleets import FLEETS
from integrations.isos.simulator.fundamentals import by_area
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.pjm_tables import EASTERN
from integrations.isos.simulator.workbooks import Cell, Lines, workbook

ZONES: Final = ("SIMCOAST", "SIMLAKES", "SIMRIDGE")
_MAAC: Final = ("SIMCOAST", "SIMRIDGE")
AREAS: Final = ("RTO", "MAAC", *ZONES)
_PRICING_POINTS_SINCE = 2025

RESERVE_MARGIN, ACCREDITED = 0.191, 0.77
"""Installed over peak, and the share of what is installed that counts."""

_CONE_USD_PER_MW_DAY = 480.0
_UNIT_COST_USD_PER_MWH = 48.0
_HOURS_A_DAY = 24
# What counts of wind, sun and batteries when it is needed.
_WIND, _SUN, _BATTERY = 0.35, 0.10, 0.50
# The demand curve: levels as shares of the requirement, prices as shares of what a new unit has to earn.
_LEVELS, _PRICES = (0.99, 1.015, 1.05), (1.75, 0.75, 0.4)


@dataclass(frozen=True)
class Auction:
    """Megawatts by area (`AREAS`), prices in $/MW-day of unforced capacity."""

    peak_mw: Mapping[str, float]
    requirement_mw: Mapping[str, float]
    offered_mw: Mapping[str, float]
    net_cone_usd_per_mw_day: float
    price_usd_per_mw_day: float

    def curve(self, area: str) -> list[tuple[float, float]]:
        """Level and price of the points of the demand curve."""
        return [
            (round(level * self.requirement_mw[area], 1), round(price * self.net_cone_usd_per_mw_day, 2))
            for level, price in zip(_LEVELS, _PRICES, strict=True)
        ]


@lru_cache(maxsize=16)
def auction(market: GridMarket, first_year: int) -> Auction:
    """The base residual auction of a delivery year, by the year in which that begins."""
    hours = market_days("PJM", date(first_year - 2, 6, 1), date(first_year - 1, 5, 31), minutes=60)
    state, fleet = market.states("day_ahead", hours), FLEETS["PJM"]
    highest = int(np.argmax(state.load_mw))
    zonal = {zone: float(mw[highest]) for zone, mw in by_area(state.bus_load_mw, ZONES).items()}
    # Demand response is a last resort that offers nothing ahead.
    firm = sum(segment.share for segment in fleet.segments if segment.fuel != "other") * fleet.peak_mw * ACCREDITED
    offered = firm + _WIND * fleet.wind_mw + _SUN * fleet.solar_mw + _BATTERY * fleet.battery_mw
    home = by_area(market.system.network.thermal_share[np.newaxis], ZONES)
    earned = np.maximum(state.energy_usd_per_mwh - _UNIT_COST_USD_PER_MWH, 0.0).mean() * _HOURS_A_DAY
    peak = _with_sums(zonal)
    found = Auction(
        peak,
        {area: round((1 + RESERVE_MARGIN) * ACCREDITED * mw, 1) for area, mw in peak.items()},
        _with_sums({zone: offered * float(home[zone][0]) for zone in ZONES}),
        round(max(_CONE_USD_PER_MW_DAY - float(earned), 0.25 * _CONE_USD_PER_MW_DAY), 2),
        0.0,
    )
    levels, prices = zip(*found.curve("RTO"), strict=True)
    price = round(float(np.interp(found.offered_mw["RTO"], levels, prices)), 2)
    return Auction(found.peak_mw, found.requirement_mw, found.offered_mw, found.net_cone_usd_per_mw_day, price)


def _with_sums(zonal: Mapping[str, float]) -> dict[str, float]:
    """By area, from what each zone has; the sums of what is rounded."""
    rounded = {zone: round(value, 1) for zone, value in zonal.items()}
    sums = {"RTO": sum(rounded.values()), "MAAC": sum(rounded[zone] for zone in _MAAC)}
    return {area: round(value, 1) for area, value in sums.items()} | rounded


def _line(label: str, *cells: str | float) -> list[Cell]:
    return [label, *cells]


def results(market: GridMarket, year: DeliveryYear) -> bytes:
    """The workbook of an auction's results."""
    found = auction(market, year.first_year)
    price = found.price_usd_per_mw_day
    obligation = {zone: found.offered_mw["RTO"] * found.peak_mw[zone] / found.peak_mw["RTO"] for zone in ZONES}
    summary: Lines = [
        [f"{year.label} BRA Summary of Auction Results"], [],
        ["Resource Clearing Prices [$/MW-day]"],
        ["LDA", "Base Residual Auction"],
        *(_line(area, price) for area in AREAS), [],
        ["Participant Buy Bids/Sell Offers Cleared [Equivalent Annual UCAP MW]"],
        ["LDA", "Base Residual Auction"],
        [None, "Participant Sell Offers Cleared"],
        *(_line(area, round(found.offered_mw[area], 1)) for area in AREAS), [],
        ["Zonal UCAP Obligations, Zonal Capacity Prices, & Zonal CTR Credit Rates"],
        ["Zone", "Base Residual Auction"],
        [
            None, "Base Zonal UCAP Obligation (MW)", "Adjusted Preliminary Zonal Capacity Price ($/MW-day)",
            "Base Zonal CTR Credit Rate ($/MW-UCAP Obligation-day)", "Preliminary Zonal Net Load Price ($/MW-day)",
        ],
        *(_line(zone, round(megawatts, 3), price, 0, price) for zone, megawatts in obligation.items()),
        ["Total", round(sum(obligation.values()), 3)],
    ]  # fmt: skip
    points: Lines = [
        ["The pricing point values are the final capacity prices."], [],
        ["Pricing Point", f"{year.label} Value ($/MW-day)"],
        *(_line(f"{zone}_LDA_CP", price) for zone in ZONES),
    ]  # fmt: skip
    sheets = {"Summary": summary} | ({"Pricing Points": points} if year.first_year >= _PRICING_POINTS_SINCE else {})
    return workbook(sheets)


def parameters(market: GridMarket, year: DeliveryYear) -> bytes:
    """The workbook of what an auction was planned with."""
    found = auction(market, year.first_year)
    points = {name: [found.curve(area)[at] for area in AREAS] for at, name in enumerate("abc")}
    short = {area: max(found.requirement_mw[area] - found.offered_mw[area], 0.0) for area in AREAS}
    planned: Lines = [
        [f"{year.label} RPM Base Residual Auction Planning Parameters"], [],
        [None, "RTO", "Notes:"],
        ["Installed Reserve Margin (IRM)", RESERVE_MARGIN],
        ["Pool-Wide Accredited UCAP Factor", ACCREDITED],
        ["Forecast Pool Requirement (FPR)", round((1 + RESERVE_MARGIN) * ACCREDITED, 4)],
        ["Preliminary Forecast Peak Load", round(found.peak_mw["RTO"], 1)],
        [None, None, "Locational Deliverability Area"],
        [None, *AREAS],
        ["CETO", "NA", *(round(short[area], 1) for area in AREAS[1:])],
        ["CETL", "NA", *(round(1.3 * short[area] + 1000, 1) for area in AREAS[1:])],
        ["Reliability Requirement", *(found.requirement_mw[area] for area in AREAS)],
        ["Gross CONE, $/MW-Day (UCAP Price)", *([_CONE_USD_PER_MW_DAY] * len(AREAS))],
        ["Net CONE, $/MW-Day (UCAP Price)", *([found.net_cone_usd_per_mw_day] * len(AREAS))],
        ["Variable Resource Requirement Curve:"],
        *(_line(f"Point ({name}) UCAP Price, $/MW-Day", *(price for _, price in row)) for name, row in points.items()),
        *(_line(f"Point ({name}) UCAP Level, MW", *(level for level, _ in row)) for name, row in points.items()), [],
        ["LDA CETO/CETL Data; Zonal Peak Loads"],
        ["LDA/Zone", "Preliminary Zonal Peak Load Forecast"],
        *(_line(zone, found.peak_mw[zone]) for zone in ("RTO", *ZONES)),
    ]  # fmt: skip
    return workbook({"Planning Parameters": planned})


def posted(first_year: int, *, is_results: bool) -> datetime:
    """When a workbook comes out: what is planned in winter, the results in the summer before the delivery year."""
    day = date(first_year - 1, 7, 22) if is_results else date(first_year - 1, 2, 3)
    return datetime.combine(day, time(16), EASTERN)
