"""How far each read model has come."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import rows


def checkpoints(pool: Pool, store: str) -> dict[str, int]:
    """Position by projection name; of the columnar projections those that fill `store`."""
    query = "SELECT projection, position FROM pg.checkpoint WHERE store IN ('', %(store)s)"
    return {r["projection"]: r["position"] for r in rows(pool, query, {"store": store})}


def readable_position(pool: Pool, store: str) -> int:
    """The position up to which prices may be read: their rows are loaded, and replaced readings are known."""
    known = checkpoints(pool, store)
    return min(known.get("prices", 0), known.get("publications", 0))
