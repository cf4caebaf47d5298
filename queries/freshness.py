"""How fresh feeds are, or were at a position of the log: the newest interval that came, and when it came."""

from __future__ import annotations

from collections.abc import Sequence

from infra.event_recorder import Pool
from queries.relational import HELD, KNOWN, Row, rows


def newest_answers(pool: Pool, feeds: Sequence[str], as_of: int | None = None) -> dict[str, Row]:
    """By the id of each feed that was fetched: `newest_interval_end_utc` and `last_arrival_at`."""
    found = rows(
        pool,
        f"""SELECT feed, newest.newest_interval_end_utc, answered.last_arrival_at
            FROM unnest(%(feeds)s::text[]) AS feed,
            LATERAL (SELECT fetched_at AS last_arrival_at FROM feed_answer a
                     WHERE a.feed = feed.feed AND {KNOWN} ORDER BY log_position DESC LIMIT 1) answered
            LEFT JOIN LATERAL (SELECT newest_interval_end_utc FROM feed_answer a
                     WHERE a.feed = feed.feed AND newest_interval_end_utc IS NOT NULL AND {KNOWN}
                     ORDER BY newest_interval_end_utc DESC LIMIT 1) newest ON true""",  # noqa: S608 - from this package
        {"feeds": list(feeds), "as_of": as_of},
    )
    return {row.pop("feed"): row for row in found}


def newest_publications(pool: Pool, iso: str, as_of: int | None = None) -> list[Row]:
    """Of each dataset, market and feed of an ISO: `newest_interval_end_utc`, `last_arrival_at`, and where it began."""
    return rows(
        pool,
        f"""SELECT dataset, market, feed, min(first_interval_start_utc) AS first_interval_start_utc,
                   max(last_interval_end_utc) AS newest_interval_end_utc, max(recorded_at) AS last_arrival_at
            FROM publication WHERE status = 'ingested' AND iso = %(iso)s AND {HELD}
            GROUP BY dataset, market, feed ORDER BY dataset, market, feed""",  # noqa: S608
        {"iso": iso, "as_of": as_of},
    )
