"""Dataloaders: what many rows of an answer ask for one by one is read with one query for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader

from queries.audit import audit_by_position
from queries.curve_points import points_of_curves
from queries.curves import curves_by_id
from queries.instruments import instruments_by_id
from queries.ppas import ppas_by_id, valuations_by_id, valuations_of_ppas
from queries.publications import publications_by_id
from queries.relational import Row
from queries.scenarios import scenarios_by_id
from queries.view import ReadView

K = TypeVar("K")
T = TypeVar("T")


class ValuationsKey(NamedTuple):
    """The newest `limit` valuations of a contract before a position."""

    ppa_id: UUID
    limit: int
    before_position: int | None


class Loaders:
    """The loaders of one request, of what was known at the position `as_of` (None for now).

    What the tenant does not have, or was not known then, loads as None.
    """

    def __init__(
        self, view: ReadView, tenant: str, known_positions: Callable[[], Mapping[str, int]], as_of: int | None
    ) -> None:
        pool = view.pool
        self.instrument = _loader(lambda ids: instruments_by_id(pool, tenant, ids, as_of))
        self.scenario = _loader(lambda ids: scenarios_by_id(pool, tenant, ids, as_of))
        self.publication = _loader(lambda ids: publications_by_id(pool, ids, as_of))
        self.curve = _loader(lambda ids: curves_by_id(pool, tenant, ids, as_of))
        self.ppa = _loader(lambda ids: ppas_by_id(pool, tenant, ids, as_of))
        self.valuation = _loader(lambda ids: valuations_by_id(pool, tenant, ids, as_of))
        self.audit_entry = _loader(
            lambda positions: audit_by_position(pool, tenant, [p for p in positions if as_of is None or p <= as_of])
        )

        def points(curve_ids: list[UUID]) -> Mapping[UUID, Any]:
            through = view.capped(known_positions().get("curve_points", 0))
            return points_of_curves(view.clickhouse, curve_ids, through_position=through)

        def valuations(keys: list[ValuationsKey]) -> Mapping[ValuationsKey, list[Row]]:
            found: dict[ValuationsKey, list[Row]] = {}
            pages: dict[tuple[int, int | None], list[UUID]] = defaultdict(list)
            for ppa_id, limit, before in keys:
                pages[limit, before].append(ppa_id)
            behind = None if as_of is None else as_of + 1
            for (limit, before), ppa_ids in pages.items():
                for ppa_id, page in valuations_of_ppas(pool, tenant, ppa_ids, limit, _least(before, behind)).items():
                    found[ValuationsKey(ppa_id, limit, before)] = page
            return found

        self.points = _loader(points)
        self.valuations = _loader(valuations)


def _least(one: int | None, other: int | None) -> int | None:
    """The lower of two bounds; None is no bound."""
    return min((bound for bound in (one, other) if bound is not None), default=None)


def _loader(read: Callable[[list[K]], Mapping[K, T]]) -> DataLoader[K, T | None]:
    """A loader of what `read` finds. It is read in the request's own thread, so nobody else waits for it."""

    async def load(keys: list[K]) -> list[T | None]:
        found = read(keys)
        return [found.get(key) for key in keys]

    return DataLoader(load)
