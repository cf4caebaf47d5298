"""Reading the relational read models: rows as dictionaries, every value bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row

from infra.event_recorder import Pool

Row = dict[str, Any]


def rows(pool: Pool, query: str, parameters: Mapping[str, Any]) -> list[Row]:
    """All rows of `query`, which comes from this package; callers' values go through `parameters` only."""
    with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


def row(pool: Pool, query: str, parameters: Mapping[str, Any]) -> Row | None:
    found = rows(pool, query, parameters)
    return found[0] if found else None
