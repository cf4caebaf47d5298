"""MISO's yearly workbooks of load and generation: a line an hour and place, under a header some lines down.

`YYYYMMDD_dfal_HIST.xls` is the history of the daily report df_al, with the columns `MarketDay, HourEnding, LoadResource
Zone, MTLF (MWh), ActualLoad (MWh)`; `historical_gen_fuel_mix_YYYY.xlsx` is that of sr_gfm, with `Market Date,
HourEnding, Region, Fuel Type, DA Cleared UDS Generation, [RT Generation State Estimator`. They bear the feeds of these.
Headers stand there again further down, numbers may be texts, and a disclaimer closes the sheet. Hours are hour-ending
in Eastern Standard Time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.isos.csv_faults import is_number_or_empty
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.heads import column_key
from integrations.isos.miso.clock import midnight_second
from integrations.isos.miso.rows import Rows
from integrations.isos.miso.workbooks import date_of, hour_of, number_in, publication
from integrations.isos.ticks import ParsedPublication

_HEADER_WITHIN = 12
_TOTAL = "total"


@dataclass(frozen=True)
class History:
    """The feed that a workbook is the history of, its columns by key, and the series of those that hold numbers."""

    feed: str
    day: str
    hour: str
    area: str
    category: str
    series: Mapping[str, str]
    unit: str

    @property
    def columns(self) -> Sequence[str]:
        return [key for key in (self.day, self.hour, self.area, self.category, *self.series) if key]


HISTORIES = (
    History(
        "df_al", "marketday", "hourending", "loadresourcezone", "",
        {"mtlf(mwh)": "load_forecast", "actualload(mwh)": "load"}, "MWh",
    ),
    History(
        "sr_gfm", "marketdate", "hourending", "region", "fueltype",
        {"daclearedudsgeneration": "cleared_generation", "[rtgenerationstateestimator": "generation"}, "MW",
    ),
)  # fmt: skip


def history_of(document: Document) -> History | None:
    """Which of the histories a workbook is; None for any other."""
    heads = [list(sheet[:_HEADER_WITHIN]) for sheet in document.sheets.values()]
    return next((found for found in HISTORIES if any(_positions(found, row) for rows in heads for row in rows)), None)


def parse(document: Document, history: History) -> ParsedPublication:
    """Every number of a year. Raises UnreadablePublication, also for one that is there twice."""
    rows = Rows()
    seen: set[tuple[object, ...]] = set()
    for sheet, line, cells in _lines(document, history):
        day = date_of(document, sheet, line, cells[history.day])
        hour = hour_of(
            document, sheet, line, number_in(document, sheet, line, history.hour, cells[history.hour]) or 0.0
        )
        start = midnight_second(day) + hour
        if not 2000 <= day.year <= 2100:
            raise unreadable(
                document.name, f"sheet {sheet}, {history.day}: {day} is no day of a market (2000 to 2100)", line
            )
        for key in filter(None, (history.area, history.category)):
            if not str(cells[key]).strip():
                raise unreadable(document.name, f"sheet {sheet}: {key} is empty, and says whose number it is", line)
        area, category = str(cells[history.area]).strip(), _label(str(cells.get(history.category, "")))
        if history.category:  # the daily report calls MISO's own line the total
            area = {"miso": _TOTAL}.get(area.lower(), area.lower())
        if category == _TOTAL:  # a sum of the others, left out of the daily report too
            continue
        if (area, category, start) in seen:
            raise unreadable(document.name, f"sheet {sheet}: {f'{area} {category}'.strip()} has this hour twice", line)
        seen.add((area, category, start))
        for key, series in history.series.items():
            if (value := number_in(document, sheet, line, key, cells[key])) is not None:
                rows.add(series, area, start, value, category=category, unit=history.unit)
    return publication(document, rows, history.feed)


def _lines(document: Document, history: History) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """The lines below a header that have an hour, with their cells by key; the others are headers and notes."""
    headers = (found for lines in document.sheets.values() for row in lines if (found := _positions(history, row)))
    known = next(headers, {})  # where the columns stand, on the sheet before or on the first with a header
    for sheet, lines in document.sheets.items():
        positions: Mapping[str, int] = {}
        for number, row in enumerate(lines, start=1):
            if found := _positions(history, row):
                positions = known = found
            elif not positions:
                if _has_numbers(history, known, row) and is_number_or_empty(_text(row, known[history.hour])):
                    problem = f"sheet {sheet}: rows without a header above them: copy that of the other rows there"
                    raise unreadable(document.name, problem, number)
            elif _text(row, positions[history.hour]):
                yield sheet, number, {key: row[position] for key, position in positions.items()}
            elif _has_numbers(history, positions, row):
                problem = f"sheet {sheet}: {history.hour} is empty beside numbers: fill in the hour or clear the row"
                raise unreadable(document.name, problem, number)


def _has_numbers(history: History, positions: Mapping[str, int], row: Sequence[Any]) -> bool:
    """Whether a number stands, perhaps as text, where a series has its column."""
    cells = [_text(row, positions[key]) for key in history.series]
    return any(cell and is_number_or_empty(cell) for cell in cells)


def _text(row: Sequence[Any], position: int) -> str:
    return str(row[position]).strip() if position < len(row) else ""


def _positions(history: History, row: Sequence[Any]) -> dict[str, int]:
    keys = [column_key(cell) if isinstance(cell, str) else "" for cell in row]
    return {key: keys.index(key) for key in history.columns} if set(history.columns) <= set(keys) else {}


def _label(text: str) -> str:
    return text.strip().lower().replace(" ", "_")
