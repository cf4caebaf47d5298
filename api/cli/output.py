"""What goes where: data to stdout, everything else to stderr. Text of files and users is never markup or control."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from textwrap import indent
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

TABLE_ROWS = 1_000
# Without a terminal nobody's width is known; a wide one keeps ids and names whole.
_UNKNOWN_WIDTH = 220
out = Console(width=None if sys.stdout.isatty() else _UNKNOWN_WIDTH, highlight=False, emoji=False)
err = Console(stderr=True, width=None if sys.stderr.isatty() else _UNKNOWN_WIDTH, highlight=False, emoji=False)


# Whole numbers that count something get separators; positions, years and seeds are names and are copied.
_COUNTED = ("_count", "rows", "_mwh", "_usd", "_bytes")


def printable(text: str) -> str:
    """The text with what a terminal would obey, or could not show, written as an escape: `\\x1b`, `\\n`, `\\udcff`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(text: object, to: Console = out) -> None:
    """Prints text that may hold anything, line by line as it is."""
    to.print(Text("\n".join(map(printable, str(text).splitlines()))), soft_wrap=True)


def show_json(value: Any) -> None:
    """Prints `value` as JSON."""
    sys.stdout.write(_json(value) + "\n")


def _json(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    # A lone surrogate is no UTF-8; what takes its place here is its escape in JSON.
    return text.encode("utf-8", "backslashreplace").decode()


def show_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Rows as a table of the named columns, or all of them as JSON. `empty` says on stderr that there are none.

    A long list is written as it comes: a table then has its header again every TABLE_ROWS rows.
    """
    left = iter(rows)
    if as_json:
        _write_json_list(left)
        return
    drawn = list(islice(left, TABLE_ROWS))
    if not drawn:
        say(empty, err)
    while drawn:
        out.print(table(drawn, columns))
        drawn = list(islice(left, TABLE_ROWS))


def _write_json_list(rows: Iterable[Mapping[str, Any]]) -> None:
    """The same text as `show_json` of the whole list."""
    start = "[\n"
    for row in rows:
        sys.stdout.write(start + indent(_json(row), "  "))
        start = ",\n"
    sys.stdout.write("[]\n" if start == "[\n" else "\n]\n")


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    found = list(rows)
    for column in columns:
        values = [row.get(column) for row in found if row.get(column) is not None]
        numeric = bool(values) and all(isinstance(value, int | float) for value in values)
        drawn.add_column(Text(printable(column)), justify="right" if numeric else "left", overflow="fold")
    for row in found:
        drawn.add_row(*(Text(printable(_cell(column, row.get(column)))) for column in columns))
    return drawn


def _cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and column.endswith(_COUNTED):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
