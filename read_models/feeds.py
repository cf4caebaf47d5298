"""`pg.source_registry` and `pg.feed_fetch`: what was fetched of each feed, a row a feed and a row a request.

What a feed is (its cadence, licence, target) is code, and joined when asked. `bytes_fetched` counts every answer,
`requests` each request once.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from read_models.batch import Row

TABLES = """
CREATE TABLE IF NOT EXISTS source_registry (
    feed text PRIMARY KEY,
    last_fetched_at timestamptz NOT NULL,
    newest_interval_end_utc timestamptz,
    requests bigint NOT NULL,
    bytes_fetched bigint NOT NULL,
    log_position bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS feed_fetch (
    fetch_id uuid PRIMARY KEY,
    feed text NOT NULL,
    request_key text NOT NULL,
    start_utc timestamptz NOT NULL, end_utc timestamptz NOT NULL,
    raw_sha256 text NOT NULL,
    size_bytes bigint NOT NULL,
    publication_count bigint NOT NULL,
    last_interval_end_utc timestamptz,
    answers bigint NOT NULL,
    is_settled boolean NOT NULL,
    fetched_at timestamptz NOT NULL,
    asked_at text,
    log_position bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS feed_fetch_by_feed ON feed_fetch (feed, log_position);
"""


class SourceRow(Row):
    TABLE = "source_registry"
    LOOKUP = "feed"

    feed: str
    last_fetched_at: datetime
    newest_interval_end_utc: datetime | None
    requests: int
    bytes_fetched: int
    log_position: int


class FetchRow(Row):
    TABLE = "feed_fetch"
    LOOKUP = "fetch_id"

    fetch_id: UUID
    feed: str
    request_key: str
    start_utc: datetime
    end_utc: datetime
    raw_sha256: str
    size_bytes: int
    publication_count: int
    last_interval_end_utc: datetime | None
    answers: int
    is_settled: bool
    fetched_at: datetime
    asked_at: str | None
    log_position: int
