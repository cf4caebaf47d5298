"""Reading the relational read models: rows as dictionaries, every value bound, lists page by page.

Tables are named without their schema: the pool's search path says whether they are the live ones (`pg`) or a replay's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from psycopg.rows import dict_row

from infra.event_recorder import Pool

Row = dict[str, Any]


@dataclass(frozen=True)
class PageRequest:
    """Which part of a list: at most `limit` rows (all where it is None) after the row whose order key is `after`.

    `as_of` asks for the list as it was known at that position of the log, instead of now.
    """

    limit: int | None = None
    after: tuple[Any, ...] | None = None
    as_of: int | None = None


@dataclass(frozen=True)
class Page:
    """Rows of a list in its order. `after` continues behind the last of them; None when nothing follows."""

    items: list[Row]
    after: tuple[Any, ...] | None


ALL = PageRequest()

KNOWN = "(%(as_of)s::bigint IS NULL OR log_position <= %(as_of)s)"
"""Rows of a table that only grows, as they were known at `as_of`."""

HELD = """(CASE WHEN %(as_of)s::bigint IS NULL THEN superseded_by IS NULL
            ELSE log_position <= %(as_of)s AND (superseded_by IS NULL OR superseded_by > %(as_of)s) END)"""
"""Rows of a table that has a row for each state of a thing: the state that held at `as_of`."""


@dataclass(frozen=True)
class Order:
    """A total order of a list: columns that together tell every row from every other, all in one direction."""

    columns: tuple[str, ...]
    descending: bool = False


RecordedSort = Literal["-log_position", "log_position"]
RECORDED_ORDERS = {
    "-log_position": Order(("log_position",), descending=True),
    "log_position": Order(("log_position",)),
}
"""The orders of what is found by when it was recorded."""

NamedSort = Literal["name", "-name", "log_position", "-log_position"]
NAMED_ORDERS = {
    "name": Order(("name",)),
    "-name": Order(("name",), descending=True),
    **RECORDED_ORDERS,
}
"""The orders of what has a name, which no other of its tenant has."""


def rows(pool: Pool, query: str, parameters: Mapping[str, Any]) -> list[Row]:
    """All rows of `query`, which comes from this package; callers' values go through `parameters` only."""
    with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


def row(pool: Pool, query: str, parameters: Mapping[str, Any]) -> Row | None:
    """The first row of `query`; None where it has none."""
    found = rows(pool, query, parameters)
    return found[0] if found else None


def by_id(pool: Pool, query: str, parameters: Mapping[str, Any]) -> dict[Any, Row]:
    """All rows of `query` by their column `id`."""
    return {found["id"]: found for found in rows(pool, query, parameters)}


def page(pool: Pool, query: str, parameters: Mapping[str, Any], order: Order, request: PageRequest) -> Page:
    """One page of `query`, a SELECT whose answer has the columns of `order`, by comparing with the last row's key.

    `query` heeds `%(as_of)s` itself, by KNOWN or HELD.

    A page costs the same wherever it lies, and rows that come or go meanwhile neither repeat nor hide another.
    """
    direction, beyond = ("DESC", "<") if order.descending else ("ASC", ">")
    columns = ", ".join(order.columns)
    limit = None if request.limit is None else request.limit + 1
    values: dict[str, Any] = {**parameters, "page_limit": limit, "as_of": request.as_of}
    condition = ""
    if request.after is not None:
        condition = f"WHERE ({columns}) {beyond} ({', '.join(f'%(after_{i})s' for i in range(len(order.columns)))})"
        values |= {f"after_{i}": value for i, value in enumerate(request.after)}
    ordered = ", ".join(f"{column} {direction}" for column in order.columns)
    # Column names and direction come from code.
    found = rows(
        pool,
        f"SELECT * FROM ({query}) AS listed {condition} ORDER BY {ordered} LIMIT %(page_limit)s",  # noqa: S608
        values,
    )
    if request.limit is None or len(found) <= request.limit:
        return Page(found, None)
    kept: Sequence[Row] = found[: request.limit]
    return Page(list(kept), tuple(kept[-1][column] for column in order.columns))
