"""Events that projections have set aside."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import Row, rows


def dead_letters(pool: Pool, projection: str | None = None) -> list[Row]:
    """The dead letters of one projection or of all, by projection and position."""
    query = """
        SELECT projection, position, stream_id, event, reason, attempts, first_failed_at, last_failed_at, follows
        FROM pg.dead_letter WHERE coalesce(%(projection)s, projection) = projection ORDER BY projection, position"""
    return rows(pool, query, {"projection": projection})


def count_dead_letters(pool: Pool) -> dict[str, int]:
    """How many events each projection has set aside; projections without any are left out."""
    query = "SELECT projection, count(*) AS events FROM pg.dead_letter GROUP BY projection ORDER BY projection"
    return {row["projection"]: row["events"] for row in rows(pool, query, {})}
