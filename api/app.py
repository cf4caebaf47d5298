"""The HTTP application over a platform."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from api import metrics, openapi, problems
from api.graphql import endpoint as graphql
from api.head import HeadAsGet
from api.middleware.answers import CachedReads
from api.middleware.bodies import Bodies
from api.middleware.headers import SecureHeaders
from api.middleware.observed import Attributed, Observed
from api.middleware.rates import FailedAttempts, HeavyReads, Rates
from api.platform import Platform
from api.rest import (
    api_keys,
    audit,
    commands,
    curves,
    entitlements,
    feeds,
    index,
    instruments,
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
    tokens,
)
from api.rest.cached import cached_routes
from api.rest.dependencies import bearer
from api.security import Door
from api.stream import endpoint as stream

_ROUTERS = (
    index, objects, commands, prices, publications, instruments, quotes, scenarios, curves, ppas, audit, projections,
    replays, entitlements, operations, api_keys, tokens, graphql, metrics, series, feeds, quality, stream,
)  # fmt: skip


def create_app(platform: Platform) -> ASGIApp:
    """All routes, behind the door. The platform is opened and closed by whoever calls this."""
    app = create_routes()
    app.state.platform = platform
    stream.install(app, platform)
    cached = [route for module in _ROUTERS for route in cached_routes(module.router.routes)]
    return guarded(CachedReads(HeavyReads(Bodies(HeadAsGet(app))), platform, cached), platform)


def create_routes() -> FastAPI:
    """All routes, over no platform yet: enough to describe them."""
    # The page's script and style come from the package, so that it works without the internet.
    app = FastAPIOffline(
        title="254Carbon",
        version=version("carbon254-platform"),
        summary="See the market, price the future, and prove every number.",
        redoc_url=None,
        redirect_slashes=False,  # one address for each thing
        dependencies=[Depends(bearer)],
    )
    problems.install(app)
    openapi.install(app)
    for module in _ROUTERS:
        app.include_router(module.router)
    return app


def guarded(app: ASGIApp, platform: Platform) -> ASGIApp:
    """What stands around all answers, from the inside out: how often one may ask, who it is, who keeps the book."""
    settings = platform.settings
    app = Rates(app, commands_per_minute=settings.commands_per_minute, reads_per_minute=settings.reads_per_minute)
    app = Door(Attributed(app), platform.authenticator)
    return Observed(SecureHeaders(FailedAttempts(app)))
