"""What was fetched of feeds."""

from __future__ import annotations

from datetime import datetime

from infra.event_recorder import Pool
from queries.relational import Row, row, rows


def fetched_feeds(pool: Pool) -> dict[str, Row]:
    """What was fetched in all of each feed, by its id: only feeds of which something was."""
    found = rows(
        pool,
        "SELECT feed, last_fetched_at, newest_interval_end_utc, requests, bytes_fetched FROM source_registry",
        {},
    )
    return {fetched.pop("feed"): fetched for fetched in found}


def newest_interval_end_utc(pool: Pool, feed: str) -> datetime | None:
    """Where the newest interval that was let in of a feed ends; None where nothing was."""
    found = row(
        pool, "SELECT newest_interval_end_utc AS ends FROM source_registry WHERE feed = %(feed)s", {"feed": feed}
    )
    return found["ends"] if found else None


def newest_fetches(pool: Pool, feed: str, most: int) -> list[Row]:
    """The requests of a feed with their newest answers, those that were answered last first."""
    return rows(
        pool,
        """SELECT fetch_id AS id, request_key, start_utc, end_utc, raw_sha256, size_bytes, publication_count,
                  last_interval_end_utc, answers, is_settled, fetched_at, asked_at, log_position
           FROM feed_fetch WHERE feed = %(feed)s ORDER BY log_position DESC LIMIT %(most)s""",
        {"feed": feed, "most": most},
    )
