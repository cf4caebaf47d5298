"""Data Miner 2 tables: one report is the same columns, be it the CSV of the user interface or the JSON of the API.

Both are read into `Columns`, so that each report has one parser. The API answers `{links, items, totalRows}`, one page
of up to 50,000 rows, or a bare list of items where only these were asked for.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NoReturn

import msgspec
import numpy as np
import pyarrow as pa

from integrations.isos import csv_faults
from integrations.isos.csv_reading import Columns, read
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, column_key
from integrations.isos.ticks import ParsedPublication

PAGE_ROWS = 50_000

_read_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_item = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_SELF = re.compile(r"/api/v1/(\w+)(?:\?|$)")


@dataclass(frozen=True)
class Report:
    """One Data Miner feed: the operator's name of it and its columns, of which `numbers` hold numbers.

    `tells` are the columns that no other report has (with `lacks` absent); `parse` reads a table with the columns.
    """

    name: str
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    tells: tuple[str, ...]
    parse: Callable[[Columns], ParsedPublication]
    optional_texts: tuple[str, ...] = ()
    optional_numbers: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        return (*self.texts, *self.numbers)

    @property
    def needed_keys(self) -> frozenset[str]:
        return folded(self.needed)

    def is_told_by(self, keys: frozenset[str]) -> bool:
        return folded(self.tells) <= keys and not folded(self.lacks) & keys


def folded(columns: Sequence[str]) -> frozenset[str]:
    return frozenset(column_key(column) for column in columns)


def csv_table(file: CsvFile, report: Report) -> Columns:
    """The report's columns of a CSV. Raises UnreadablePublication naming the one that is missing, or the bad cell."""
    positions = {column: file.need(column) for column in report.needed}
    for column in (*report.optional_texts, *report.optional_numbers):
        if (position := file.find(column_key(column))) is not None:
            positions[column] = position
    return read([file], [positions], frozenset((*report.numbers, *report.optional_numbers)))


@dataclass(frozen=True)
class AnswerHead:
    """What tells an answer of the API: the fields of its items, and the feed that its own link names ('' without)."""

    keys: frozenset[str]
    feed: str


@dataclass(frozen=True)
class Answer:
    """What the API sent: its items, and whether that is all."""

    items: Sequence[Mapping[str, Any]]
    is_whole: bool


def head_of(document: Document) -> AnswerHead | None:
    """What tells the answer of Data Miner that a JSON document may be; None for any other JSON."""
    if not document.members:
        items, feed = _items(msgspec.Raw(msgspec.json.encode(document.json))), ""
    elif "items" in document.members:
        items, feed = _items(document.members["items"]), _feed_of(_member(document, "links"))
        if not feed and _member(document, "totalRows") is None:
            return None
    else:
        return None
    if items is None:
        return None
    try:
        return AnswerHead(folded(list(_read_item(items[0]))) if items else frozenset(), feed)
    except msgspec.ValidationError:
        return None


def answer_of(document: Document) -> Answer:
    """The answer of Data Miner in a document that has an AnswerHead. Raises UnreadablePublication naming the item."""
    content, total = document.json, None
    if isinstance(content, dict):
        content, total = content["items"], content.get("totalRows")
    for number, item in enumerate(content, start=1):
        if type(item) is not dict:
            raise unreadable(document.name, f"item {number:,} is no object")
    return Answer(content, len(content) < PAGE_ROWS if not isinstance(total, int) else len(content) >= total)


def _member(document: Document, key: str) -> Any:
    return msgspec.json.decode(document.members[key]) if key in document.members else None


def _items(raw: msgspec.Raw) -> Sequence[msgspec.Raw] | None:
    """The items of a list, not decoded yet; None for what is no list."""
    try:
        return _read_items(raw)
    except msgspec.ValidationError:
        return None


def json_table(document: Document, answer: Answer, report: Report) -> Columns:
    """The report's columns of an answer. Raises UnreadablePublication as `csv_table` does, naming the item."""
    if not answer.items:
        raise unreadable(document.name, f"the answer of {report.name} has no items: nothing is published for it yet")
    spelt: dict[str, str] = {}
    for item in (answer.items[0], answer.items[-1]):
        spelt |= {column_key(name): name for name in item}
    columns: dict[str, pa.Array] = {}
    for column in (*report.needed, *report.optional_texts, *report.optional_numbers):
        name = spelt.get(column_key(column))
        if name is None and column in report.needed:
            raise unreadable(
                document.name, f"the field is missing; items have {', '.join(spelt.values())}", None, column
            )
        if name is not None:
            is_number = column in report.numbers or column in report.optional_numbers
            cells = _cells(answer.items, name)
            columns[column] = _numbers(document, column, cells) if is_number else _texts(cells)
    return _JsonTable(document.name, pa.table(columns), is_whole=answer.is_whole)


class _JsonTable(Columns):
    def __init__(self, name: str, table: pa.Table, *, is_whole: bool) -> None:
        super().__init__(table)
        self._name = name
        self.is_whole = is_whole

    def fail(self, row: int, column: str, problem: str) -> NoReturn:
        raise _bad_item(self._name, row, column, problem)

    def lines(self, *rows: int) -> str:
        return " and ".join(f"item {row + 1}" for row in rows)


def _bad_item(name: str, row: int, column: str, problem: str) -> Exception:
    return unreadable(name, f"item {row + 1}: {problem}", None, column)


def _feed_of(links: Any) -> str:
    hrefs = [str(link.get("href", "")) for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    found = (_SELF.search(href) for href in hrefs)
    return next((match[1] for match in found if match), "")


def _cells(items: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    try:
        return list(map(itemgetter(name), items))
    except KeyError:  # an item leaves a field out instead of writing null
        return [item.get(name) for item in items]


def _numbers(document: Document, column: str, cells: Sequence[Any]) -> pa.Array:
    """Float64, null where there is no number. One pass for the usual case; a text that is a number is one, too."""
    if not set(map(type, cells)) <= {int, float, type(None)}:
        cells = [_number(document, column, row, cell) for row, cell in enumerate(cells)]
    numbers = np.array(cells, dtype=np.float64)  # an absent one becomes NaN, which JSON does not have
    too_large = np.abs(numbers) > csv_faults.MAX_NUMBER
    if too_large.any():
        row = int(np.argmax(too_large))
        raise _bad_item(document.name, row, column, f"{cells[row]!r} is far too large for a number of a market")
    return pa.array(numbers, from_pandas=True)


def _texts(cells: Sequence[Any]) -> pa.Array:
    if set(map(type, cells)) != {str}:
        cells = ["" if cell is None else str(cell) for cell in cells]
    return pa.array(cells, pa.string())


def _number(document: Document, column: str, row: int, cell: Any) -> float | None:
    if cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)):
        return cell
    if isinstance(cell, str) and csv_faults.is_number_or_empty(cell):
        return float(cell) if cell.strip() else None
    raise _bad_item(document.name, row, column, f"{str(cell)[:40]!r} is not a number")
