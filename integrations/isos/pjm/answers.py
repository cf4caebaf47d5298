"""Answers of the Data Miner API: `{links, items, totalRows}`, one page of up to 50,000 rows, or a bare list of items.

Only the fields that a report reads are made Python objects, and texts not before they are asked for.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, NoReturn

import msgspec
import numpy as np
import pyarrow as pa

from integrations.isos import csv_faults
from integrations.isos.csv_reading import Columns
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.heads import column_key
from integrations.isos.pjm.tables import PAGE_ROWS, Report, folded

_SELF = re.compile(r"/api/v1/(\w+)(?:\?|$)")
_OPENING = re.compile(rb"\s*\[\s*\{")
_EDGE_BYTES = 65536
_first_of = json.JSONDecoder().raw_decode
_read_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_item = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True)
class AnswerHead:
    """What tells an answer of the API: the fields of its items, and the feed that its own link names ('' without)."""

    keys: frozenset[str]
    feed: str


def head_of(document: Document) -> AnswerHead | None:
    """What tells the answer of Data Miner that a JSON document may be; None for any other JSON."""
    feed = ""
    if document.members:
        if "items" not in document.members:
            return None
        feed = _feed_of(_member(document, "links"))
        if not feed and _member(document, "totalRows") is None:
            return None
    names = _edge_names(_items(document))
    return None if names is None else AnswerHead(folded(names[0]), feed)


def json_table(document: Document, report: Report) -> Columns:
    """The report's columns of an answer that has an AnswerHead. Raises UnreadablePublication naming the item."""
    content = _items(document)
    names = _edge_names(content)
    if not names or not any(names):
        raise unreadable(document.name, f"the answer of {report.name} has no items: nothing is published for it yet")
    spelt = {column_key(name): name for side in names for name in side}
    fields = {}
    needed = report.needed_of(frozenset(spelt))
    for column in (*needed, *report.optional_texts, *report.optional_numbers):
        if name := spelt.get(column_key(column)):
            fields[column] = name
        elif column in needed:
            has = ", ".join(spelt.values())
            raise unreadable(document.name, f"the field is missing; items have {has}", None, column)
    items = _read(document, content, fields, report.number_columns)
    return _JsonTable(document.name, fields, items, report.number_columns, _member(document, "totalRows"))


class _JsonTable(Columns):
    def __init__(
        self, name: str, fields: Mapping[str, str], items: "_Items", numbers: frozenset[str], total_rows: Any
    ) -> None:
        columns = {column: _numbers(name, column, items) for column in fields if column in numbers}
        super().__init__(pa.table(columns))
        self.rows = items.count
        self.is_whole = self.rows >= total_rows if isinstance(total_rows, int) else self.rows < PAGE_ROWS
        self._name = name
        self._fields = fields
        self._items = items

    def has(self, column: str) -> bool:
        return column in self._fields

    def strings(self, column: str) -> pa.StringArray:
        return _texts(self._items.cells(column))

    def fail(self, row: int, column: str, problem: str) -> NoReturn:
        raise _bad_item(self._name, row, column, problem)

    def lines(self, *rows: int) -> str:
        return " and ".join(f"item {row + 1}" for row in rows)


def _bad_item(name: str, row: int, column: str, problem: str) -> Exception:
    return unreadable(name, f"item {row + 1}: {problem}", None, column)


def _member(document: Document, key: str) -> Any:
    return msgspec.json.decode(document.members[key]) if key in document.members else None


def _items(document: Document) -> msgspec.Raw:
    """The items, not decoded yet, or what stands in their place."""
    return document.members["items"] if document.members else msgspec.Raw(msgspec.json.encode(document.json))


