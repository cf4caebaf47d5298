"""The HTTP application over a platform."""

from __future__ import annotations

from fastapi import Depends
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

from api import problems
from api.platform import Platform
from api.rest import (
    audit,
    commands,
    curves,
    instruments,
    objects,
    operations,
    ppas,
    prices,
    projections,
    publications,
    quotes,
    scenarios,
    series,
)
from api.security import Door

_ROUTERS = (
    objects, commands, prices, publications, instruments, quotes, scenarios, curves, ppas, audit, projections,
    operations, series,
)  # fmt: skip


def create_app(platform: Platform) -> ASGIApp:
    """All routes, behind the door. The platform is opened and closed by whoever calls this."""
    # The page's script and style come from the package, so that it works without the internet.
    app = FastAPIOffline(
        title="254Carbon",
        version=platform.code_version,
        summary="See the market, price the future, and prove every number.",
        redoc_url=None,
        dependencies=[Depends(HTTPBearer(auto_error=False, description="the token of the data folder's token file"))],
    )
    app.state.platform = platform
    problems.install(app)
    for module in _ROUTERS:
        app.include_router(module.router)
    return Door(app, token=platform.token)
