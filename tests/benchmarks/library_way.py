"""The relational projections under the eventsourcing library's own ProjectionRunner: one event, one transaction.

It reads the same log and calls the same handlers; rows go in by INSERT, as one does with one event at hand.
"""

from __future__ import annotations

from typing import Any

from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import _recorded
from infra.objects import Objects
from infra.recorder import LoggedNotification
from projections.registry import relational_projections
from projections.relational import RelationalProjection
from read_models import batch
from read_models.batch import Cursor, Row


class OurMapper(Mapper[Any]):
    """Stored events become what our handlers take, which carries the event."""

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        assert isinstance(stored_event, LoggedNotification)
        return _recorded(stored_event)


class OurApplication(Application[Any]):
    """Our log behind the library's application."""

    pool: Pool

    def construct_mapper(self) -> Mapper[Any]:
        return OurMapper(transcoder=self.construct_transcoder())

    def construct_recorder(self) -> Any:
        return PostgresRecorder(self.pool)


class Tables(PostgresTrackingRecorder):
    """The view: rows of one event and its tracking record, in one transaction."""

    projections: tuple[RelationalProjection, ...]
    through: int

    def write(self, recorded: Any, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as tracked:
            with tracked.connection.cursor(row_factory=tuple_row) as cursor:
                for projection in self.projections:
                    if projection.takes(type(recorded.event)):
                        projection.apply(cursor, [recorded])
            self._insert_tracking(tracked, tracking=tracking)


class EveryProjection(Projection[Tables]):
    name = "everyprojection"

    def process_event(self, domain_event: DomainEventProtocol[Any], tracking: Tracking) -> None:
        if tracking.notification_id <= self.view.through:  # the runner goes on until it is stopped
            self.view.write(domain_event, tracking)


class Rows(list[Row]):
    """In place of `Lines`, which are made for many rows."""

    def add(self, row: Row) -> None:
        self.append(row)

    def all(self) -> list[Row]:
        return self


def insert_rows(cursor: Cursor, kind: type[Row], rows: list[Row]) -> None:
    """In place of `copy_lines`."""
    columns = kind.__struct_fields__
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(kind.TABLE),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.Placeholder() * len(columns)),
    )
    for row in rows:
        cursor.execute(statement, [getattr(row, column) for column in columns])


def project(pool: Pool, dsn: str, objects: Objects, through: int, schema: str) -> None:
    """Projects the log up to a position into empty tables in `schema`."""
    OurApplication.pool = pool
    Tables.projections, Tables.through = relational_projections(objects), through
    with pool.connection() as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
        for projection in Tables.projections:
            connection.execute(projection.tables.encode())
        where = conninfo_to_dict(dsn)
        # The library's connections can't be told a search path otherwise; ours have one of their own.
        names = {"database": sql.Identifier(str(where["dbname"])), "schema": sql.Identifier(schema)}
        connection.execute(sql.SQL("ALTER DATABASE {database} SET search_path TO {schema}").format(**names))
    environment = {
        "EVERYPROJECTION_PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(where["dbname"]),
        "POSTGRES_HOST": str(where["host"]),
        "POSTGRES_PORT": str(where.get("port", 5432)),
        "POSTGRES_USER": str(where["user"]),
        "POSTGRES_PASSWORD": str(where.get("password", "none")),
        "POSTGRES_SCHEMA": schema,
    }
    usual = batch.Lines, batch.copy_lines
    batch.Lines, batch.copy_lines = Rows, insert_rows  # type: ignore[misc, assignment]
    try:
        with ProjectionRunner(
            application_class=OurApplication, projection_class=EveryProjection, view_class=Tables, env=environment
        ) as runner:
            runner.wait(through, timeout=600)
    finally:
        batch.Lines, batch.copy_lines = usual  # type: ignore[misc]
