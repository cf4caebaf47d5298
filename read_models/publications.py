"""`pg.publication`: each publication as it stands; `pg.publication_reading`: which readings another one replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from read_models.relational import Cursor, insert

TABLES = """
CREATE TABLE IF NOT EXISTS publication (
    publication_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    status text NOT NULL,
    dataset text, iso text, market text, feed text, vintage text,
    row_count bigint, gap_count bigint,
    first_interval_start_utc timestamptz, last_interval_end_utc timestamptz, published_at timestamptz,
    parser text, parser_version integer,
    rows_sha256 text, gaps_sha256 text,
    reason text, defect_file text, defect_line integer, defect_column text,
    names text[] NOT NULL, place text NOT NULL, raw_sha256 text[] NOT NULL, size_bytes bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS publication_by_position ON publication (log_position);
CREATE TABLE IF NOT EXISTS publication_reading (
    log_position bigint PRIMARY KEY,
    publication_id uuid NOT NULL,
    superseded_by bigint
);
CREATE INDEX IF NOT EXISTS superseded_readings ON publication_reading (superseded_by)
    WHERE superseded_by IS NOT NULL;
"""

READING_COLUMNS = (
    "dataset", "iso", "market", "feed", "vintage", "row_count", "gap_count", "first_interval_start_utc",
    "last_interval_end_utc", "published_at", "parser", "parser_version", "rows_sha256", "gaps_sha256",
)  # fmt: skip
DEFECT_COLUMNS = ("reason", "defect_file", "defect_line", "defect_column")


def add_publication(cursor: Cursor, row: Mapping[str, Any]) -> None:
    insert(cursor, "publication", dict(row))


def replace_outcome(cursor: Cursor, publication_id: UUID, row: Mapping[str, Any]) -> None:
    """Sets what the newest reading (or defect) says; columns that it does not have become null."""
    columns = ("status", "recorded_at", "log_position", *READING_COLUMNS, *DEFECT_COLUMNS)
    assignments = ", ".join(f"{column} = %s" for column in columns)
    cursor.execute(
        f"UPDATE publication SET {assignments} WHERE publication_id = %s",  # noqa: S608 - names from this file
        [*(row.get(column) for column in columns), publication_id],
    )


def add_reading(cursor: Cursor, publication_id: UUID, log_position: int) -> None:
    """A new reading replaces the ones before it."""
    cursor.execute(
        """UPDATE publication_reading SET superseded_by = %s
           WHERE publication_id = %s AND superseded_by IS NULL""",
        (log_position, publication_id),
    )
    insert(cursor, "publication_reading", {"log_position": log_position, "publication_id": publication_id})
