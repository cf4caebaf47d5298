"""The HTTP application over a platform."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from api import openapi, problems
from api.head import HeadAsGet
from api.platform import Platform
from api.rest import (
    audit,
    commands,
    curves,
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
)
from api.security import Door

_ROUTERS = (
    index, objects, commands, prices, publications, instruments, quotes, scenarios, curves, ppas, audit, projections,
    operations,
)  # fmt: skip


def create_app(platform: Platform) -> ASGIApp:
    """All routes, behind the door. The platform is opened and closed by whoever calls this."""
    app = create_routes()
    app.state.platform = platform
    return Door(HeadAsGet(app), token=platform.token)


def create_routes() -> FastAPI:
    """All routes, over no platform yet: enough to describe them."""
    # The page's script and style come from the package, so that it works without the internet.
    app = FastAPIOffline(
        title="254Carbon",
        version=version("carbon254-platform"),
        summary="See the market, price the future, and prove every number.",
        redoc_url=None,
        dependencies=[Depends(HTTPBearer(auto_error=False, description="the token of the data folder's token file"))],
    )
    problems.install(app)
    openapi.install(app)
    for module in _ROUTERS:
        app.include_router(module.router)
    return app
