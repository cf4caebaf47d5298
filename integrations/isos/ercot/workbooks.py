"""ERCOT's workbooks of history with a line a row: hub and zone prices, ancillary prices, adders.

The header is a sheet's first line, or stands some lines down, below a logo and a title: so is that of the ancillary
prices since October 2026.
"""

from collections.abc import Mapping, Sequence

from integrations.isos.documents import Document
from integrations.isos.ercot import ancillary, ordc, prices
from integrations.isos.ercot.times import time_positions
from integrations.isos.heads import CsvFile
from integrations.isos.sheet_reading import header_of, read_sheets
from integrations.isos.ticks import ParsedPublication

_HEADER_WITHIN = 12
DAY_AHEAD_HISTORY = prices.Report(
    "dam_lzhb_spp", "DA", "SettlementPoint", "SettlementPointPrice", prices.DAY_AHEAD.expected
)
REAL_TIME_HISTORY = prices.Report(
    "rtm_lzhb_spp", "RT15", "SettlementPointName", "SettlementPointPrice", prices.REAL_TIME.expected,
    "SettlementPointType",
)  # fmt: skip


Heads = Mapping[str, Sequence[frozenset[str]]]
"""The column keys of each of a sheet's first lines."""


def heads_of(document: Document) -> Heads:
    lines = range(1, _HEADER_WITHIN + 1)
    return {
        sheet: [frozenset(header_of(document, sheet, line).header.keys) for line in lines] for sheet in document.sheets
    }


def sheets_with(heads: Heads, *columns: str) -> dict[str, int]:
    """The sheets with a header that has all these columns (as keys), and the line of it."""
    wanted = frozenset(columns)
    found = (
        (sheet, next((n for n, keys in enumerate(head, start=1) if wanted <= keys), 0)) for sheet, head in heads.items()
    )
    return {sheet: line for sheet, line in found if line}


def parse_prices(document: Document, report: prices.Report, sheets: Mapping[str, int]) -> ParsedPublication:
    """A year of prices of hubs and load zones, a sheet a month. Raises UnreadablePublication."""

    def positions(header: CsvFile) -> Mapping[str, int]:
        return time_positions(header) | prices.positions_of(header, report)

    return prices.publication(read_sheets(document, sheets, positions, frozenset({"price"})), report, None)


def parse_ancillary(document: Document, sheets: Mapping[str, int]) -> ParsedPublication:
    """A year of day-ahead ancillary prices with a column a service."""

    def positions(header: CsvFile) -> Mapping[str, int]:
        return time_positions(header) | ancillary.service_columns(header)

    return ancillary.history(read_sheets(document, sheets, positions, frozenset(ancillary.SERVICES)), None)


def parse_adders(document: Document, sheets: Mapping[str, int]) -> ParsedPublication:
    """A year of price adders by run or by quarter of an hour."""

    def positions(header: CsvFile) -> Mapping[str, int]:
        return time_positions(header) | ordc.columns_of(header)

    headers = (header_of(document, sheet, line) for sheet, line in sheets.items())
    numbers = frozenset(name for header in headers for name in ordc.columns_of(header))
    return ordc.publication(read_sheets(document, sheets, positions, numbers), None)
