"""Answers of ERCOT's public API: `fields` names the columns and `data` has the rows, each a list of cells.

The fields are the columns of the report's CSV, in camel case, so its reader reads them: prices, clearing prices of
ancillary services, adders, constraints, load, wind and solar power. The real-time prices call their point
`settlementPoint`, and load its day `operatingDay`. Forecasts say when each was published (`postedDatetime`). An answer
is one page of `_meta.totalPages`, and what is missing in it may stand on another one.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow.compute as pc

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.ercot import formats, fundamentals, ordc
from integrations.isos.ercot.headers import FORECAST_WEATHER_ZONES, FORECAST_ZONES, WEATHER_ZONES
from integrations.isos.errors import UnreadablePublication, unreadable
from integrations.isos.gaps import MISSING_INTERVAL
from integrations.isos.heads import CsvFile, column_key, head_of
from integrations.isos.recognition import OtherProduct, Recognised
from integrations.isos.ticks import ParsedPublication

_FIRST_ROWS = 8
_DAYS = {"deliverydate", "scedtimestamp"}
_POSTED = "posteddatetime"
_OTHER_DAYS = {"operatingday", "operday", "timeending", "intervaltime", _POSTED}
_TIMES = _DAYS | {
    "hourending", "deliveryhour", "deliveryinterval", "dstflag", "repeathourflag", "repeatedhourflag",
}  # fmt: skip
_PRICES = {"settlementpointprice", "lmp", "cappedlmp", "mcpc", "cappedmcpc"}
_PRICED = {
    "settlementpoint", "settlementpointname", "settlementpointtype", "electricalbus", "busname", "ancillarytype",
    "astype", "uncappedlmp", "uncappedmcpc",
}  # fmt: skip
_ADDERS = {column_key(column) for adder in ordc.ADDERS for column in adder.columns}
_BESIDE_ADDERS = {"prc", "batchid", "uncappedsystemlambda"}
_CONSTRAINTS = {"constraintname", "shadowprice"}
_DEMAND = {"deliverydate", "timeending", "demand", "dstflag"}
_LOADS = tuple(
    {"operatingday", "hourending", "total", "dstflag", *map(column_key, zones)}
    for zones in (FORECAST_ZONES, WEATHER_ZONES)
)
_LOAD_FORECASTS = tuple(
    {_POSTED, "deliverydate", "hourending", "systemtotal", "dstflag", *map(column_key, columns)}
    for columns in (FORECAST_ZONES, FORECAST_WEATHER_ZONES, (*FORECAST_WEATHER_ZONES, "model", "inUseFlag"))
)
_KNOWN = _TIMES.union(_PRICES, _PRICED, _DEMAND, *_LOADS, *_LOAD_FORECASTS)
# What only reports that are read have, or next to fields that are not known here.
_TELLING = _PRICES | {"systemtotal", "total", "demand"}
_UNNAMED = "unnamed"
_LINES = re.compile(r"\blines (?=\d)")


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """What an answer is; None for other JSON. Raises UnreadablePublication where its fields are not as they were."""
    if not {"fields", "data"} <= document.members.keys():
        return None
    names, rows = _names(document.json), document.json["data"]
    keys = set(map(column_key, names))
    if not keys & (_DAYS | _OTHER_DAYS):
        return None
    if not _is_read(keys) and not _is_renewable(names):
        _refuse_changed(document, names)
        return OtherProduct("an answer of ERCOT's public API to another question: prices, load, wind and sun are read")
    if not isinstance(rows, list):
        raise unreadable(document.name, "it is no list of rows: ask for the answer again", None, "data")
    if not rows:
        raise unreadable(document.name, "the answer has no rows: nothing is published for it yet")
    with _places_in_answer(document):
        # The header counts as line 0, so that lines are rows.
        head = head_of(document.name, _as_csv(document, names, rows[:_FIRST_ROWS]))
        found = formats.recognise(replace(head, lines=(replace(head.first, number=0), *head.lines[1:])))
    return RecognisedDocument(document, partial(_parse, found)) if isinstance(found, Recognised) else found


def _is_read(keys: set[str]) -> bool:
    """Whether all fields are known here: a new one may tell rows apart that would be taken for one."""
    if keys == _DEMAND or keys in _LOADS or keys in _LOAD_FORECASTS or keys >= _CONSTRAINTS:
        return True
    if not keys & _DAYS:
        return False
    if keys & (_PRICES | _PRICED):
        return keys <= _TIMES | _PRICES | _PRICED
    # The reserves that adders come of are many, and all of them begin so.
    others = keys - _TIMES - _ADDERS - _BESIDE_ADDERS
    return bool(keys & _ADDERS) and all(key.startswith("rt") for key in others)


def _is_renewable(names: Sequence[str]) -> bool:
    """Whether an answer has hours, when they were published, and else nothing but quantities of wind or sun."""
    others = {column_key(name) for name in names if fundamentals.renewable_column(name) == name}
    return len(others) < len(names) and {_POSTED, "deliverydate", "hourending"} <= others <= _TIMES | {_POSTED}


def _refuse_changed(document: Document, names: Sequence[str]) -> None:
    """Raise UnreadablePublication for a report that is read where a field of it is new, renamed or missing.

    Where two and more are not known it is another report.
    """
    columns = {name: column_key(name) for name in names if fundamentals.renewable_column(name) == name}
    strange = [name for name, key in columns.items() if key not in _KNOWN]
    if len(strange) > 1 or not (len(columns) < len(names) or _TELLING & set(columns.values())):
        return
    if strange:
        problem = "fields: the report has no such field: ask for the answer again, or give the report's file"
        raise unreadable(document.name, problem, None, strange[0])
    problem = "fields: they are not all those of a report: ask for the answer again, or give the report's file"
    raise unreadable(document.name, problem)


def _parse(found: Recognised, document: Document) -> ParsedPublication:
    answer = document.json
    content = _as_csv(document, _names(answer), answer["data"])
    with _places_in_answer(document):
        publication = found.parse([CsvFile(document.name, content, found.file.header)])
    meta = answer.get("_meta")
    pages = meta.get("totalPages") if isinstance(meta, Mapping) else None
    if type(pages) is int and pages > 1:
        gaps = publication.gaps
        publication = replace(publication, gaps=gaps.filter(pc.not_equal(gaps["cause"], MISSING_INTERVAL)))
    return publication


@contextmanager
def _places_in_answer(document: Document) -> Iterator[None]:
    """An answer has no lines: faults are told with their row of `data`, and those of the header with `fields`."""
    try:
        yield
    except UnreadablePublication as error:
        if error.line is None:
            raise
        words = error.reason.rpartition(": ")[2] if error.column is None else error.reason.partition(": ")[2]
        place = f"row {error.line} of data" if error.line else "fields"
        raise unreadable(document.name, f"{place}: {_LINES.sub('rows ', words)}", None, error.column) from None


def _names(answer: Any) -> list[str]:
    fields = answer["fields"]
    is_named = isinstance(fields, list) and all(isinstance(field, dict) for field in fields)
    return [str(field.get("name") or _UNNAMED) for field in fields] if is_named else []


def _as_csv(document: Document, names: Sequence[str], rows: Sequence[Any]) -> bytes:
    """A header and a line a row."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(names)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(names):
            raise unreadable(document.name, f"row {number} of data is no list of {len(names)} cells")
        if all(cell is None or not str(cell).strip() for cell in row):
            raise unreadable(document.name, f"row {number} of data is empty: ask for the answer again")
        cells = list(map(_text_of, names, row))
        if None in cells:
            problem = f"row {number} of data: the cell is no text, number or flag on one line"
            raise unreadable(document.name, problem, None, names[cells.index(None)])
        lines.writerow(cells)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _text_of(name: str, cell: Any) -> str | None:
    """A cell as a file has it; None for one that no file can have."""
    if cell is None:
        return ""
    text = str(cell)
    if isinstance(cell, list | dict) or (isinstance(cell, bool) and not column_key(name).endswith("flag")):
        return None
    return text if len(text.splitlines()) < 2 else None
