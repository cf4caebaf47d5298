"""Planning parameters of PJM's capacity auctions: what each area needs, what it can import, and the demand curve.

Each number of the workbook is a series of the dataset fundamentals over the delivery year, named after the operator's
label: `reliability_requirement`, `cetl`, `net_cone`; the points of the demand curve (VRR) are `vrr_price` and
`vrr_level` with the point as category. The tables of all zones and of net CONE have the category `zone`. What is no
number (`NA`, `>115%`) is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.pjm.sheets import DeliveryYear, Sheet, eastern_midnight, number, sheets, text
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import ParsedPublication

PARSER = "pjm.rpm_planning_parameters"
FEED = "rpm_planning_parameters"

_ZONE = "zone"
_CURVE_POINT = re.compile(r"point \((\w+)\) ucap (price|level)", re.IGNORECASE)
_UNITS = (
    ("$/mw-day", "USD/MW-day"),
    ("$/mw-year", "USD/MW-year"),
    ("$/mw-icap", "USD/MW-day"),
    ("$/mw", "USD/MW"),
    ("factor", "ratio"),
    ("ratio", "ratio"),
    ("requirement (fpr)", "ratio"),
    ("escalation", "ratio"),
    ("minimum internal resource requirement", "ratio"),
    ("(irm)", "ratio"),
)
# What only tells the unit, the auction's year or a note is no part of a series' name.
_NO_NAME = re.compile(r"\$/mw-?\w*|\bmw\b|\b20\d\d(/20\d\d)?\b|\bbra\b|%|\*", re.IGNORECASE)


@dataclass(frozen=True)
class _Number:
    series: str
    area: str
    category: str
    unit: str
    value: float


def is_planning_parameters(document: Document) -> bool:
    title = sheets(document)[0].title.lower() if document.sheets else ""
    return "planning parameters" in title and DeliveryYear.in_words(title) is not None


def parse(document: Document) -> ParsedPublication:
    """Read a workbook. Raises UnreadablePublication where the table of LDAs is not there."""
    book = sheets(document)
    year = DeliveryYear.in_words(book[0].title)
    assert year is not None
    numbers = [*_system(book[0]), *_by_lda(book[0])]
    for sheet in book:
        for first in ("lda/zone", "zone/lda"):
            numbers += _by_zone(sheet, first)
    rows = series_rows(
        "fundamentals",
        {
            "series": [found.series for found in numbers],
            "area": [found.area for found in numbers],
            "category": [found.category for found in numbers],
            "unit": [found.unit for found in numbers],
            "interval_start_utc": [year.start_utc] * len(numbers),
            "interval_end_utc": [year.end_utc] * len(numbers),
            "value": [found.value for found in numbers],
        },
    )
    return series_publication("fundamentals", rows, iso="PJM", feed=FEED, published_at=_posted(book[0]), parser=PARSER)


def _lda_header(sheet: Sheet) -> int | None:
    """The row that names the LDAs from column B on: RTO, MAAC and so on."""
    names = ([text(cell).upper() for cell in row[1:3]] for row in sheet.rows)
    return next((at for at, cells in enumerate(names) if cells == ["RTO", "MAAC"]), None)


def _system(sheet: Sheet) -> Iterator[_Number]:
    """The parameters of the whole RTO, in the rows above the table of LDAs."""
    for row in sheet.rows[: _lda_header(sheet)]:
        label = text(row[0])
        if label and len(row) > 1 and (value := number(row[1])) is not None:
            yield _Number(_series(label), "RTO", "", _unit(label), value)


def _by_lda(sheet: Sheet) -> Iterator[_Number]:
    header = _lda_header(sheet)
    if header is None:
        raise unreadable(f"{sheet.document.name} sheet {sheet.name}", "no row names the LDAs (RTO, MAAC, ...)")
    areas = [text(cell) for cell in sheet.rows[header]]
    is_adjusted = False
    for row in sheet.rows[header + 1 :]:
        label = text(row[0])
        if not label:
            return
        is_adjusted |= "adjusted for prd" in label.lower()
        point = _CURVE_POINT.match(label)
        series = f"vrr_{point[2].lower()}" if point else _series(label)
        category = "" if point is None else f"prd {point[1]}" if is_adjusted else point[1]
        for area, cell in zip(areas[1:], row[1:], strict=False):
            if area and (value := number(cell)) is not None:
                yield _Number(series, area, category, _unit(label), value)


def _by_zone(sheet: Sheet, first: str) -> Iterator[_Number]:
    """A table with one row a zone or LDA and a number a column."""
    header = sheet.header(first)
    if header is None:
        return
    seen: set[tuple[str, str]] = set()
    for _, area, cells in sheet.below(header):
        for title, cell in zip(map(text, sheet.rows[header][1:]), cells[1:], strict=False):
            series = _series(title)
            # A column that states a year before escalation repeats the one after it.
            if series and (value := number(cell)) is not None and (series, area) not in seen:
                seen.add((series, area))
                yield _Number(series, area, _ZONE, _unit(title), value)


def _series(label: str) -> str:
    """`Net CONE, $/MW-Day (UCAP Price)` is `net_cone_ucap_price`."""
    words = re.findall(r"[a-z0-9&]+", _NO_NAME.sub(" ", label.lower()))
    return "_".join(words).replace("&", "")


def _unit(label: str) -> str:
    return next((unit for words, unit in _UNITS if words in label.lower()), "MW")


def _posted(sheet: Sheet) -> datetime | None:
    """The day of the posting, in the first row."""
    days = [cell for cell in (sheet.rows[0] if sheet.rows else ()) if isinstance(cell, date)]
    if not days:
        return None
    day = days[0].date() if isinstance(days[0], datetime) else days[0]
    return eastern_midnight(day).astimezone(UTC)
