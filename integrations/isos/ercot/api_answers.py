"""Answers of ERCOT's public API: `fields` names the columns and `data` has the rows, each a list of cells.

The fields are the columns of the report's CSV, in camel case, so its reader reads them: prices, clearing prices of
ancillary services, adders. Only the real-time prices call their point `settlementPoint`. An answer is one page of
`_meta.totalPages`, and what is missing in it may stand on another one.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow.compute as pc

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.ercot import formats
from integrations.isos.errors import UnreadablePublication, unreadable
from integrations.isos.gaps import MISSING_INTERVAL
from integrations.isos.heads import CsvFile, column_key, head_of
from integrations.isos.recognition import OtherProduct, Recognised
from integrations.isos.ticks import ParsedPublication

_FIRST_ROWS = 8
_REAL_TIME = {"deliveryinterval", "settlementpoint", "settlementpointprice"}
# Their fields are spelt otherwise than the columns of the files, so that areas and quantities would be others.
_OTHERS = {"posteddatetime", "operatingday", "resourcename", "resourcetype"}


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """What an answer is; None for other JSON. Raises UnreadablePublication where a column of prices is missing."""
    if not {"fields", "data"} <= document.members.keys():
        return None
    names, rows = _names(document.json), document.json["data"]
    if not names or not isinstance(rows, list):
        return None
    if _OTHERS & set(map(column_key, names)):
        return OtherProduct("an answer of ERCOT's public API with no prices: its file is read")
    if not rows:
        raise unreadable(document.name, "the answer has no rows: nothing is published for it yet")
    found = formats.recognise(head_of(document.name, _as_csv(document, names, rows[:_FIRST_ROWS])))
    return RecognisedDocument(document, partial(_parse, found)) if isinstance(found, Recognised) else found


def _parse(found: Recognised, document: Document) -> ParsedPublication:
    answer = document.json
    content = _as_csv(document, _names(answer), answer["data"])
    try:
        publication = found.parse([CsvFile(document.name, content, found.file.header)])
    except UnreadablePublication as error:
        if error.line is None:
            raise
        words = error.reason.rpartition(": ")[2] if error.column is None else error.reason.partition(": ")[2]
        raise unreadable(document.name, f"row {error.line - 1} of data: {words}", None, error.column) from None
    meta = answer.get("_meta")
    if isinstance(meta, Mapping) and meta.get("totalPages", 1) != 1:
        gaps = publication.gaps
        publication = replace(publication, gaps=gaps.filter(pc.not_equal(gaps["cause"], MISSING_INTERVAL)))
    return publication


def _names(answer: Any) -> list[str]:
    fields = answer["fields"]
    named = isinstance(fields, list) and all(isinstance(field, dict) and field.get("name") for field in fields)
    names = [str(field["name"]) for field in fields] if named else []
    if set(map(column_key, names)) >= _REAL_TIME:
        names = ["SettlementPointName" if column_key(name) == "settlementpoint" else name for name in names]
    return names


def _as_csv(document: Document, names: Sequence[str], rows: Sequence[Any]) -> bytes:
    """A header and a line a row."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(names)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != len(names):
            raise unreadable(document.name, f"row {number} of data is no list of {len(names)} cells")
        lines.writerow(["" if cell is None else " ".join(str(cell).splitlines()) for cell in row])
    return text.getvalue().encode("utf-8", "surrogatepass")
