"""What an operator watches of the market data: what has been let in."""

from __future__ import annotations

from queries.relational import Row, rows
from queries.view import ReadView


def publication_counts(view: ReadView) -> list[Row]:
    """Of each ISO (empty for what was not recognised) and status: number of `publications` and their `rows`."""
    query = """
        SELECT coalesce(iso, '') AS iso, status, count(*) AS publications, coalesce(sum(row_count), 0)::bigint AS rows
        FROM publication WHERE superseded_by IS NULL GROUP BY 1, 2 ORDER BY 1, 2"""
    return rows(view.pool, query, {})
