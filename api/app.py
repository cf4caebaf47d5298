"""The HTTP application over a platform."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from api import openapi, problems
from api.head import HeadAsGet
from api.platform import Platform
from api.rest import (
    api_keys,
    audit,
    commands,
    curves,
    entitlements,
    index,
    instruments,
    objects,
    operations,
    ppas,
    prices,
    projections,
    publications,
    quotes,
    scenarios,
    tokens,
)
from api.rest.dependencies import bearer
from api.security import Door

_ROUTERS = (
    index, objects, commands, prices, publications, instruments, quotes, scenarios, curves, ppas, audit, projections,
    entitlements, operations, api_keys, tokens,
)  # fmt: skip


def create_app(platform: Platform) -> ASGIApp:
    """All routes, behind the door. The platform is opened and closed by whoever calls this."""
    app = create_routes()
    app.state.platform = platform
    return Door(HeadAsGet(app), platform.authenticator)


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
