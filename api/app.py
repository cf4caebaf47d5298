"""The HTTP application over a platform."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from api import metrics, openapi, problems
from api.graphql import endpoint as graphql
from api.head import HeadAsGet
from api.middleware.answers import CachedReads
from api.middleware.bodies import Bodies
from api.middleware.headers import SecureHeaders
from api.middleware.observed import Attributed, Observed
from api.middleware.rates import FailedAttempts, HeavyReads, Rates
from api.passing_on import PassingOn
from api.platform import Platform
from api.problems import TYPES_PAGE
from api.rest import (
    api_keys,
    audit,
    backups,
    commands,
    curves,
    entitlements,
    feeds,
    index,
    instruments,
    latest_prices,
    objects,
    operations,
    ppas,
    prices,
    projections,
    publications,
    quality,
    quotes,
    replays,
    scenarios,
    series,
    service_index,
    tokens,
)
from api.rest.cached import cached_routes
from api.rest.dependencies import bearer
from api.security import LOOPBACK_HOSTS, Door
from api.services import GATEWAY, SERVICES, Service, addresses
from api.stream import endpoint as stream

_ROUTERS = (
    index, objects, commands, prices, latest_prices, publications, instruments, quotes, scenarios, curves, ppas, audit,
    projections, replays, entitlements, operations, backups, api_keys, tokens, graphql, metrics, series, feeds, quality,
    stream,
)  # fmt: skip
HEALTH = frozenset({"/livez", "/readyz"})
_OF_NOUNS = {"objects": objects, "scenarios": scenarios, "curves": curves, "ppas": ppas, "graphql": graphql}


def create_app(platform: Platform) -> ASGIApp:
    """All routes, behind the door. The platform is opened and closed by whoever calls this."""
    return guarded(_answering(HeadAsGet(_whole(platform)), platform), platform)


def create_service(platform: Platform, service: Service) -> ASGIApp:
    """One service, behind the same door. The gateway has all routes, and passes on what other services answer."""
    if service.name != GATEWAY:
        app = create_routes(service)
        app.state.platform = platform
        return guarded(_answering(HeadAsGet(app), platform), platform)
    theirs = {name: routes_of(SERVICES[name]) for name in addresses({})}
    passing = PassingOn(HeadAsGet(_whole(platform)), addresses(platform.settings.services), theirs)
    passed_on = [route for routes in theirs.values() for route in routes]
    return guarded(_answering(passing, platform, passed_on), platform)


def _whole(platform: Platform) -> FastAPI:
    app = create_routes()
    app.state.platform = platform
    stream.install(app, platform)
    return app


def create_routes(service: Service | None = None) -> FastAPI:
    """All routes, or those of one service, over no platform yet: enough to describe them."""
    # The page's script and style come from the package, so that it works without the internet.
    app = FastAPIOffline(
        title=f"254Carbon {service.name}" if service else "254Carbon",
        version=version("carbon254-platform"),
        summary="See the market, price the future, and prove every number.",
        redoc_url=None,
        redirect_slashes=False,  # one address for each thing
        dependencies=[Depends(bearer)],
    )
    problems.install(app)
    openapi.install(app)
    if service is None:
        for module in _ROUTERS:
            app.include_router(module.router)
        return app
    app.state.service = service
    app.include_router(service_index.router)
    app.include_router(metrics.router)
    app.include_router(_only(operations.router, HEALTH))
    app.include_router(_only(index.router, {TYPES_PAGE}))
    for noun in service.nouns:
        app.include_router(_OF_NOUNS[noun].router)
    app.include_router(_only(commands.router, {f"/v1/commands/{name}" for name in service.commands}))
    return app


def routes_of(service: Service) -> list[BaseRoute]:
    """Those that a service has and others have not."""
    of_nouns = [route for noun in service.nouns for route in _OF_NOUNS[noun].router.routes]
    return of_nouns + _only(commands.router, {f"/v1/commands/{name}" for name in service.commands}).routes


def _only(router: APIRouter, paths: Collection[str]) -> APIRouter:
    """A router with some of another's routes."""
    picked = APIRouter()
    picked.routes.extend(route for route in router.routes if isinstance(route, APIRoute) and route.path in paths)
    return picked


def _answering(app: ASGIApp, platform: Platform, passed_on: Collection[BaseRoute] = ()) -> ASGIApp:
    """What stands before routes: a cached answer, but of those that are `passed_on`, and what a caller may send."""
    cached = [found for module in _ROUTERS for found in cached_routes(module.router.routes)]
    own = [found for found in cached if found.route not in passed_on]
    return CachedReads(HeavyReads(Bodies(app)), platform, own)


def guarded(app: ASGIApp, platform: Platform) -> ASGIApp:
    """What stands around all answers, from the inside out: how often one may ask, who it is, who keeps the book."""
    settings = platform.settings
    app = Rates(app, commands_per_minute=settings.commands_per_minute, reads_per_minute=settings.reads_per_minute)
    app = Door(Attributed(app), platform.authenticator, hosts=LOOPBACK_HOSTS.union(settings.hosts))
    return Observed(SecureHeaders(FailedAttempts(app)))
