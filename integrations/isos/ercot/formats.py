"""ERCOT settlement point prices and SCED LMPs as CSV: told apart by their columns, which name date and interval too.

NP4-190 day-ahead: `DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag`. NP6-905 real-time:
`DeliveryDate,DeliveryHour,DeliveryInterval,SettlementPointName,SettlementPointType,SettlementPointPrice,DSTFlag`.
NP6-788 SCED: `SCEDTimestamp,RepeatedHourFlag,SettlementPoint,LMP`. Old files lack the flag column.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from integrations.isos.ercot import sced_lmps, settlement_point_prices
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.heads import CsvFile, Head, column_key
from integrations.isos.local_time import ClockError, local_to_utc_second, wall_clock
from integrations.isos.recognition import OtherProduct, Recognised, known_product
from integrations.isos.ticks import ParsedPublication

PAGES = re.compile(rb"<title>\s*Real-Time System Conditions", re.IGNORECASE)
"""ERCOT's reports that are published as pages, so that these are not taken for a server's refusal."""

OPERATOR_NAME = re.compile(r"DAMSPNP4190|SPPHLZNP6905|LMPSROSNODENP6788", re.IGNORECASE)

_PUBLISHED = re.compile(r"cdr\.\d{8}\.\d{16}\.(\d{4})(\d\d)(\d\d)\.(\d\d)(\d\d)(\d\d)\d*(.*)", re.IGNORECASE)
_OTHER_PRODUCTS = [
    ("mcpc", "ERCOT ancillary service prices (MCPC)"),
    ("ancillarytype", "ERCOT ancillary service prices (MCPC)"),
    ("electricalbus", "ERCOT LMPs by electrical bus"),
    ("busname", "ERCOT day-ahead LMPs by bus"),
    ("rtdtimestamp", "ERCOT indicative LMPs of the real-time dispatch look-ahead"),
    ("systemlambda", "ERCOT system lambda"),
    ("shadowprice", "ERCOT shadow prices"),
    ("resourcename", "ERCOT 60-day disclosure"),
]
_ERCOT_COLUMNS = ("dstflag", "repeatedhourflag", "scedtimestamp")


@dataclass(frozen=True)
class _Product:
    """`telling` columns are those that other ERCOT products do not have."""

    needed: tuple[str, ...]
    telling: frozenset[str]
    at_least: int
    parse: Callable[[CsvFile, datetime | None], ParsedPublication]


_PRODUCTS = [
    _Product(
        settlement_point_prices.REAL_TIME_COLUMNS,
        frozenset({"deliveryinterval", "settlementpointtype"}),
        4,
        settlement_point_prices.parse_real_time,
    ),
    _Product(
        settlement_point_prices.DAY_AHEAD_COLUMNS,
        frozenset({"settlementpoint", "settlementpointprice"}),
        3,
        settlement_point_prices.parse_day_ahead,
    ),
    _Product(sced_lmps.COLUMNS, frozenset({"scedtimestamp", "settlementpoint"}), 2, sced_lmps.parse),
]


def recognise(head: Head) -> Recognised | OtherProduct | None:
    """Raises UnreadablePublication for one of the three products without a needed column."""
    keys = head.first.keys
    if other := known_product(keys, _OTHER_PRODUCTS):
        return other
    for product in _PRODUCTS:
        known = {column_key(column) for column in product.needed} & set(keys)
        if len(known) < product.at_least or not known & product.telling:
            continue
        file = CsvFile(head.name, head.content, head.first)
        for column in product.needed:
            file.need(column)
        return Recognised(file, _parser(product, published_at(head.name)))
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


def _parser(product: _Product, published: datetime | None) -> Callable[[Sequence[CsvFile]], ParsedPublication]:
    return lambda files: product.parse(files[0], published)
