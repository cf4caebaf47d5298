"""Answers of MISO's data broker as CSV (`returnType=csv`): a line `RefId`, then one or more tables with their headers.

The columns are named as the members of the JSON are, so a file is made the JSON that would have come, and read as that:
faults name the n-th entry.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.heads import Head

_LARGEST_BYTES = 4 * 1024**2  # the largest of them has some hundreds of nodes
_FUELS = {"INTERVALEST", "CATEGORY", "ACT"}
_POWER = ({"ForecastDateTimeEST", "ActualDateTimeEST"}, {"DateTimeEST", "HourEndingEST", "Value"})
_FIVE_MINUTE_LOAD, _LOAD_FORECAST = ["Load_Time", "Load_Value"], ["Hour_End", "Load_Forecast"]
_PRICES = ["Name", "LMP", "MLC", "MCC"]
_BLOCK = re.compile(rb"(\w+)LMP at ", re.IGNORECASE)  # the first of those above the columns

Table = tuple[Sequence[str], list[Sequence[str]]]
"""A header and the rows below it."""


def answer_of(head: Head) -> Document | None:
    """The answer as JSON; None for any other file. Raises UnreadablePublication for a row of another length."""
    if head.first.cells[:1] != ("RefId",) or len(head.content) > _LARGEST_BYTES:
        return None
    answer = _answer(head, _tables(head))
    if answer is None:
        return None
    reference = ",".join(head.first.cells[1:2])
    content = {"LMPData": {"RefId": reference} | answer} if "FiveMinLMP" in answer else {"RefId": reference} | answer
    if "FiveMinTotalLoad" in answer:
        content = {"LoadInfo": content}
    return Document(head.name, json.dumps(content).encode("ascii"), "json")


def _answer(head: Head, tables: Sequence[Table]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for header, rows in tables:
        entries = [dict(zip(header, row, strict=True)) for row in rows]
        if set(header) >= _FUELS:
            return {"Fuel": {"Type": entries}}
        if any(set(header) >= keys for keys in _POWER):
            return {"MktDay": "", "instance": entries}
        if list(header[:4]) == _PRICES and (block := _BLOCK.search(head.content)) and block[1].lower() == b"fivemin":
            return {"FiveMinLMP": {"PricingNode": [_node(header, row) for row in rows]}}
        if list(header) == _FIVE_MINUTE_LOAD:
            found["FiveMinTotalLoad"] = [{"Load": {"Time": e["Load_Time"], "Value": e["Load_Value"]}} for e in entries]
        if list(header) == _LOAD_FORECAST:
            hours = [{"HourEnding": e["Hour_End"], "LoadForecast": e["Load_Forecast"]} for e in entries]
            found["MediumTermLoadForecast"] = [{"Forecast": hour} for hour in hours]
    return found if "FiveMinTotalLoad" in found else None


def _node(header: Sequence[str], row: Sequence[str]) -> Mapping[str, str]:
    """A node with the prices of the first block, which is that of the five minutes; the same names come again later."""
    return {"name": row[0]} | {name: row[header.index(name)] for name in _PRICES[1:]}


def _tables(head: Head) -> list[Table]:
    """Each header with its rows: a table ends at a title, which is one cell, or at a blank line."""
    try:
        lines = list(csv.reader(io.StringIO(head.content.decode("utf-8-sig"), newline=None), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise unreadable(head.name, f"it cannot be read as CSV: {error}") from None
    tables: list[Table] = []
    header: list[str] | None = None
    for number, line in enumerate(lines[1:], start=2):
        cells = [cell.strip() for cell in line]
        if len([cell for cell in cells if cell]) < 2 or not cells[0]:
            header = None
        elif header is None:
            header = cells
            tables.append((header, []))
        elif len(cells) != len(header):
            raise unreadable(
                head.name, f"the line has {len(cells)} of {len(header)} cells: cut short, get it again", number
            )
        else:
            tables[-1][1].append(cells)
    return tables
