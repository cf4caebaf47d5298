"""`pg.data_quality`: which intervals of a feed's market day each publication brought, a row a publication and day.

It holds what the event of a reading says, so that years of days are listed without touching a single price. Beside it:
`pg.data_quality_feed`, every feed with such rows; `pg.feed_answer`, each answer of a source with the newest interval it
brought, so that freshness can be told of any past moment; `pg.fetched_publication`, the feed and days for which a
publication was fetched, and `pg.quarantined_publication`, for what can't be read says neither itself.

A row of a reading holds from its `log_position` until the position `superseded_by`; the newest has none.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from read_models.batch import Batch, Row

TABLES = """
CREATE TABLE IF NOT EXISTS data_quality (
    publication_id uuid NOT NULL,
    iso text NOT NULL, dataset text NOT NULL, market text NOT NULL, feed text NOT NULL,
    market_day date NOT NULL,
    day_start_utc timestamptz NOT NULL,
    vintage text NOT NULL,
    step_s integer, intervals integer, first_interval integer, end_interval integer,
    row_count bigint, gap_count bigint,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL,
    superseded_by bigint
);
CREATE INDEX IF NOT EXISTS data_quality_lookup ON data_quality USING hash (publication_id);
CREATE UNIQUE INDEX IF NOT EXISTS data_quality_by_day
    ON data_quality (iso, dataset, market, feed, market_day, log_position);
CREATE TABLE IF NOT EXISTS data_quality_feed (
    iso text NOT NULL, dataset text NOT NULL, market text NOT NULL, feed text NOT NULL,
    PRIMARY KEY (iso, dataset, market, feed)
);
CREATE INDEX IF NOT EXISTS data_quality_feed_lookup ON data_quality_feed (feed);
CREATE TABLE IF NOT EXISTS feed_answer (
    fetch_id uuid NOT NULL,
    feed text NOT NULL,
    first_day date NOT NULL, last_day date NOT NULL,
    fetched_at timestamptz NOT NULL,
    newest_interval_end_utc timestamptz,
    log_position bigint PRIMARY KEY
);
CREATE INDEX IF NOT EXISTS feed_answer_lookup ON feed_answer USING hash (fetch_id);
CREATE INDEX IF NOT EXISTS feed_answer_by_feed ON feed_answer (feed, log_position);
CREATE INDEX IF NOT EXISTS feed_answer_by_interval ON feed_answer (feed, newest_interval_end_utc, log_position);
CREATE TABLE IF NOT EXISTS fetched_publication (
    publication_id uuid NOT NULL,
    feed text NOT NULL,
    first_day date NOT NULL, last_day date NOT NULL,
    log_position bigint NOT NULL,
    PRIMARY KEY (publication_id, log_position)
);
CREATE TABLE IF NOT EXISTS quarantined_publication (
    publication_id uuid PRIMARY KEY,
    log_position bigint NOT NULL,
    superseded_by bigint
);
"""


class DayRow(Row):
    """Of the day's `intervals` of `step_s` seconds, the publication spans those from `first_interval` (0-based) up to
    `end_interval`; all four are null where intervals are not counted. Counts of rows and gaps are null where it spans
    several days, for the event does not say how they fall on them."""

    TABLE = "data_quality"
    LOOKUP = "publication_id"
    FOUND = "superseded_by IS NULL"

    publication_id: UUID
    iso: str
    dataset: str
    market: str
    feed: str
    market_day: date
    day_start_utc: datetime
    vintage: str
    step_s: int | None
    intervals: int | None
    first_interval: int | None
    end_interval: int | None
    row_count: int | None
    gap_count: int | None
    recorded_at: datetime
    log_position: int
    superseded_by: int | None = None


class FeedRow(Row):
    TABLE = "data_quality_feed"
    LOOKUP = "feed"
    KEY = ("iso", "dataset", "market", "feed")

    iso: str
    dataset: str
    market: str
    feed: str


class AnswerRow(Row):
    TABLE = "feed_answer"
    LOOKUP = "fetch_id"

    fetch_id: UUID
    feed: str
    first_day: date
    last_day: date
    fetched_at: datetime
    newest_interval_end_utc: datetime | None
    log_position: int


class FetchedPublicationRow(Row):
    TABLE = "fetched_publication"

    publication_id: UUID
    feed: str
    first_day: date
    last_day: date
    log_position: int


class QuarantinedRow(Row):
    TABLE = "quarantined_publication"
    LOOKUP = "publication_id"
    FOUND = "superseded_by IS NULL"

    publication_id: UUID
    log_position: int
    superseded_by: int | None = None


def supersede(batch: Batch, publication_id: UUID, log_position: int) -> None:
    """A new reading replaces the rows of the ones before it, or a quarantine; `batch` must hold these."""
    held: list[DayRow | QuarantinedRow] = [*batch.of(DayRow, publication_id), *batch.of(QuarantinedRow, publication_id)]
    for row in held:
        if row.superseded_by is None:
            batch.change(row, superseded_by=log_position)
