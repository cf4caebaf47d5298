"""What a batch of events writes: rows collected in memory, then one COPY a table.

Row by row, PostgreSQL and the driver spend most of their time on round trips. Here the rows that handlers will ask for
are fetched in one query a table, the handlers work on them in memory, one event after the other, and what they left
is written at the end.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any, ClassVar, LiteralString, TypeVar, cast, get_type_hints

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

Cursor = psycopg.Cursor[TupleRow]


class Row(msgspec.Struct, array_like=True, eq=False, gc=False):
    """A row of the table `TABLE`; its fields are the columns.

    Columns of PostgreSQL's types for JSON and for arrays are held as text: see `json_text` and `array_text`. `LOOKUP`
    is the column by which handlers find rows, where they do, and `FOUND` an SQL condition that narrows which of them
    are found in the table; `KEY` the columns by which `put` knows a row.
    """

    TABLE: ClassVar[str]
    LOOKUP: ClassVar[str] = ""
    FOUND: ClassVar[LiteralString] = "true"
    KEY: ClassVar[tuple[str, ...]] = ()


R = TypeVar("R", bound=Row)
Wanted = tuple[type[Row], Hashable]

_PIECE = 500  # rows that become text at once
_json = msgspec.json.Encoder()
_CONTROLS = {b"\\n": b"\n", b"\\r": b"\r", b"\\t": b"\t", b"\\b": b"\b", b"\\f": b"\f"}
_BETWEEN = re.compile(rb"\]\n\[")
_ANY_CONTROL = re.compile(rb"\\[nrtbfu]")  # and some escaped backslashes before such a letter


def json_text(value: Any) -> str:
    """A value for a JSON column."""
    return _json.encode(value).decode()


def array_text(values: Collection[object]) -> str:
    """Values for an array column, as PostgreSQL writes arrays."""
    text = _json.encode(values).decode()
    if "\\" in text:  # the two escape alike, but for control characters
        quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
        return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
    return "{" + text[1:-1] + "}"


class Batch:
    """Rows to be written together. What a handler left is what the next one finds.

    Only rows that were wanted before `fetch` can be found. Nobody else may write to the tables between `fetch` and
    `flush`, which belong into one transaction.
    """

    def __init__(self) -> None:
        self._held: dict[type[Row], dict[Hashable, list[Row]]] = {}
        self._written: defaultdict[type[Row], list[Row]] = defaultdict(list)
        self._settled: defaultdict[type[Row], Lines] = defaultdict(Lines)
        self._put: defaultdict[type[Row], dict[tuple[Any, ...], Row]] = defaultdict(dict)
        self._places: dict[int, str] = {}  # where a fetched row lies that nobody has changed yet, by the row's identity
        self._outdated: defaultdict[type[Row], list[str]] = defaultdict(list)

    def want(self, wanted: Iterable[Wanted]) -> None:
        """Says which rows will be asked for: those of a type with a value in its `LOOKUP` column."""
        for kind, value in wanted:
            self._held.setdefault(kind, {}).setdefault(value, [])

    def fetch(self, cursor: Cursor) -> None:
        """Reads the wanted rows as they stand before the batch."""
        _look_up_by_index(cursor)
        for kind, held in self._held.items():
            columns = sql.SQL(", ").join(map(_selected, kind.__struct_fields__, _text_columns(kind)))
            query = "SELECT ctid::text, {columns} FROM {table} WHERE {lookup} = ANY(%s) AND {found}"
            for place, *values in cursor.execute(
                _named(query, kind, columns=columns, found=sql.SQL(kind.FOUND)), [array_text(list(held))], binary=True
            ):
                row = kind(*values)
                held[getattr(row, kind.LOOKUP)].append(row)
                self._places[id(row)] = place

    def of(self, kind: type[R], value: Hashable) -> Sequence[R]:
        """The rows of a kind with `value` in their `LOOKUP` column, as the events so far left them."""
        return cast(Sequence[R], self._held[kind][value])

    def insert(self, row: Row) -> None:
        """A new row, complete: one that nobody wants is not kept as it is."""
        kind = type(row)
        if (held := self._held.get(kind)) and (others := held.get(getattr(row, kind.LOOKUP))) is not None:
            others.append(row)
            self._written[kind].append(row)
        else:
            self._settled[kind].add(row)

    def is_put(self, kind: type[Row], *key: Any) -> bool:
        """Whether this batch puts a row with that `KEY`, so that another one need not be made."""
        return key in self._put[kind]

    def put(self, row: Row) -> None:
        """A new row, unless one with the same `KEY` is there already. `of` does not find it."""
        kind = type(row)
        self._put[kind].setdefault(_key_of(kind)(row), row)

    def change(self, row: Row, **columns: Any) -> None:
        """Gives a row that `of` found other values."""
        for column, value in columns.items():
            setattr(row, column, value)
        if place := self._places.pop(id(row), None):
            self._outdated[type(row)].append(place)
            self._written[type(row)].append(row)

    def flush(self, cursor: Cursor) -> None:
        """Writes everything. A changed row is taken out and written again with the new ones."""
        if self._put:
            _look_up_by_index(cursor)
        for kind, places in self._outdated.items():
            cursor.execute(_named("DELETE FROM {table} WHERE ctid = ANY(%s::tid[])", kind), [places])
            if cursor.rowcount != len(places):
                raise RuntimeError(f"somebody else wrote to {kind.TABLE}: {len(places) - cursor.rowcount} rows moved")
        for kind, put in self._put.items():
            self._written[kind] += _missing(cursor, kind, put)
        for kind, rows in self._written.items():
            for row in rows:
                self._settled[kind].add(row)
        for kind, lines in self._settled.items():
            copy_lines(cursor, kind, lines.all())


class Lines:
    """Rows as CSV lines. They become text a few at a time, while they are still in the processor's cache."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._pieces: list[bytes] = []

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == _PIECE:
            self._encode()

    def all(self) -> bytes:
        if self._rows:
            self._encode()
        return b"".join(self._pieces)

    def _encode(self) -> None:
        self._pieces.append(csv_lines(self._rows))
        self._rows.clear()


