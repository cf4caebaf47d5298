"""Results of PJM's base residual auction (Reliability Pricing Model): prices and cleared capacity of a delivery year.

Since 2022/2023 a workbook has a sheet Summary (titled `2024/2025 BRA Summary of Auction Results`) with one table of
clearing prices by locational deliverability area (LDA), one of cleared MW, and one by zone of what load pays; since
2025/2026 a sheet of pricing points besides, which repeats these prices under settlement names and is not read. Before,
one table has an LDA's cleared MW and price side by side. Prices are $/MW-day of unforced capacity.
"""

from dataclasses import dataclass

from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.pjm.sheets import DeliveryYear, Sheet, number, sheets, text
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import ParsedPublication

PARSER = "pjm.rpm_bra_results"
FEED = "rpm_bra_results"

RESOURCE = "resource clearing price"
ZONAL = "preliminary zonal capacity price"
NET_LOAD = "preliminary zonal net load price"


@dataclass(frozen=True)
class _Price:
    area: str
    product: str
    price: float
    cleared_mw: float | None


def is_bra_results(document: Document) -> bool:
    titles = [sheet.title.lower() for sheet in sheets(document)]
    return any(_is_auction(title) and "result" in title for title in titles)


def parse(document: Document) -> ParsedPublication:
    """Read a workbook of either layout. Raises UnreadablePublication naming sheet, row and column."""
    book = sheets(document)
    year = next((found for sheet in book if (found := DeliveryYear.in_words(sheet.title))), None)
    if year is None:
        raise unreadable(document.name, "no sheet's title names a delivery year such as 2026/2027")
    summary = next((sheet for sheet in book if sheet.name.strip().lower() == "summary"), book[0])
    prices = _side_by_side(summary)
    if not prices:
        prices = [*_by_area(summary), *_by_zone(summary)]
    rows = series_rows(
        "capacity",
        {
            "auction": [f"{year.label} BRA"] * len(prices),
            "area": [found.area for found in prices],
            "product": [found.product for found in prices],
            "interval_start_utc": [year.start_utc] * len(prices),
            "interval_end_utc": [year.end_utc] * len(prices),
            "price_usd_per_mw_day": [found.price for found in prices],
            "cleared_mw": [found.cleared_mw for found in prices],
        },
    )
    return series_publication("capacity", rows, iso="PJM", feed=FEED, parser=PARSER)


def _is_auction(title: str) -> bool:
    return DeliveryYear.in_words(title) is not None and ("bra " in title or "base residual auction" in title)


def _by_area(summary: Sheet) -> list[_Price]:
    """The table under `Resource Clearing Prices`, and the cleared MW of the table under `... Cleared`."""
    section = summary.header("resource clearing prices")
    header = None if section is None else summary.header("lda", start=section)
    if header is None:
        raise unreadable(
            f"{summary.document.name} sheet {summary.name}", "there is no table of resource clearing prices by LDA"
        )
    cleared = _cleared(summary, header)
    return [_Price(area, RESOURCE, summary.number(row, 1), cleared.get(area)) for row, area, _ in summary.below(header)]


def _cleared(summary: Sheet, after: int) -> dict[str, float]:
    """Cleared MW by LDA; the header has a second row, without a label, that says which offers are meant."""
    header = summary.header("lda", start=after + 1)
    if header is None:
        return {}
    below = header + 1 if not text(summary.rows[header + 1][0]) else header
    if not any(
        "sell offers cleared" in text(cell).lower() for row in summary.rows[header - 1 : below + 1] for cell in row
    ):
        return {}
    return {area: mw for _, area, cells in summary.below(below) if (mw := number(cells[1])) is not None}


def _by_zone(summary: Sheet) -> list[_Price]:
    header = summary.header("zone")
    if header is None:
        return []
    names = header + 1 if not text(summary.rows[header + 1][0]) else header
    found = []
    for product, words in ((ZONAL, ("zonal capacity price",)), (NET_LOAD, ("net load price",))):
        column = summary.column(names, *words)
        if column is not None:
            found += [_Price(zone, product, summary.number(row, column), None) for row, zone, _ in summary.below(names)]
    return found


def _side_by_side(sheet: Sheet) -> list[_Price]:
    """The layout to 2021/2022: LDA, cleared MW and clearing price in one table."""
    header = sheet.header("lda", "mw", "$/mw-day")
    if header is None:
        return []
    price = sheet.column(header, "$/mw-day")
    cleared = next(
        (at for at, cell in enumerate(sheet.rows[header]) if at != price and "mw" in text(cell).lower()), None
    )
    assert price is not None
    return [
        _Price(area, RESOURCE, sheet.number(row, price), None if cleared is None else number(cells[cleared]))
        for row, area, cells in sheet.below(header)
    ]
