"""How far each read model has come."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import rows


def checkpoints(pool: Pool) -> dict[str, int]:
    """Position by projection name."""
    return {r["projection"]: r["position"] for r in rows(pool, "SELECT projection, position FROM pg.checkpoint", {})}


def readable_position(pool: Pool) -> int:
    """The position up to which prices may be read: their rows are loaded, and replaced readings are known."""
    known = checkpoints(pool)
    return min(known.get("prices", 0), known.get("publications", 0))
