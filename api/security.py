"""The door: only known hosts, and nothing under /v1 without the token."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from api.platform import LOCAL_PRINCIPAL
from api.problems import TYPES_PAGE, Problem, response

# Hosts by which a browser or client on this machine may call; any other name is a rebinding attack or a mistake.
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


OPEN = frozenset({"/livez", "/readyz", "/openapi.json", "/docs", TYPES_PAGE})
PAGE_ASSETS = "/static-offline-docs/"


class Door:
    """ASGI middleware in front of every route, error pages included."""

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str] = LOOPBACK_HOSTS) -> None:
        self._app = app
        self._authorization = f"Bearer {token}".encode()
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        problem = self._check(scope)
        scope["principal"] = LOCAL_PRINCIPAL
        if problem is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await response(problem)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _check(self, scope: Scope) -> Problem | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if _without_port(host) not in self._hosts:
            return Problem(400, f"the host {host!r} is not served here", remedy="Call it by 127.0.0.1 or localhost.")
        if not _is_guarded(scope["path"]):
            return None
        if hmac.compare_digest(headers.get(b"authorization", b""), self._authorization):
            return None
        return Problem(
            401,
            "this needs the token",
            remedy="Send `Authorization: Bearer TOKEN`; the token is in the file `token` of the data folder.",
        )


def _is_guarded(path: str) -> bool:
    return path not in OPEN and not path.startswith(PAGE_ASSETS)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