def _feed_of(links: Any) -> str:
    hrefs = [str(link.get("href", "")) for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    found = (_SELF.search(href) for href in hrefs)
    return next((match[1] for match in found if match), "")


def _edge_names(content: msgspec.Raw) -> tuple[Sequence[str], Sequence[str]] | None:
    """The names of the fields of the first and the last item, none without items; None for what is no list of objects.

    Both are looked for at the edges only, for it takes long to find the bounds of all items.
    """
    view = memoryview(content)
    start, end = bytes(view[:_EDGE_BYTES]), bytes(view[-_EDGE_BYTES:]).rstrip().removesuffix(b"]")
    if opening := _OPENING.match(start):
        try:
            first, _ = _first_of(start.decode("utf-8", "replace"), opening.end() - 1)
            return list(first), list(_read_item(end[end.rindex(b"{") :]))
        except (ValueError, RecursionError):
            pass  # an item without end in what was looked at, or one within another one
    try:
        items = _read_items(content)
        first_names = list(_read_item(items[0])) if items else []
    except msgspec.ValidationError:
        return None
    try:
        return first_names, list(_read_item(items[-1])) if items else []
    except msgspec.ValidationError:
        return first_names, []


@dataclass(frozen=True)
class _Items:
    """The items of an answer; `cells` gives those of a column, None where an item leaves the field out.

    `are_typed` says that every number is one already.
    """

    count: int
    cells: Callable[[str], Sequence[Any]]
    are_typed: bool


def _read(document: Document, content: msgspec.Raw, fields: Mapping[str, str], numbers: frozenset[str]) -> _Items:
    if not document.content.isascii():
        _refuse_broken_text(document)
    try:
        items = _decoder(tuple((column, name, column in numbers) for column, name in fields.items())).decode(content)
    except msgspec.ValidationError:
        pass  # a cell of a type that has to be looked at, or an item that is no object
    else:
        return _Items(len(items), lambda column: list(map(attrgetter(column), items)), are_typed=True)
    plain = msgspec.json.decode(content)
    for number, item in enumerate(plain, start=1):
        if type(item) is not dict:
            raise unreadable(document.name, f"item {number:,} is no object")
    return _Items(len(plain), lambda column: [item.get(fields[column]) for item in plain], are_typed=False)


@lru_cache(maxsize=64)
def _decoder(fields: tuple[tuple[str, str, bool], ...]) -> msgspec.json.Decoder[Any]:
    """Of items with these fields: attribute, name in the JSON, and whether it should be a number."""
    types: list[tuple[str, Any, Any]] = [
        (attribute, float | None if is_number else Any, msgspec.field(default=None, name=name))
        for attribute, name, is_number in fields
    ]
    return msgspec.json.Decoder(list[msgspec.defstruct("Item", types, gc=False)])  # type: ignore[misc]


def _refuse_broken_text(document: Document) -> None:
    """Fields that are skipped are not looked into. Raises UnreadablePublication where bytes are no UTF-8."""
    try:
        document.content.decode()
    except UnicodeDecodeError as error:
        raise unreadable(document.name, f"the JSON cannot be read: {error}") from None


def _numbers(name: str, column: str, items: _Items) -> pa.Array:
    """Float64, null where there is no number; a text that is a number is one, too."""
    cells = items.cells(column)
    if not items.are_typed:
        cells = [_number(name, column, row, cell) for row, cell in enumerate(cells)]
    numbers = np.array(cells, dtype=np.float64)  # an absent one becomes NaN, which JSON does not have
    too_large = np.abs(numbers) > csv_faults.MAX_NUMBER
    if too_large.any():
        row = int(np.argmax(too_large))
        raise _bad_item(name, row, column, f"{cells[row]!r} is far too large for a number of a market")
    return pa.array(numbers, from_pandas=True)


def _number(name: str, column: str, row: int, cell: Any) -> float | None:
    if cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)):
        return cell
    if isinstance(cell, str) and csv_faults.is_number_or_empty(cell):
        return float(cell) if cell.strip() else None
    raise _bad_item(name, row, column, f"{str(cell)[:40]!r} is not a number")


def _texts(cells: Sequence[Any]) -> pa.StringArray:
    try:
        return pa.array(cells, pa.string()).fill_null("")
    except pa.ArrowTypeError:
        pass  # some are no texts
    if set(map(type, cells)) == {int} and max(map(abs, cells)) < 2**63:
        return pa.array(cells, pa.int64()).cast(pa.string())
    return pa.array(["" if cell is None else str(cell) for cell in cells], pa.string())
