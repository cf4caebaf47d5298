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
        """SELECT publication_id AS id, status, iso, market, feed, vintage, row_count, gap_count,
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
    """Positions of readings that prices leave out: those that another one had replaced by `through_position`.

    A reading whose rows were set aside as a dead letter is left out as well, and so far replaces none. (Dead
    letters are asked of the live read models also for a replay, which reads the same columnar rows.)
    """
    found = rows(
        pool,
        """WITH dead AS (SELECT position FROM pg.dead_letter WHERE projection = 'prices')
           SELECT log_position FROM publication_reading
           WHERE superseded_by <= %(through)s AND superseded_by NOT IN (TABLE dead)
           UNION SELECT position FROM dead""",
        {"through": through_position},
    )
    return [r["log_position"] for r in found]


def coverage(pool: Pool, *, iso: str | None = None) -> list[Row]:
    """Which feeds there are: a row an iso, market and feed, with the rows of all its publications and their span."""
    return rows(
        pool,
        """SELECT iso, market, feed, count(*) AS publications, sum(row_count)::bigint AS row_count,
                  min(first_interval_start_utc) AS first_interval_start_utc,
                  max(last_interval_end_utc) AS last_interval_end_utc
           FROM publication WHERE status = 'ingested' AND (%(iso)s::text IS NULL OR iso = %(iso)s)
           GROUP BY iso, market, feed ORDER BY iso, market, feed""",
        {"iso": iso},
    )
