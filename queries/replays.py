"""Which replays there are."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import Row, rows


def list_replays(pool: Pool) -> list[Row]:
    """By name: the position that each shows, when it was made, and whether it is complete."""
    return rows(pool, "SELECT name, position, made_at, is_complete FROM replay ORDER BY name", {})
