"""Requests to an app in this process, with every header of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
from starlette.types import ASGIApp

# The template of the route that takes the commands of these tests.
COMMAND_ROUTE = "/v1/commands/define-scenario"


def call(
    app: ASGIApp, method: str, path: str, *, token: str = "", headers: Mapping[str, str] | None = None, **options: Any
) -> httpx2.Response:
    """One request; `token` is sent as the bearer's."""
    given = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})

    async def send() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, headers=given, **options)

    return asyncio.run(send())
