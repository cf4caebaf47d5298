"""`pg.publication`: each publication, a row an outcome; `pg.publication_reading`: which readings another one replaced.

An outcome (a reading, or what kept the bytes from being read) holds from its `log_position` until the position
`superseded_by`; the newest has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from read_models.relational import Cursor, insert

TABLES = """
CREATE TABLE IF NOT EXISTS publication (
    publication_id uuid NOT NULL,
    tenant text NOT NULL,
    status text NOT NULL,
    iso text, market text, feed text, vintage text,
    row_count bigint, gap_count bigint,
    first_interval_start_utc timestamptz, last_interval_end_utc timestamptz, published_at timestamptz,
    parser text, parser_version integer,
    rows_sha256 text, gaps_sha256 text,
    reason text, defect_file text, defect_line integer, defect_column text,
    names text[] NOT NULL, place text NOT NULL, raw_sha256 text[] NOT NULL, size_bytes bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL,
    superseded_by bigint,
    PRIMARY KEY (publication_id, log_position)
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
    "iso", "market", "feed", "vintage", "row_count", "gap_count", "first_interval_start_utc", "last_interval_end_utc",
    "published_at", "parser", "parser_version", "rows_sha256", "gaps_sha256",
)  # fmt: skip
DEFECT_COLUMNS = ("reason", "defect_file", "defect_line", "defect_column")
SOURCE_COLUMNS = ("publication_id", "tenant", "names", "place", "raw_sha256", "size_bytes")


def add_publication(cursor: Cursor, row: Mapping[str, Any]) -> None:
    insert(cursor, "publication", dict(row))


def add_outcome(cursor: Cursor, publication_id: UUID, log_position: int, row: Mapping[str, Any]) -> None:
    """Adds what a known publication came to this time, columns that it does not have null; the one before stays."""
    cursor.execute(
        "UPDATE publication SET superseded_by = %s WHERE publication_id = %s AND superseded_by IS NULL",
        (log_position, publication_id),
    )
    kept, given = (
        ", ".join(SOURCE_COLUMNS),
        ("status", "recorded_at", "log_position", *READING_COLUMNS, *DEFECT_COLUMNS),
    )
    cursor.execute(
        f"""INSERT INTO publication ({kept}, {", ".join(given)})
            SELECT {kept}, {", ".join("%s" for _ in given)} FROM publication
            WHERE publication_id = %s AND superseded_by = %s""",  # noqa: S608 - names from this file
        [*(row.get(column) for column in given), publication_id, log_position],
    )


def add_reading(cursor: Cursor, publication_id: UUID, log_position: int) -> None:
    """A new reading replaces the ones before it."""
    cursor.execute(
        """UPDATE publication_reading SET superseded_by = %s
           WHERE publication_id = %s AND superseded_by IS NULL""",
        (log_position, publication_id),
    )
    insert(cursor, "publication_reading", {"log_position": log_position, "publication_id": publication_id})
