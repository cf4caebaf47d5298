"""ERCOT's histories: a workbook a year, renewed each Sunday, of what was published of every day and run of it.

Until October 2026 the one of day-ahead ancillary prices is a CSV file; since then its workbook has a title above the
header. What the two of price adders are called is not known, so that their names are made up but for the year. A
document is told by the Monday of the week it comes out in, and reaches to its Saturday or the end of its Monday's year.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from integrations.isos.ercot.ordc import CO_OPTIMIZED_FROM
from integrations.isos.simulator import ercot
from integrations.isos.simulator.columns import csv_rows
from integrations.isos.simulator.ercot import CENTRAL, flag_of
from integrations.isos.simulator.ercot_prices import adders, day_of, services, with_adder
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.market import PriceBlock, energy_units
from integrations.isos.simulator.places import Place
from integrations.isos.simulator.shapes import Floats
from integrations.isos.simulator.tables import EMPTY, Column, Numbers, Table, Texts
from integrations.isos.simulator.texts import decimals, repeated
from integrations.isos.simulator.workbooks import workbook

_TYPES: Final = frozenset({"HU", "SH", "AH", "LZ"})
_ANCILLARY_WORKBOOK_FROM: Final = date(2026, 9, 28)
_SERVICES: Final = {"REGDN": "REGDN", "REGUP ": "REGUP", "RRS": "RRS", "NSPIN": "NSPIN", "ECRS": "ECRS"}
_UNTIL_RTC: Final = ("PRC", "RTORPA", "RTOFFPA", "RTOLCAP", "RTOFFCAP", "RTORDPA")
_SINCE_RTC: Final = ("RTRDPA", "RTRDPARUS", "RTRDPARDS", "RTRDPARRS", "RTRDPAECRS", "RTRDPANSS")
_QUARTERS_UNTIL_RTC: Final = ("RTRSVPOR", "RTRSVPOFF", "RTRDP")
_QUARTERS_SINCE_RTC: Final = ("RTRDPA", "RTRDPRU", "RTRDPRD", "RTRDPRRS", "RTRDPECRS", "RTRDPNS")


@dataclass(frozen=True)
class Month:
    """The days of a month that a workbook has."""

    first: date
    last: date

    @property
    def sheet(self) -> str:
        return f"{self.first:%b}"

    def intervals(self, minutes: int) -> Intervals:
        return market_days("ERCOT", self.first, self.last, minutes=minutes)


def year_of(monday: int) -> int:
    """The year that the document of a week is of."""
    return day_of(monday).year


def day_ahead_prices(market: GridMarket, monday: int) -> dict[str, bytes]:
    """Hubs and load zones by hour (report 13060)."""
    sheets = {}
    for month in _months(monday):
        block = market.prices("DA", month.intervals(60)).only(_is_hub_or_zone)
        table = _hours(block.intervals, len(block.places))
        table["Settlement Point"] = _of_each(block, [place.node for place in block.places])
        sheets[month.sheet] = table | {"Settlement Point Price": Numbers(block.lmp.ravel(), 2)}
    return _workbook(13060, f"DAMLZHBSPP_{year_of(monday)}", sheets)


def real_time_prices(market: GridMarket, monday: int) -> dict[str, bytes]:
    """Hubs and load zones by quarter of an hour (report 13061); a zone is there under two types."""
    sheets = {}
    for month in _months(monday):
        block = with_adder(market, market.prices("RT15", month.intervals(15))).only(_is_hub_or_zone_of_any_type)
        table = _quarters(block.intervals, len(block.places))
        table["Settlement Point Name"] = _of_each(block, [place.node for place in block.places])
        table["Settlement Point Type"] = _of_each(block, [place.node_type for place in block.places])
        sheets[month.sheet] = table | {"Settlement Point Price": Numbers(block.lmp.ravel(), 2)}
    return _workbook(13061, f"RTMLZHBSPP_{year_of(monday)}", sheets)


def ancillary_prices(market: GridMarket, monday: int) -> dict[str, bytes]:
    """Day-ahead prices of capacity by hour (report 13091)."""
    months = list(_months(monday))
    hours = market_days("ERCOT", months[0].first, months[-1].last, minutes=60)
    priced, table = services(market.states("day_ahead", hours)), _hours(hours, 1)
    table |= {name: Numbers.rounded(priced[service], 2) for name, service in _SERVICES.items()}
    name = f"DAMASMCPC_{year_of(monday)}"
    if day_of(monday) >= _ANCILLARY_WORKBOOK_FROM:
        above = ["", "", "", "", "", "Historical DAM Clearing Prices for Capacity", ""]
        return {f"{_stem(13091, name)}.xlsx": workbook({name: table}, above=above)}
    columns = [
        repeated(column.values, column.codes) if isinstance(column, Texts) else decimals(column.units, 2, trimmed=True)
        for column in table.values()
        if isinstance(column, Texts | Numbers)
    ]
    return {f"{_stem(13091, name)}.csv": ",".join(table).encode() + b"\n" + csv_rows(columns, "\n")}


def sced_adders(market: GridMarket, monday: int) -> dict[str, bytes]:
    """Price adders by run of SCED and the system lambda (report 13231)."""
    sheets = {}
    for month in _months(monday):
        days = range((month.last - month.first).days + 1)
        runs = _joined([ercot.sced_runs(market.seed, month.first + timedelta(days=day)) for day in days])
        state, starts = market.states("actual", runs), runs.starts_in(CENTRAL)
        table: dict[str, Column] = {
            "SCEDTimestamp": Texts.of([f"{start:%m/%d/%Y %H:%M:%S}" for start in starts]),
            "RepeatedHourFlag": Texts.of([flag_of(start) for start in starts]),
            "SystemLambda": Numbers(energy_units("ERCOT", state.energy_usd_per_mwh), 2),
        }
        values = adders(state) | {"RTORDPA": np.zeros(len(runs))} | dict.fromkeys(_SINCE_RTC, np.zeros(len(runs)))
        sheets[month.sheet] = table | _in_force(monday, runs, values, _UNTIL_RTC, _SINCE_RTC)
    return _workbook(13231, f"HIST_SCED_PRICE_ADDERS_{year_of(monday)}", sheets)


def quarter_adders(market: GridMarket, monday: int) -> dict[str, bytes]:
    """Price adders by quarter of an hour (report 13240), the means of those of its runs."""
    sheets = {}
    for month in _months(monday):
        quarters = month.intervals(15)
        of_runs = adders(market.states("actual", month.intervals(5)))
        nothing = np.zeros(len(quarters))
        values = dict.fromkeys((*_QUARTERS_UNTIL_RTC, *_QUARTERS_SINCE_RTC), nothing) | {
            name: of_runs[adder].reshape(-1, 3).mean(axis=1)
            for name, adder in (("RTRSVPOR", "RTORPA"), ("RTRSVPOFF", "RTOFFPA"))
        }
        in_force = _in_force(monday, quarters, values, _QUARTERS_UNTIL_RTC, _QUARTERS_SINCE_RTC)
        sheets[month.sheet] = _quarters(quarters, 1) | in_force
    return _workbook(13240, f"HIST_RTM_PRICE_ADDERS_{year_of(monday)}", sheets)


def _months(monday: int) -> Iterator[Month]:
    """The months from January to the week that the document comes out in."""
    first = day_of(monday)
    last = min(first + timedelta(days=5), date(first.year, 12, 31))
    for number in range(1, last.month + 1):
        begin = date(first.year, number, 1)
        yield Month(begin, min((begin + timedelta(days=31)).replace(day=1) - timedelta(days=1), last))


def _workbook(report: int, name: str, sheets: Mapping[str, Table]) -> dict[str, bytes]:
    return {f"{_stem(report, name)}.xlsx": workbook(sheets, level=1)}


def _stem(report: int, name: str) -> str:
    return f"rpt.{report:08d}.0000000000000000.{name}"


def _is_hub_or_zone(place: Place) -> bool:
    return place.node_type in _TYPES


def _is_hub_or_zone_of_any_type(place: Place) -> bool:
    return place.node_type in _TYPES or place.node_type == "LZEW"


def _hours(hours: Intervals, count: int) -> dict[str, Column]:
    """The columns that tell an hour, `count` rows for each."""
    starts = hours.starts_in(CENTRAL)
    return {
        "Delivery Date": _each([f"{start:%m/%d/%Y}" for start in starts], count),
        "Hour Ending": _each([f"{start.hour + 1:02d}:00" for start in starts], count),
        "Repeated Hour Flag": _each([flag_of(start) for start in starts], count),
    }


def _quarters(quarters: Intervals, count: int) -> dict[str, Column]:
    """The columns that tell a quarter of an hour, `count` rows for each."""
    starts = quarters.starts_in(CENTRAL)
    return {
        "Delivery Date": _each([f"{start:%m/%d/%Y}" for start in starts], count),
        "Delivery Hour": _numbered([start.hour + 1 for start in starts], count),
        "Delivery Interval": _numbered([start.minute // 15 + 1 for start in starts], count),
        "Repeated Hour Flag": _each([flag_of(start) for start in starts], count),
    }


def _each(texts: list[str], count: int) -> Texts:
    found = Texts.of(texts)
    return Texts(np.repeat(found.codes, count), found.values)


def _numbered(values: list[int], count: int) -> Numbers:
    return Numbers(np.repeat(np.array(values, dtype=np.int64), count), 0)


def _of_each(block: PriceBlock, texts: list[str]) -> Texts:
    return Texts.of(texts).repeated(len(block.intervals))


def _in_force(
    monday: int, intervals: Intervals, values: dict[str, Floats], until: tuple[str, ...], since: tuple[str, ...]
) -> dict[str, Column]:
    """The adders that were in force at some time of the year, in all of its months; empty where they were not."""
    year, turn = year_of(monday), CO_OPTIMIZED_FROM.astimezone(CENTRAL)
    is_after = intervals.start_s >= turn.timestamp()
    table: dict[str, Column] = {}
    for names, are_there, is_out in ((until, year <= turn.year, is_after), (since, year >= turn.year, ~is_after)):
        for name in names if are_there else ():
            table[name] = Numbers(np.where(is_out, EMPTY, Numbers.rounded(values[name], 2).units), 2)
    return table


def _joined(parts: list[Intervals]) -> Intervals:
    return Intervals(
        parts[0].minutes,
        np.concatenate([part.start_s for part in parts]),
        np.concatenate([part.end_s for part in parts]),
    )
