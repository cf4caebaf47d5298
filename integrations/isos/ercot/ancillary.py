"""ERCOT's clearing prices of ancillary services (MCPC), in $/MW: for the whole system, so the area is empty.

Day-ahead by hour: NP4-188 `DeliveryDate,HourEnding,AncillaryType,MCPC,DSTFlag`, and its yearly history with a column a
service. In real time since 2025-12-05, when energy and reserves came to be dispatched together: NP6-331 by quarter of
an hour, `DeliveryDate,DeliveryHour,DeliveryInterval,RepeatedHourFlag,ASType,MCPC`, and NP6-332 by run, whose price is
`MCPC` or, next to `UncappedMCPC`, `CappedMCPC`; the uncapped one settles nothing and is left out.
"""

from datetime import datetime

import numpy as np
import pyarrow as pa

from integrations.isos.csv_reading import Frame
from integrations.isos.ercot.headers import TIMES, refuse_unknown
from integrations.isos.ercot.times import Times, read_timed, refuse_repeats, times_of
from integrations.isos.heads import CsvFile, column_key
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import ParsedPublication, labels, seconds

SERVICES = ("REGUP", "REGDN", "RRS", "ECRS", "NSPIN")

_SINCE_2023 = "ECRS"
_KINDS = ("AncillaryType", "ASType")
_PRICES = ("MCPC", "CappedMCPC")


def parse(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """A row a service and interval. Raises UnreadablePublication, also for a service that has an interval twice."""
    columns = {"product": file.need(*_KINDS), "price": file.need(*_PRICES)}
    frame = read_timed(file, columns, frozenset({"price"}))
    times, product = times_of(frame), frame.text("product")
    refuse_repeats(frame, times, [product], "product", "the service")
    products = labels(product.codes, [name.upper() for name in product.values])
    return _publication(_rows(products, times, frame.number("price")), frame, published_at)


def service_columns(file: CsvFile) -> dict[str, int]:
    """Where the columns of the services stand; ECRS, which came in 2023, may be missing.

    Raises UnreadablePublication where another one is, and for a column of something else.
    """
    refuse_unknown(file, TIMES.union(map(column_key, SERVICES)))
    found = {service: file.need(service) for service in SERVICES if service != _SINCE_2023}
    later = file.find(column_key(_SINCE_2023))
    return found if later is None else found | {_SINCE_2023: later}


def parse_history(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """A year of day-ahead prices with a column a service. Raises UnreadablePublication."""
    services = service_columns(file)
    return history(read_timed(file, services, frozenset(services)), published_at)


def history(frame: Frame, published_at: datetime | None) -> ParsedPublication:
    """The publication of a table with a column a service."""
    times = times_of(frame)
    refuse_repeats(frame, times, [], times.column, "the report")
    tables = [
        _rows(labels(np.zeros(frame.rows, dtype=np.int32), [service]), times, frame.number(service))
        for service in SERVICES
        if frame.has(service)
    ]
    return _publication(pa.concat_tables(tables).unify_dictionaries(), frame, published_at)


def _rows(products: pa.Array, times: Times, price: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pa.Table:
    rows = {
        "product": products,
        "interval_start_utc": seconds(times.start()),
        "interval_end_utc": seconds(times.end()),
        "price_usd_per_mw": pa.array(price, mask=np.isnan(price)),
    }
    kept = pa.array(~np.isnan(price))
    return series_rows("ancillary", {name: column.filter(kept) for name, column in rows.items()})


def _publication(rows: pa.Table, frame: Frame, published_at: datetime | None) -> ParsedPublication:
    feed, market = "dam_mcpc", "DA"
    if frame.has("stamp"):
        feed, market = "sced_mcpc", "RT5"
    elif frame.has("quarter"):
        feed, market = "rtm_mcpc", "RT15"
    return series_publication(
        "ancillary", rows, iso="ERCOT", feed=feed, market=market, published_at=published_at, parser="ercot.mcpc"
    )
