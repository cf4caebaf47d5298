"""How far each read model has come."""

from __future__ import annotations

from queries.relational import rows
from queries.view import ReadView


def checkpoints(view: ReadView) -> dict[str, int]:
    """Position by name of the live projections; of the columnar ones those that fill the view's store."""
    query = "SELECT projection, position FROM pg.checkpoint WHERE store IN ('', %(store)s)"
    return {r["projection"]: r["position"] for r in rows(view.pool, query, {"store": view.clickhouse.store_id})}


def readable_position(view: ReadView, projection: str = "prices") -> int:
    """The position up to which a columnar projection may be read: rows are loaded, replaced readings are known."""
    known = checkpoints(view)
    return view.capped(min(known.get(projection, 0), known.get("publications", 0)))
