"""PJM's ancillary services: clearing prices of reserves and regulation, and what the regulation market bought.

Products keep PJM's short codes (SR synchronized, NSR non-synchronized, PR primary, 30MIN, REG); the price reports spell
them out, and name the locale with them (`RTO Synchronized Reserve`).
"""

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from integrations.isos.csv_reading import Columns, Text
from integrations.isos.gaps import Intervals
from integrations.isos.local_time import HOUR_S
from integrations.isos.pjm.fundamentals import Measure, measured
from integrations.isos.pjm.stamps import FIVE_MINUTES_S, first_of_each, moments, versions
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import Codes, Floats, Ints, ParsedPublication, labels, seconds

PARSER = "pjm.ancillary"

_SERVICE = re.compile(r"(?:PJM )?(RTO|MAD|Mid-Atlantic/Dominion)\s+(.+)", re.IGNORECASE)
_DAY_AHEAD = re.compile(r"(PJM RTO|Mid-Atlantic/Dominion)\b", re.IGNORECASE)
_CODES = {
    "SYNCHRONIZED RESERVE": "SR",
    "NON-SYNCHRONIZED RESERVE": "NSR",
    "PRIMARY RESERVE": "PR",
    "SECONDARY RESERVE": "SECR",
    "THIRTY MINUTES RESERVE": "30MIN",
    "REGULATION": "REG",
    "REGULATION CAPABILITY": "REG_CCP",
    "REGULATION PERFORMANCE": "REG_PCP",
    "REGULATION MILEAGE": "REG_MILEAGE",
}
_UNITS_OF_NO_PRICE = frozenset({"ratio"})
# Until then the real-time results were hourly (Data Miner's note on reserve_market_results): midnight Eastern time.
_FIVE_MINUTES_SINCE_S = 1_662_004_800  # 2022-09-01T04:00Z


def parse_prices(table: Columns) -> ParsedPublication:
    """`ancillary_services` and its day-ahead sibling `da_ancillary_services`, which spells the locales out.

    Rows whose unit is a ratio are no prices and left out. Raises UnreadablePublication for any other unit.
    """
    unit = table.text("unit")
    unknown = [value.lower() not in {"price", *_UNITS_OF_NO_PRICE} for value in unit.values]
    if any(unknown):
        row = int(np.argmax(np.array(unknown)[unit.codes]))
        table.fail(row, "unit", f"{unit.values[unit.codes[row]]!r} is neither a price nor a ratio")
    service = table.text("ancillary_service")
    named = [_named(value) for value in service.values]
    product = Text.of(service.codes, [code for code, _ in named])
    area = Text.of(service.codes, [locale for _, locale in named])
    start = moments(table, "datetime_beginning_utc", step_s=HOUR_S)
    is_price = np.array([value.lower() == "price" for value in unit.values])[unit.codes]
    price = np.where(is_price, table.number("value"), np.nan)
    is_day_ahead = all(_DAY_AHEAD.match(value) for value in service.values)
    version = versions(table)
    key = [*_key(start, product, area), (version, int(version.max()) + 1)]
    first = first_of_each(table, key, {"value": price})
    rows = _rows(first, start, start.start() + HOUR_S, product, area, price, version=version)
    feed, market = ("da_ancillary_services", "DA") if is_day_ahead else ("ancillary_services", "RTH")
    return series_publication("ancillary", rows, iso="PJM", feed=feed, market=market, parser=PARSER)


def parse_day_ahead_results(table: Columns) -> ParsedPublication:
    """`da_reserve_market_results`."""
    start = moments(table, "datetime_beginning_utc", step_s=HOUR_S)
    rows = _results(table, start, start.start() + HOUR_S)
    return series_publication(
        "ancillary", rows, iso="PJM", feed="da_reserve_market_results", market="DA", parser=PARSER
    )


def parse_real_time_results(table: Columns) -> ParsedPublication:
    """`reserve_market_results`: five minutes since September 2022, hours before.

    The two parts of the regulation price are products of their own: REG_CCP (capability) and REG_PCP (performance).
    """
    start = moments(table, "datetime_beginning_utc", step_s=FIVE_MINUTES_S)
    is_hour = start.start() < _FIVE_MINUTES_SINCE_S
    rows = _results(table, start, start.start() + np.where(is_hour, HOUR_S, FIVE_MINUTES_S))
    market = "RTH" if is_hour.all() else "RT5"
    return series_publication("ancillary", rows, iso="PJM", feed="reserve_market_results", market=market, parser=PARSER)


