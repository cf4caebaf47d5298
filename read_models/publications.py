"""`pg.publication`: each publication, a row an outcome; `pg.publication_part`: raw bytes of those in several parts.

An outcome (a reading, or what kept the bytes from being read) holds from its `log_position` until the position
`superseded_by`; the newest has none. What supersedes a reading is always another reading.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from read_models.batch import Batch, Row

TABLES = """
CREATE TABLE IF NOT EXISTS publication (
    publication_id uuid NOT NULL,
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
    log_position bigint NOT NULL,
    superseded_by bigint
);
CREATE INDEX IF NOT EXISTS publication_lookup ON publication USING hash (publication_id);
CREATE UNIQUE INDEX IF NOT EXISTS publication_by_position ON publication (log_position);
CREATE INDEX IF NOT EXISTS publication_superseded ON publication (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX IF NOT EXISTS publication_by_node ON publication USING hash ((publication_id::text));
CREATE INDEX IF NOT EXISTS publication_by_raw ON publication USING hash ((raw_sha256[1]));
CREATE INDEX IF NOT EXISTS publication_by_rows ON publication (rows_sha256) WHERE rows_sha256 IS NOT NULL;
CREATE TABLE IF NOT EXISTS publication_part (
    publication_id uuid NOT NULL,
    sha256 text NOT NULL,
    name text NOT NULL,
    place text NOT NULL,
    log_position bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS publication_part_by_publication ON publication_part USING hash (publication_id);
CREATE INDEX IF NOT EXISTS publication_part_by_sha256 ON publication_part USING hash (sha256);
"""
"""By the last five the lineage finds its nodes. Many files may have the same rows, where a hash would be slow."""


class PublicationRow(Row):
    TABLE = "publication"
    LOOKUP = "publication_id"
    FOUND = "superseded_by IS NULL"

    publication_id: UUID
    tenant: str
    names: str
    place: str
    raw_sha256: str
    size_bytes: int
    recorded_at: datetime
    log_position: int
    # From here on what an outcome tells.
    status: str | None = None
    dataset: str | None = None
    iso: str | None = None
    market: str | None = None
    feed: str | None = None
    vintage: str | None = None
    row_count: int | None = None
    gap_count: int | None = None
    first_interval_start_utc: datetime | None = None
    last_interval_end_utc: datetime | None = None
    published_at: datetime | None = None
    parser: str | None = None
    parser_version: int | None = None
    rows_sha256: str | None = None
    gaps_sha256: str | None = None
    reason: str | None = None
    defect_file: str | None = None
    defect_line: int | None = None
    defect_column: str | None = None
    superseded_by: int | None = None


class PartRow(Row):
    """Raw bytes of a publication in several parts, but for the first, which stands in its own row."""

    TABLE = "publication_part"

    publication_id: UUID
    sha256: str
    name: str
    place: str
    log_position: int


def supersede(batch: Batch, publication_id: UUID, log_position: int) -> PublicationRow:
    """The outcome that a new one replaces, which stays, superseded; `batch` must hold the publication's rows."""
    (held,) = (row for row in batch.of(PublicationRow, publication_id) if row.superseded_by is None)
    batch.change(held, superseded_by=log_position)
    return held
