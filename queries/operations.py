"""What an operator watches: how far each read model lies behind, and what has been let in."""

from __future__ import annotations

from typing import Any

from queries.checkpoints import checkpoints
from queries.relational import Row, row, rows
from queries.view import ReadView


def log_head(view: ReadView) -> int:
    """The newest position; 0 while the log is empty."""
    found = row(view.pool, "SELECT position FROM log.head", {})
    return int(found["position"]) if found else 0


def projection_lags(view: ReadView) -> list[dict[str, Any]]:
    """Of each read model `projection`, `position`, and how far it lies behind: in `events`, and in `seconds` since the
    oldest event that it has not seen was recorded (0 where it has seen all)."""
    known = checkpoints(view)
    query = """
        SELECT c.projection, c.position, greatest(0, (SELECT position FROM log.head) - c.position) AS events,
               greatest(0, coalesce(extract(epoch FROM clock_timestamp() - (
                   SELECT e.recorded_at FROM log.events e WHERE e.position > c.position ORDER BY e.position LIMIT 1
               )), 0))::float8 AS seconds
        FROM unnest(%(names)s::text[], %(positions)s::bigint[]) AS c (projection, position)
        ORDER BY c.projection"""
    return rows(view.pool, query, {"names": list(known), "positions": list(known.values())})


def publication_counts(view: ReadView) -> list[Row]:
    """Of each ISO (empty for what was not recognised) and status: number of `publications` and their `rows`."""
    query = """
        SELECT coalesce(iso, '') AS iso, status, count(*) AS publications, coalesce(sum(row_count), 0)::bigint AS rows
        FROM publication GROUP BY 1, 2 ORDER BY 1, 2"""
    return rows(view.pool, query, {})
