"""How far each read model has come."""

from __future__ import annotations

from queries.relational import rows
from queries.view import ReadView


def checkpoints(view: ReadView) -> dict[str, int]:
    """Position by name of the live projections; of the columnar ones those that fill the view's store."""
    query = "SELECT projection, position FROM pg.checkpoint WHERE store IN ('', %(store)s)"
    return {r["projection"]: r["position"] for r in rows(view.pool, query, {"store": view.clickhouse.store_id})}


def readable_position(view: ReadView) -> int:
    """The position up to which prices may be read: their rows are loaded, and replaced readings are known."""
    known = checkpoints(view)
    return view.capped(min(known.get("prices", 0), known.get("publications", 0)))
