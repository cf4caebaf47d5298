"""MISO's ancillary service prices (MCPs): two tables in one report, for the whole system and for each node.

Report `YYYYMMDD_asm_{expost_damcp|exante_damcp|rtmcp_final|rtmcp_prelim}.csv`: a title, the date, then rows of
`place, zone, MCP Type` and 24 hours ending in Eastern Standard Time, in $/MW. The type is a kind of resource and a
product (`GENREGMCP`: regulation from generation); both are kept as MISO's own code without its last three letters.
"""

import re
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from integrations.isos.csv_reading import Frame, read
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, HeadLine, split_line
from integrations.isos.local_time import HOUR_S, ClockError, calendar_date
from integrations.isos.miso.answer_fields import list_at, number_of, reference_of, text_of
from integrations.isos.miso.clock import FIVE_MINUTES_S, midnight_second
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import Codes, Ints, ParsedPublication, labels, seconds

PARSER = "miso.asm_mcp"
ANSWER_PARSER = "miso.asm_mcp_answer"
OPERATOR_NAME = re.compile(r"(\d{8})_asm_(expost_damcp|exante_damcp|rtmcp_final|rtmcp_prelim)", re.IGNORECASE)

_HOURS = [f"he{hour}" for hour in range(1, 25)]
_SUFFIX = "MCP"
_SECOND_TABLE = re.compile(rb"(?im)^[ \t]*pnode\s*,\s*zone\s*,\s*mcp type\s*,.*$")
_REPORTS = {
    "expost_damcp": ("DA", "final"),
    "exante_damcp": ("DA", "final"),
    "rtmcp_final": ("RTH", "final"),
    "rtmcp_prelim": ("RTH", "preliminary"),
}


@dataclass(frozen=True)
class Report:
    """What the name and the lines above the first table say."""

    name: str
    day: date


def report_of(file_name: str, cells: list[str], line: int) -> Report:
    """Raises UnreadablePublication where the operator's file name or the day is missing."""
    named = OPERATOR_NAME.search(file_name)
    if not named:
        problem = "only MISO's file name (YYYYMMDD_asm_expost_damcp.csv and the like) tells which report this is"
        raise unreadable(file_name, problem, line)
    for cell in cells:
        try:
            return Report(named[2].lower(), calendar_date(cell))
        except ClockError:
            continue
    digits = named[1]
    try:
        return Report(named[2].lower(), calendar_date(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"))
    except ClockError as error:
        raise unreadable(file_name, f"neither its lines nor its name give the day: {error}", line) from None


def parse(file: CsvFile, report: Report) -> ParsedPublication:
    """Both tables of a report. Raises UnreadablePublication, also for a place and type that stand there twice."""
    tables = [_rows(part, report.day) for part in _tables(file)]
    market, vintage = _REPORTS[report.name]
    return series_publication(
        "ancillary",
        pa.concat_tables(tables).unify_dictionaries(),
        iso="MISO",
        feed=f"asm_{report.name.removesuffix('_final').removesuffix('_prelim')}",
        market=market,
        vintage=vintage,
        parser=PARSER,
    )


def parse_answer(document: Document) -> ParsedPublication:
    """The five-minute prices of an answer (`GetAncillaryServicesMcp`), by reserve zone: market RT5, preliminary.

    Its day-ahead prices are left out: it does not say whether they are ex-ante or ex-post.
    """
    end = reference_of(document)
    products: list[str] = []
    areas: list[str] = []
    prices: list[float] = []
    for number, zone in enumerate(list_at(document, "MCPData", "RealTimeMCP", "Zone"), start=1):
        area = f"Zone {text_of(document, zone, 'number', number)}"
        if area in areas:
            raise unreadable(document.name, f"entry {number}: {area} is there twice")
        for key in zone:
            if key.upper().endswith(_SUFFIX) and zone[key] not in (None, ""):
                products.append(key.upper().removesuffix(_SUFFIX).replace("DEMAND", "DEM"))
                areas.append(area)
                prices.append(number_of(document, zone, key, number))
    start = np.full(len(prices), end - FIVE_MINUTES_S)
    rows = series_rows(
        "ancillary",
        {
            "product": products,
            "area": areas,
            "interval_start_utc": seconds(start),
            "interval_end_utc": seconds(start + FIVE_MINUTES_S),
            "price_usd_per_mw": pa.array(prices, pa.float64()),
        },
    )
    return series_publication(
        "ancillary", rows, iso="MISO", feed="rt_five_min_mcp", market="RT5", vintage="preliminary", parser=ANSWER_PARSER
    )


def _tables(file: CsvFile) -> list[CsvFile]:
    """The report as one file a table: the second table has a header of its own, and may stand alone."""
    found = _SECOND_TABLE.search(file.content, file.header.end)
    if not found:
        return [file]
    number = file.content.count(b"\n", 0, found.start()) + 1
    second = HeadLine(number, split_line(found.group()), min(found.end() + 1, len(file.content)))
    return [CsvFile(file.name, file.content[: found.start()], file.header), CsvFile(file.name, file.content, second)]


def _rows(file: CsvFile, day: date) -> pa.Table:
    kind = file.need("MCP Type")
    positions = {"pnode": 0, "mcptype": kind} | {hour: file.need(hour) for hour in _HOURS}
    frame = read([file], [positions], frozenset(_HOURS))
    place, product = frame.text("pnode"), frame.text("mcptype")
    _refuse_repeats(frame, place.codes * np.int64(len(product)) + product.codes)
    prices = np.vstack([frame.number(hour) for hour in _HOURS]).T.reshape(-1)
    kept = ~np.isnan(prices)
    start = midnight_second(day) + np.tile(np.arange(24, dtype=np.int64) * HOUR_S, frame.rows)
    products = [_product(frame, product.codes, code, name) for code, name in enumerate(product.values)]
    place_of, product_of = np.repeat(place.codes.astype(np.int32), 24), np.repeat(product.codes.astype(np.int32), 24)
    return series_rows(
        "ancillary",
        {
            "product": labels(product_of[kept], products),
            "area": labels(place_of[kept], place.strings),
            "interval_start_utc": seconds(start[kept]),
            "interval_end_utc": seconds(start[kept] + HOUR_S),
            "price_usd_per_mw": prices[kept],
        },
    )


def _product(frame: Frame, codes: Codes, code: int, name: str) -> str:
    if not name.upper().endswith(_SUFFIX):
        frame.fail(int(np.argmax(codes == code)), "mcptype", f"{name!r} is no type of clearing price")
    return name.upper().removesuffix(_SUFFIX)


def _refuse_repeats(frame: Frame, key: Ints) -> None:
    _, first = np.unique(key, return_index=True)
    if len(first) < len(key):
        again = int(np.setdiff1d(np.arange(len(key)), first)[0])
        frame.fail(again, "mcptype", "the place has this type of price twice")
