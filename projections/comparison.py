"""Live rows beside rebuilt ones, held still in one snapshot while live work goes on."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

from psycopg import IsolationLevel, sql

from infra.event_recorder import Pool
from projections.building import Building
from projections.relational import SHOWN, RelationalProjection


class LiveRows:
    """The tables of `schema` as they are at the moment of `hold`, for as long as this is open."""

    def __init__(self, pool: Pool, schema: str) -> None:
        self._pool = pool
        self._schema = schema

    def __enter__(self) -> LiveRows:
        self._connection = self._pool.getconn()
        self._connection.isolation_level = IsolationLevel.REPEATABLE_READ
        return self

    def hold(self, tables: Iterable[str]) -> None:
        """Takes the snapshot. The tables can't be exchanged while it is held."""
        for table in tables:
            name = sql.Identifier(self._schema, table)
            self._connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(name))
        self._connection.execute("SELECT 1")

    def differences(self, building: Building, projection: RelationalProjection) -> list[str]:
        """Up to `SHOWN` rows of each table that only the live or only the rebuilt one has."""
        query = """
            SELECT 'only live', r::text FROM (SELECT * FROM {live} EXCEPT ALL SELECT * FROM {built}) r
            UNION ALL
            SELECT 'only rebuilt', r::text FROM (SELECT * FROM {built} EXCEPT ALL SELECT * FROM {live}) r
            LIMIT %s"""
        lines = []
        for table in projection.table_names:
            names = {"live": sql.Identifier(self._schema, table), "built": sql.Identifier(building.schema, table)}
            found = self._connection.execute(sql.SQL(query).format(**names), (SHOWN,)).fetchall()
            lines += [f"{table}, {where}: {text}" for where, text in found]
        return lines

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.rollback()
        self._connection.isolation_level = None
        self._pool.putconn(self._connection)
