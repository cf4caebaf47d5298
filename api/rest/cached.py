"""Which reads are cached: a route says by `@cached(…)` what its answers depend on; `api.middleware.answers` keeps them.

A route may say so whose answer shows nothing but what projections fill: no clock, and nothing of the caller but its
tenant and what that is entitled to in the format that it asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi.params import Security
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api.problems import Problem
from api.rest.dependencies import moment, zone_of
from commands.entitlements import ISOS
from commands.permissions import Permission
from queries.changes import Changed, Changes, Find

E = TypeVar("E", bound=Callable[..., Any])

_MARK = "cached_by"
# What all tenants see, of which a tenant's own rows are no part.
_MARKET_DATA = frozenset({"prices", "publications"})


@dataclass(frozen=True)
class Asked:
    """What a request asks for: the tenant it is asked for, and the parameters of its path and query."""

    tenant: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]

    def one(self, name: str) -> str:
        """A parameter of the query; empty where it was not given."""
        return self.query.get(name, [""])[0]


@dataclass(frozen=True)
class Dependence:
    """The projections that an answer is made from, and what of each it shows."""

    projections: Sequence[str]
    find: Find


Depends = Callable[[Asked], Dependence | None]
"""What the answer to a request depends on; None where the request is not good, and the route is to say why."""


@dataclass(frozen=True)
class CachedRoute:
    """A route that is cached, and what a caller needs to be let in: one of each set of permissions."""

    route: APIRoute
    depends: Depends
    permissions: Sequence[Sequence[Permission]]


def cached(depends: Depends) -> Callable[[E], E]:
    """Says of a route's function that its answers are cached, and what they depend on."""

    def mark(endpoint: E) -> E:
        setattr(endpoint, _MARK, depends)
        return endpoint

    return mark


def cached_routes(routes: Sequence[BaseRoute]) -> Iterator[CachedRoute]:
    """Those of the routes that are cached."""
    for route in routes:
        if isinstance(route, APIRoute) and (depends := getattr(route.endpoint, _MARK, None)):
            needed = [d.scopes or () for d in route.dependencies if isinstance(d, Security)]
            yield CachedRoute(route, depends, [[Permission(scope) for scope in scopes] for scopes in needed])


def by_tenant(*projections: str) -> Depends:
    """On the tenant's own rows, and on all market data where `projections` bring any."""

    def depends(asked: Asked) -> Dependence:
        def find(changes: Changes, projection: str) -> Changed:
            if projection in _MARKET_DATA:
                return changes.of_all(projection)
            return changes.of_tenant(projection, asked.tenant)

        return Dependence(projections, find)

    return depends


def by_iso(*projections: str) -> Depends:
    """On what is of the ISO that is asked for; on everything where none is, or several are."""

    def depends(asked: Asked) -> Dependence:
        isos = asked.query.get("iso", [])
        iso = isos[0] if len(isos) == 1 else None
        return Dependence(projections, lambda changes, name: changes.of_iso(name, iso) if iso else changes.of_all(name))

    return depends


def by_market_days(dataset: str | None, *projections: str) -> Depends:
    """On the days of an ISO's market from `start` to `end`, of a dataset; where it is None, of that in the path."""

    def depends(asked: Asked) -> Dependence | None:
        iso, market, wanted = asked.one("iso"), asked.one("market"), dataset or asked.path["dataset"]
        if iso not in ISOS:
            return None
        try:
            zone = zone_of(iso, asked.one("tz") or None)
            start_utc, end_utc = (moment(asked.one(name), name, zone) for name in ("start", "end"))
        except Problem:
            return None
        if start_utc > end_utc:
            return None
        names = projections if dataset else (wanted, *projections)
        return Dependence(names, lambda changes, name: changes.of_market(name, wanted, iso, market, start_utc, end_utc))

    return depends
