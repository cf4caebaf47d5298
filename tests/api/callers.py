"""Calling the API as somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from api.cli.connection import ApiError, Connection
from api.platform import Platform
from infra.principal import Channel, Principal


class _Always:
    """Takes whoever calls for one principal."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    async def authenticate(self, credential: str) -> Principal:
        return self._principal


@contextmanager
def calling_as(platform: Platform, tenant: str, *roles: str, channel: Channel = "api") -> Iterator[Connection]:
    """The API of a platform, called by somebody of a tenant with some roles."""
    somebody = Principal(tenant, f"someone-of-{tenant}", frozenset(roles), channel)
    connection = Connection.to_platform(replace(platform, authenticator=_Always(somebody)))
    try:
        yield connection
    finally:
        connection.close()


def answer(api: Connection, method: str, path: str, **options: Any) -> httpx2.Response:
    return api.run(api.request(method, path, **options))


def refusal(api: Connection, method: str, path: str, **options: Any) -> ApiError:
    """The problem that a request is answered with."""
    with pytest.raises(ApiError) as error:
        answer(api, method, path, **options)
    return error.value