def _look_up_by_index(cursor: Cursor) -> None:
    """For the rest of the transaction.

    Of a table that was just filled nobody has told the planner how many rows a value has. It guesses so many that it
    would read the whole table for a few hundred values, batch after batch, while the table grows.
    """
    cursor.execute("SET LOCAL enable_seqscan TO off")


def copy_lines(cursor: Cursor, kind: type[Row], lines: bytes) -> None:
    """Writes rows of one kind, as `csv_lines` makes them, with COPY."""
    with cursor.copy(_copy_statement(kind)) as copy:
        copy.write(lines)


@cache
def _copy_statement(kind: type[Row]) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, kind.__struct_fields__))
    return _named(
        "COPY {table} ({columns}) FROM STDIN (FORMAT csv, ESCAPE E'\\\\', NULL 'null')", kind, columns=columns
    )


def csv_lines(rows: Sequence[Row]) -> bytes:
    """Rows as CSV in which a backslash escapes quotes and itself, and an unquoted `null` stands for null.

    Every value passes through the JSON encoder, which is compiled and knows UUIDs and times. Its lines, `["a",1,null]`,
    are such CSV but for the brackets and for the control characters, which JSON escapes by a backslash too.
    """
    lines = _BETWEEN.sub(b"\n", _json.encode_lines(rows)[1:-2])  # in half the time that `replace` takes
    if b"\\" in lines and _ANY_CONTROL.search(lines):  # the first is far faster, and mostly enough
        lines = _with_controls(lines)
    return lines + b"\n"


def _with_controls(lines: bytes) -> bytes:
    """Control characters as themselves. A NUL, which JSON never holds, stands for an escaped backslash meanwhile."""
    lines = lines.replace(b"\\\\", b"\0")
    if b"\\u0000" in lines:
        raise ValueError("a text holds the character NUL, which no PostgreSQL text can hold")
    for escape, character in _CONTROLS.items():
        lines = lines.replace(escape, character)
    for code in range(1, 32):
        lines = lines.replace(b"\\u%04x" % code, bytes([code]))
    return lines.replace(b"\0", b"\\\\")


def _missing(cursor: Cursor, kind: type[Row], put: dict[tuple[Any, ...], Row]) -> Iterator[Row]:
    columns = sql.SQL(", ").join(map(sql.Identifier, kind.KEY))
    values = array_text(list({getattr(row, kind.LOOKUP) for row in put.values()}))
    query = _named("SELECT {columns} FROM {table} WHERE {lookup} = ANY(%s)", kind, columns=columns)
    there = set(cursor.execute(query, [values]).fetchall())
    # In one order, whoever writes them: two that put the same rows must not each wait for the other.
    return (row for key, row in sorted(put.items(), key=itemgetter(0)) if key not in there)


def _named(query: str, kind: type[Row], **parts: sql.Composable) -> sql.Composed:
    names = {"table": sql.Identifier(kind.TABLE), "lookup": sql.Identifier(kind.LOOKUP or "none")}
    return sql.SQL(query).format(**names, **parts)


@cache
def _key_of(kind: type[Row]) -> Callable[[Row], tuple[Any, ...]]:
    return attrgetter(*kind.KEY)


@cache
def _text_columns(kind: type[Row]) -> tuple[bool, ...]:
    hints = get_type_hints(kind)
    return tuple(hints[column] in (str, str | None) for column in kind.__struct_fields__)


def _selected(column: str, is_text: bool) -> sql.Composable:
    """A column as a row holds it: JSON and arrays as their text."""
    return sql.SQL("{}::text").format(sql.Identifier(column)) if is_text else sql.Identifier(column)
