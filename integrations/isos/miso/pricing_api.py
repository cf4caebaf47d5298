"""Prices of MISO's pricing API (`pricing/v1/day-ahead/{date}/lmp-expost`, `…/asm-expost` and the like).

LMPs have a row a node and interval, `{"node", "lmp", "mec", "mcc", "mlc", "timeInterval"}`, and the kind of a node is
not told. Ancillary prices have one a reserve zone and product, `{"zone", "product", "mcp", "timeInterval"}`; zones and
products are kept as MISO writes them there, which is not as in its reports.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.gaps import Intervals, coverage_of_range, empty_cells, gap_table
from integrations.isos.miso.exchange_rows import (
    Feeds,
    Report,
    fail,
    first_row,
    is_whole,
    name_in,
    number_in,
    report_of,
    rows_of,
)
from integrations.isos.recognition import OtherProduct
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import Floats, ParsedPublication, Places, Prices, seconds, tick_table

PARSER, ANCILLARY_PARSER = "miso.pricing_api", "miso.pricing_api_mcp"
TOLERANCE_USD_PER_MWH = 0.02

_COLUMNS = ("lmp", "mec", "mcc", "mlc")
_FLOAT_NOISE = 1e-9
_LMP_FEEDS = Feeds("da_ex{}_lmp", "rt_lmp", "rt_five_min_lmp")
_ANCILLARY_FEEDS = Feeds("asm_ex{}_damcp", "asm_rtmcp", "rt_five_min_mcp")


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """An answer of prices; None for any other. Raises UnreadablePublication where nothing says which they are."""
    first = first_row(document)
    if first is None or not ({"node", "lmp"} <= first.keys() or {"zone", "product", "mcp"} <= first.keys()):
        return None
    is_lmp = "lmp" in first
    report = report_of(document, first, _LMP_FEEDS if is_lmp else _ANCILLARY_FEEDS)
    if report is None:
        what = "LMPs" if is_lmp else "ancillary prices"
        return OtherProduct(f"MISO's five-minute ex-ante {what}: not one of the price products read here")
    parse = _parse_lmps if is_lmp else _parse_ancillary
    return RecognisedDocument(document, lambda found: parse(found, report), report.facts)


def _parse_lmps(document: Document, report: Report) -> ParsedPublication:
    """All rows of a page. Raises UnreadablePublication, also for a node and interval twice."""
    rows = rows_of(document, report)
    code_of: dict[str, int] = {}
    seen: set[tuple[int, int]] = set()
    place = np.zeros(len(rows), dtype=np.int64)
    start = np.array([start_s for _, start_s in rows], dtype=np.int64)
    numbers: dict[str, Floats] = {column: np.full(len(rows), np.nan) for column in _COLUMNS}
    for index, (row, start_s) in enumerate(rows):
        node = name_in(document, row, index + 1, "node")
        place[index] = code = code_of.setdefault(node, len(code_of))
        if (code, start_s) in seen:
            fail(document, index + 1, "node", f"{node} has this interval twice")
        seen.add((code, start_s))
        for column in _COLUMNS:
            numbers[column][index] = number_in(document, row, index + 1, column)
    _check_sum(document, numbers)
    prices = Prices(numbers["lmp"], numbers["mec"], numbers["mcc"], numbers["mlc"])
    places, end = Places.without_type(list(code_of)), start + report.step_s
    gaps = empty_cells(prices, place, start, end)
    if is_whole(document):
        intervals = Intervals.of(start, np.arange(len(rows)))
        gaps.append(coverage_of_range(len(places), place, intervals, report.step_s).missing)
    table = tick_table(places, place, start, end, prices, None)
    return ParsedPublication(
        "MISO", report.market, report.feed, report.vintage, table, None, gap_table(places, gaps), PARSER, 1
    )


def _check_sum(document: Document, numbers: Mapping[str, Floats]) -> None:
    off = np.abs(numbers["lmp"] - (numbers["mec"] + numbers["mcc"] + numbers["mlc"]))
    wrong = off > TOLERANCE_USD_PER_MWH + _FLOAT_NOISE
    if wrong.any():
        index = int(np.argmax(wrong))
        fail(document, index + 1, "lmp", f"the price is off from the sum of its components by {off[index]:.5f} $/MWh")


def _parse_ancillary(document: Document, report: Report) -> ParsedPublication:
    """All rows of a page that have a price. Raises UnreadablePublication, also for one that is there twice."""
    is_whole(document)
    prices: dict[tuple[str, str, int], float] = {}
    for number, (row, start_s) in enumerate(rows_of(document, report), start=1):
        key = (name_in(document, row, number, "product").upper(), name_in(document, row, number, "zone"), start_s)
        if key in prices:
            fail(document, number, "zone", f"{key[1]} has this price of {key[0]} twice")
        prices[key] = number_in(document, row, number, "mcp")
    kept = [(*key, price) for key, price in prices.items() if not np.isnan(price)]
    start = np.array([start_s for _, _, start_s, _ in kept], dtype=np.int64)
    columns = {
        "product": pa.array([product for product, *_ in kept], pa.string()),
        "area": pa.array([zone for _, zone, *_ in kept], pa.string()),
        "interval_start_utc": seconds(start),
        "interval_end_utc": seconds(start + report.step_s),
        "price_usd_per_mw": pa.array([price for *_, price in kept], pa.float64()),
    }
    return series_publication(
        "ancillary",
        series_rows("ancillary", columns),
        iso="MISO",
        feed=report.feed,
        market=report.market,
        vintage=report.vintage,
        parser=ANCILLARY_PARSER,
    )
