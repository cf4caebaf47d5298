"""`/v1/stream`: the handshake, by which alone a page, a token and the protocol are let in."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, WebSocket

from api.platform import Platform
from api.problems import Problem, response
from api.security import LOOPBACK_HOSTS, STREAM_PATH
from api.stream.hub import Hub
from api.stream.messages import PROTOCOL
from api.stream.session import Session, Streams

router = APIRouter()

TOKEN_PREFIX = "bearer."  # noqa: S105 - what stands before a token among the subprotocols


def install(app: FastAPI, platform: Platform) -> None:
    """What all connections of an application share."""
    app.state.hub, app.state.streams = Hub(platform), Streams()


@router.websocket(STREAM_PATH)
async def stream(websocket: WebSocket) -> None:
    """Prices and publications as they come; docs/stream.md has the protocol."""
    platform = cast(Platform, websocket.app.state.platform)
    try:
        credential = _handshake(websocket, platform.settings.stream_origins)
    except Problem as problem:
        await websocket.send_denial_response(response(problem))
        return
    await websocket.accept(subprotocol=PROTOCOL)
    state = websocket.app.state
    await Session(websocket, platform, state.hub, state.streams, credential).run()


def _handshake(websocket: WebSocket, origins: tuple[str, ...]) -> str | None:
    """The token, where it came with the subprotocols. Raises Problem."""
    if websocket.query_params:
        raise Problem(
            400,
            "a stream's URL has no parameters, and never a token",
            remedy="Send the token in the first message, or as the subprotocol `bearer.TOKEN`.",
        )
    _check_origin(websocket.headers.getlist("origin"), origins)
    offered = cast(list[str], websocket.scope["subprotocols"])
    if PROTOCOL not in offered:
        raise Problem(400, f"the subprotocol {PROTOCOL} was not offered", remedy=f"Offer {PROTOCOL}.")
    tokens = [item.removeprefix(TOKEN_PREFIX) for item in offered if item.startswith(TOKEN_PREFIX)]
    if len(tokens) > 1:
        raise Problem(400, "more than one token was offered", remedy="Offer one `bearer.TOKEN`.")
    return tokens[0] if tokens else None


def _check_origin(sent: list[str], allowed: tuple[str, ...]) -> None:
    """A browser always says whose page it is that calls; other clients say nothing. Raises Problem."""
    if not sent:
        return
    if len(sent) == 1 and (sent[0] in allowed or _is_loopback(sent[0])):
        return
    raise Problem(
        403,
        f"pages of {sent[0][:100]!r} may not open the stream",
        remedy="The platform's operator can allow it in CARBON254_STREAM_ORIGINS.",
    )


def _is_loopback(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
        host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and host in LOOPBACK_HOSTS
