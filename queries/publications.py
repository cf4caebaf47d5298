"""What was published, let in or quarantined."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, Row, page, row, rows

NEWEST_FIRST = Order(("log_position",), descending=True)


def list_publications(
    pool: Pool, *, iso: str | None = None, status: str | None = None, request: PageRequest = ALL
) -> Page:
    """Publications, newest first."""
    return page(
        pool,
        """SELECT publication_id AS id, status, dataset, iso, market, feed, vintage, row_count, gap_count,
                  first_interval_start_utc, last_interval_end_utc, published_at, reason, names, recorded_at,
                  log_position
           FROM publication
           WHERE (%(iso)s::text IS NULL OR iso = %(iso)s) AND (%(status)s::text IS NULL OR status = %(status)s)""",
        {"iso": iso, "status": status},
        NEWEST_FIRST,
        request,
    )


def publication(pool: Pool, publication_id: UUID) -> Row | None:
    """One publication with everything known about it, its replaced readings included."""
    found = row(
        pool,
        "SELECT publication_id AS id, p.* FROM publication p WHERE publication_id = %(id)s",
        {"id": publication_id},
    )
    if found:
        found["readings"] = rows(
            pool,
            """SELECT log_position, superseded_by FROM publication_reading
               WHERE publication_id = %(id)s ORDER BY log_position""",
            {"id": publication_id},
        )
    return found


def superseded_readings(pool: Pool, through_position: int) -> Sequence[int]:
    """Positions of readings that another reading of the same publication had replaced by `through_position`."""
    found = rows(
        pool,
        "SELECT log_position FROM publication_reading WHERE superseded_by <= %(through)s",
        {"through": through_position},
    )
    return [r["log_position"] for r in found]


def coverage(pool: Pool, *, iso: str | None = None) -> list[Row]:
    """Which feeds there are: a row a dataset, iso, market and feed, with the rows of all publications and the span."""
    return rows(
        pool,
        """SELECT dataset, iso, market, feed, count(*) AS publications, sum(row_count)::bigint AS row_count,
                  min(first_interval_start_utc) AS first_interval_start_utc,
                  max(last_interval_end_utc) AS last_interval_end_utc
           FROM publication WHERE status = 'ingested' AND (%(iso)s::text IS NULL OR iso = %(iso)s)
           GROUP BY dataset, iso, market, feed ORDER BY iso, dataset, market, feed""",
        {"iso": iso},
    )
