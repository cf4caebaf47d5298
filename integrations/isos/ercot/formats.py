"""ERCOT's reports as CSV: told apart by their columns, which name date and interval too.

NP4-190 day-ahead: `DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag`. NP6-905 real-time:
`DeliveryDate,DeliveryHour,DeliveryInterval,SettlementPointName,SettlementPointType,SettlementPointPrice,DSTFlag`.
NP6-788 SCED: `SCEDTimestamp,RepeatedHourFlag,SettlementPoint,LMP`. Old files lack the flag column. The other reports
stand with their readers.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from integrations.isos.ercot import ancillary, constraints, disclosures, fundamentals, headers, ordc, places, prices
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.heads import CsvFile, Head, column_key
from integrations.isos.local_time import ClockError, local_to_utc_second, wall_clock
from integrations.isos.recognition import OtherProduct, Recognised, known_product
from integrations.isos.ticks import ParsedPublication

PAGES = re.compile(rb"<title>\s*Real-Time System Conditions", re.IGNORECASE)
"""ERCOT's reports that are published as pages, so that these are not taken for a server's refusal."""

OPERATOR_NAME = re.compile(
    r"DAMSPNP4190|SPPHLZNP6905|LMPSROSNODENP6788|DAMCPCNP4188|LMPSELECTBUSNP6787|DAMHRLMPNP4183|RTSCEDpriceAdderNP6323",
    re.IGNORECASE,
)

Parse = Callable[[CsvFile, datetime | None], ParsedPublication]

_PUBLISHED = re.compile(
    r"(?:cdr|rpt|ext)\.\d{8}\.\d{16}\.(\d{4})(\d\d)(\d\d)\.(\d\d)(\d\d)(\d\d)\d*(.*)", re.IGNORECASE
)
_OTHER_PRODUCTS = [
    ("rtdtimestamp", "ERCOT indicative prices of the real-time dispatch look-ahead"),
    ("energyonlybidawardinmw", "ERCOT awards of energy bids"),
    ("energyonlyofferawardinmw", "ERCOT awards of energy offers"),
    ("sasmid", "ERCOT supplementary ancillary service market"),
]
_ERCOT_COLUMNS = ("dstflag", "repeatedhourflag", "scedtimestamp")


@dataclass(frozen=True)
class _Prices:
    """A report of prices: `telling` columns are those that other ERCOT products do not have."""

    report: prices.Report
    needed: tuple[str, ...]
    telling: frozenset[str]
    at_least: int


_PRICES = [
    _Prices(prices.SCED_BUSES, ("SCEDTimestamp", "ElectricalBus", "LMP"), frozenset({"electricalbus"}), 2),
    _Prices(prices.DAY_AHEAD_BUSES, ("DeliveryDate", "HourEnding", "BusName", "LMP"), frozenset({"busname"}), 3),
    _Prices(
        prices.REAL_TIME,
        (
            "DeliveryDate", "DeliveryHour", "DeliveryInterval", "SettlementPointName", "SettlementPointType",
            "SettlementPointPrice",
        ),
        frozenset({"deliveryinterval", "settlementpointtype"}),
        4,
    ),
    _Prices(
        prices.DAY_AHEAD,
        ("DeliveryDate", "HourEnding", "SettlementPoint", "SettlementPointPrice"),
        frozenset({"settlementpoint", "settlementpointprice"}),
        3,
    ),
    _Prices(
        prices.SCED, ("SCEDTimestamp", "SettlementPoint", "LMP"), frozenset({"scedtimestamp", "settlementpoint"}), 2
    ),
]  # fmt: skip


def recognise(head: Head) -> Recognised | OtherProduct | None:
    """Raises UnreadablePublication for a report of prices without a needed column."""
    keys = head.first.keys
    if other := known_product(keys, _OTHER_PRODUCTS):
        return other
    file = CsvFile(head.name, head.content, head.first)
    if found := _disclosure(file) or _series(file):
        if isinstance(found, OtherProduct):
            return found
        return Recognised(file, _published(found, head.name))
    if {"electricalbus", "settlementloadzone"} <= set(keys):
        day = places.day_of(head.name)
        return Recognised(file, lambda files: places.parse(files[0], day), {"date": day.isoformat()})
    for product in _PRICES:
        known = {column_key(column) for column in product.needed} & set(keys)
        if len(known) < product.at_least or not known & product.telling:
            continue
        for column in product.needed:
            if column not in (product.report.price, product.report.point):
                file.need(column)
        prices.positions_of(file, product.report)
        return Recognised(file, _published(partial(_parse_prices, product.report), head.name))
    headers.refuse_incomplete(file)
    if OPERATOR_NAME.search(head.name):
        return None
    return known_product(keys, [(column, "another ERCOT report") for column in _ERCOT_COLUMNS])


def published_at(name: str) -> datetime | None:
    """When ERCOT published the file, from its name `cdr.<report>.<zeros>.YYYYMMDD.HHMMSS...` in Central time.

    In the hour that daylight saving repeats, ERCOT marks the names of the second pass with `xhr`. Null for any other
    name, and for a time that does not exist.
    """
    found = _PUBLISHED.search(name)
    if not found:
        return None
    try:
        local = wall_clock("{}-{}-{} {}:{}:{}".format(*found.groups()[:6]))
        return datetime.fromtimestamp(local_to_utc_second(local, CENTRAL, _second_pass(local, found[7])), UTC)
    except ClockError:
        return None


def _second_pass(local: datetime, rest: str) -> bool:
    first, second = (local.replace(tzinfo=CENTRAL, fold=fold).utcoffset() for fold in (0, 1))
    return first != second and "xhr" in rest.lower()


def _published(parse: Parse, name: str) -> Callable[[Sequence[CsvFile]], ParsedPublication]:
    published = published_at(name)
    return lambda files: parse(files[0], published)


def _parse_prices(report: prices.Report, file: CsvFile, published: datetime | None) -> ParsedPublication:
    return prices.parse(file, report, published)


def _disclosure(file: CsvFile) -> Parse | OtherProduct | None:
    if disclosures.is_metered(file):
        return disclosures.parse_metered
    layout = disclosures.layout_of(file)
    if layout is None or isinstance(layout, OtherProduct):
        return layout
    return lambda found, published: disclosures.parse(found, layout, published)


def _series(file: CsvFile) -> Parse | None:
    """The reader of ancillary prices, adders, constraints, load, wind and solar."""
    keys = set(file.header.keys)
    if {"constraintname", "shadowprice"} <= keys and keys & {"constraintid", "contingencyname"}:
        return constraints.parse
    if keys & {"ancillarytype", "astype"} and keys & {"mcpc", "cappedmcpc"}:
        return ancillary.parse
    if {"hourending", "regup", "regdn", "rrs"} <= keys:
        return ancillary.parse_history
    if keys & {"scedtimestamp", "deliveryinterval"} and ordc.columns_of(file):
        return ordc.parse
    if any(key.startswith(("stwpf", "stppf")) for key in keys) and keys & {"deliverydate", "hourending"}:
        return fundamentals.parse_renewables
    return _load(keys)


def _load(keys: set[str]) -> Parse | None:
    zones = "zone" if fundamentals.is_by_forecast_zone(keys) else "weather_zone"
    if {"hourending", "total"} <= keys and keys & {"operday", "operatingday"}:
        return partial(_parse_load, f"load_by_{zones}", "load")
    if {"deliverydate", "hourending", "systemtotal"} <= keys:
        by_model = "_by_model" if "model" in keys else ""
        return partial(_parse_load, f"load_forecast_by_{zones}{by_model}", "load_forecast")
    if {"deliverydate", "timeending", "demand"} <= keys:
        return partial(_parse_load, "system_demand", "load")
    return None


def _parse_load(feed: str, series: str, file: CsvFile, published: datetime | None) -> ParsedPublication:
    return fundamentals.parse_load(file, feed, series, published)