_REGULATION = (
    Measure("requirement", "regulation_requirement", "MW"),
    Measure("total_mw", "regulation_total", "MW"),
    Measure("deficiency", "regulation_deficiency", "MW"),
    Measure("regd_ssmw", "regulation_self_scheduled", "MW", "regd"),
    Measure("rega_ssmw", "regulation_self_scheduled", "MW", "rega"),
    Measure("regd_procure", "regulation_procured", "MW", "regd"),
    Measure("rega_procure", "regulation_procured", "MW", "rega"),
    Measure("rto_perfscore", "regulation_performance_score", "ratio"),
    Measure("regd_mileage", "regulation_mileage_historical", "MW/MW", "regd"),
    Measure("rega_mileage", "regulation_mileage_historical", "MW/MW", "rega"),
    Measure("regd_hourly", "regulation_mileage", "MW/MW", "regd"),
    Measure("rega_hourly", "regulation_mileage", "MW/MW", "rega"),
)
REGULATION_COLUMNS = tuple(measure.column for measure in _REGULATION)


def parse_regulation(table: Columns) -> ParsedPublication:
    """`reg_market_results`: quantities of the regulation market. It has no price, so they are fundamentals."""
    start = moments(table, "datetime_beginning_utc", step_s=HOUR_S)
    rows = measured(table, _REGULATION, start, start.start() + HOUR_S)
    return series_publication("fundamentals", rows, iso="PJM", feed="reg_market_results", market="RTH", parser=PARSER)


def _named(service: str) -> tuple[str, str]:
    """Product and locale of a service's long name; the locale as PJM writes it, empty where there is none."""
    found = _SERVICE.fullmatch(service)
    locale, name = (found[1], found[2]) if found else ("", service)
    return _CODES.get(name.upper(), "_".join(name.upper().split())), locale


def _results(table: Columns, start: Intervals, end: Ints) -> pa.Table:
    service, area = table.text("service"), table.text("locale")
    product = Text.of(service.codes, [value.upper() for value in service.values])
    is_regulation = np.array([value == "REG" for value in product.values])[product.codes]
    prices = {"mcp": table.number("mcp")}
    for column in ("reg_ccp", "reg_pcp"):
        if table.has(column):
            prices[column] = np.where(is_regulation, table.number(column), np.nan)
    first = first_of_each(table, _key(start, product, area), prices)
    parts = [
        _rows(
            first, start, end, product, area, prices["mcp"],
            cleared=table.number("total_mw"), requirement=table.number("as_req_mw"),
        )
    ]  # fmt: skip
    for column in list(prices)[1:]:
        names = [column.upper() if value == "REG" else value for value in product.values]
        parts.append(_rows(first, start, end, Text.of(product.codes, names), area, prices[column]))
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks()


def _key(start: Intervals, product: Text, area: Text) -> list[tuple[Codes, int]]:
    return [(start.code, len(start.starts)), (product.codes, len(product)), (area.codes, len(area))]


def _rows(
    first: npt.NDArray[np.bool_],
    start: Intervals,
    end: Ints,
    product: Text,
    area: Text,
    price: Floats,
    *,
    cleared: Floats | None = None,
    requirement: Floats | None = None,
    version: Ints | None = None,
) -> pa.Table:
    """The rows with a price that are the `first` of their key."""
    kept = np.flatnonzero(first & ~np.isnan(price))
    columns = {
        "product": labels(product.codes[kept], product.strings),
        "area": labels(area.codes[kept], area.strings),
        "interval_start_utc": seconds(start.start()[kept]),
        "interval_end_utc": seconds(end[kept]),
        "price_usd_per_mw": pa.array(price[kept]),
    }
    for name, quantity in (("cleared_mw", cleared), ("requirement_mw", requirement)):
        if quantity is not None:
            columns[name] = pa.array(quantity[kept], from_pandas=True)
    if version is not None:
        columns["source_version"] = pa.array(version[kept].astype(np.int32))
    return series_rows("ancillary", columns)
