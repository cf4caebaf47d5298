"""The door: only known hosts, and nothing but a few open paths without a credential that is accepted."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import TYPES_PAGE, Problem, response
from infra.errors import PlatformError
from infra.principal import Authenticator, NotAuthenticated, Principal

logger = logging.getLogger(__name__)

# Hosts by which a browser or client on this machine may call; any other name is a rebinding attack or a mistake.
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})

JWKS_PATH = "/.well-known/jwks.json"
OPEN = frozenset({"/livez", "/readyz", "/openapi.json", "/docs", TYPES_PAGE, JWKS_PATH})
# A browser can't send a header with a WebSocket: there the stream asks for the token itself (`api.stream.session`).
STREAM_PATH = "/v1/stream"
PAGE_ASSETS = "/static-offline-docs/"

_CHALLENGE = "Bearer"


class Door:
    """ASGI middleware in front of every route, error pages included. Behind it `scope["principal"]` says who calls."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator, *, hosts: Iterable[str] = LOOPBACK_HOSTS) -> None:
        self._app = app
        self._authenticator = authenticator
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            self._check_host(scope)
            if _is_guarded(scope):
                scope["principal"] = await self._principal(scope)
        except Problem as problem:
            await _turn_away(problem, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_host(self, scope: Scope) -> None:
        host = b"".join(_values(scope, b"host")).decode("latin-1").lower()
        if _without_port(host) not in self._hosts:
            raise Problem(400, f"the host {host!r} is not served here", remedy="Call it by 127.0.0.1 or localhost.")

    async def _principal(self, scope: Scope) -> Principal:
        try:
            return await self._authenticator.authenticate(_credential(scope))
        except NotAuthenticated as refused:
            raise _unauthorized(refused.reason, refused.remedy, error="invalid_token") from refused
        except PlatformError as error:
            logger.warning("nobody can be authenticated: %s", error.message)
            raise Problem(503, error.message, remedy=error.remedy) from error


def _credential(scope: Scope) -> str:
    """What stands behind `Bearer`. Raises Problem for a header that is missing or something else."""
    found = _values(scope, b"authorization")
    if not found:
        raise _unauthorized(
            "this needs a token or an API key",
            "Send `Authorization: Bearer TOKEN`, with what `carbon254 token` prints, an API key, or the content of the "
            "file `token` of the data folder.",
        )
    scheme, _, credential = found[0].decode("latin-1").strip().partition(" ")
    credential = credential.strip()
    # Visible ASCII only, as RFC 6750 has it.
    well_formed = credential.isascii() and credential.isprintable() and " " not in credential and credential
    if len(found) > 1 or scheme.lower() != "bearer" or not well_formed:
        raise _unauthorized(
            "the Authorization header is malformed",
            "Send it once, as `Authorization: Bearer TOKEN`, where the token is one word.",
            error="invalid_request",
        )
    return credential


def _unauthorized(title: str, remedy: str, *, error: str | None = None) -> Problem:
    """RFC 6750: the challenge names an error only where a credential was sent."""
    challenge = f'{_CHALLENGE} error="{error}", error_description="{title}"' if error else _CHALLENGE
    return Problem(401, title, remedy=remedy, headers={"WWW-Authenticate": challenge})


async def _turn_away(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(problem)(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": problem.title})


def _is_guarded(scope: Scope) -> bool:
    path: str = scope["path"]
    if scope["type"] == "websocket":
        return path != STREAM_PATH
    return path not in OPEN and not path.startswith(PAGE_ASSETS)


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for header, value in scope["headers"] if header == name]


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
