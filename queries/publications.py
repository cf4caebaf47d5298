"""What was published, let in or quarantined."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import pyarrow as pa

from infra.event_recorder import Pool
from queries.relational import (
    ALL,
    HELD,
    RECORDED_ORDERS,
    Order,
    Page,
    PageRequest,
    RecordedSort,
    Row,
    by_id,
    page,
    row,
    rows,
)

PUBLICATION_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("dataset", pa.string()),
        pa.field("iso", pa.string()),
        pa.field("market", pa.string()),
        pa.field("feed", pa.string()),
        pa.field("vintage", pa.string()),
        pa.field("row_count", pa.int64()),
        pa.field("gap_count", pa.int64()),
        pa.field("first_interval_start_utc", pa.timestamp("us", "UTC")),
        pa.field("last_interval_end_utc", pa.timestamp("us", "UTC")),
        pa.field("published_at", pa.timestamp("us", "UTC")),
        pa.field("reason", pa.string()),
        pa.field("names", pa.json_(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("log_position", pa.int64(), nullable=False),
    ]
)
"""The columns of a listed publication; what comes of its reading is null where it was quarantined."""

COVERAGE_SCHEMA = pa.schema(
    [
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("iso", pa.string(), nullable=False),
        pa.field("market", pa.string(), nullable=False),
        pa.field("feed", pa.string(), nullable=False),
        pa.field("publications", pa.int64(), nullable=False),
        pa.field("row_count", pa.int64(), nullable=False),
        pa.field("first_interval_start_utc", pa.timestamp("us", "UTC")),
        pa.field("last_interval_end_utc", pa.timestamp("us", "UTC")),
    ]
)
"""The columns of a row of `coverage`."""

_BY_FEED = Order(("iso", "dataset", "market", "feed"))


def list_publications(
    pool: Pool,
    *,
    iso: str | None = None,
    status: str | None = None,
    market: str | None = None,
    feed: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    sort: RecordedSort = "-log_position",
    entitled: Sequence[str] | None = None,
    request: PageRequest = ALL,
) -> Page:
    """Publications, newest first unless sorted otherwise; those whose outcome was recorded in [since, until).

    Where `entitled` is given, only those of these ISOs.
    """
    return page(
        pool,
        f"""SELECT publication_id AS id, status, dataset, iso, market, feed, vintage, row_count, gap_count,
                   first_interval_start_utc, last_interval_end_utc, published_at, reason, names, recorded_at,
                   log_position
            FROM publication
            WHERE (%(iso)s::text IS NULL OR iso = %(iso)s)
              AND (%(status)s::text IS NULL OR status = %(status)s)
              AND (%(market)s::text IS NULL OR market = %(market)s)
              AND (%(feed)s::text IS NULL OR feed = %(feed)s)
              AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s)
              AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s)
              AND (%(entitled)s::text[] IS NULL OR iso = ANY(%(entitled)s))
              AND {HELD}""",  # noqa: S608 - names from this package
        {
            "iso": iso,
            "status": status,
            "market": market,
            "feed": feed,
            "since": since,
            "until": until,
            "entitled": entitled,
        },
        RECORDED_ORDERS[sort],
        request,
    )


def publication(pool: Pool, publication_id: UUID, as_of: int | None = None) -> Row | None:
    """One publication with everything known about it, its replaced readings included."""
    values = {"id": publication_id, "as_of": as_of}
    found = row(
        pool,
        f"SELECT publication_id AS id, p.* FROM publication p WHERE publication_id = %(id)s AND {HELD}",  # noqa: S608
        values,
    )
    if found:
        del found["superseded_by"]  # known only later; `readings` tell it as far as it was known
        found["readings"] = rows(
            pool,
            """SELECT log_position,
                      CASE WHEN %(as_of)s::bigint IS NULL OR superseded_by <= %(as_of)s THEN superseded_by END
                          AS superseded_by
               FROM publication
               WHERE publication_id = %(id)s AND status = 'ingested'
                 AND (%(as_of)s::bigint IS NULL OR log_position <= %(as_of)s)
               ORDER BY log_position""",
            values,
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
           SELECT log_position FROM publication
           WHERE status = 'ingested' AND superseded_by <= %(through)s AND superseded_by NOT IN (TABLE dead)
           UNION SELECT position FROM dead""",
        {"through": through_position},
    )
    return [r["log_position"] for r in found]


def superseding_readings(pool: Pool, through_position: int) -> dict[int, int]:
    """Readings that another one had replaced by `through_position`, each with the position of that one."""
    found = rows(
        pool,
        """SELECT log_position, superseded_by FROM publication
           WHERE status = 'ingested' AND superseded_by <= %(through)s
             AND superseded_by NOT IN (SELECT position FROM pg.dead_letter WHERE projection = 'prices')""",
        {"through": through_position},
    )
    return {r["log_position"]: r["superseded_by"] for r in found}


def coverage(
    pool: Pool, *, iso: str | None = None, entitled: Sequence[str] | None = None, request: PageRequest = ALL
) -> Page:
    """Which feeds there are: a row an iso, dataset, market and feed, with the rows of all its publications, their span.

    Where `entitled` is given, only those of these ISOs.
    """
    return page(
        pool,
        f"""SELECT dataset, iso, market, feed, count(*) AS publications, sum(row_count)::bigint AS row_count,
                   min(first_interval_start_utc) AS first_interval_start_utc,
                   max(last_interval_end_utc) AS last_interval_end_utc
            FROM publication
            WHERE status = 'ingested' AND (%(iso)s::text IS NULL OR iso = %(iso)s) AND {HELD}
              AND (%(entitled)s::text[] IS NULL OR iso = ANY(%(entitled)s))
            GROUP BY dataset, iso, market, feed""",  # noqa: S608 - names from this package
        {"iso": iso, "entitled": entitled},
        _BY_FEED,
        request,
    )


def publications_by_id(pool: Pool, publication_ids: Sequence[UUID], as_of: int | None = None) -> dict[UUID, Row]:
    """Those of the publications that there are, without their readings, in one query."""
    return by_id(
        pool,
        f"""SELECT publication_id AS id, p.* FROM publication p
            WHERE publication_id = ANY(%(ids)s) AND {HELD}""",  # noqa: S608
        {"ids": list(publication_ids), "as_of": as_of},
    )
