"""The simulated operators over HTTP, on loopback only: each source under `/simulated/<its name>/`, as under its host.

The word in the address tells everybody who keeps it that these are no real prices. Beside the sources stand `/clock`,
what the market's time is, and `/faults`, every fault that was injected. Answering is pure computing, so it is done on
threads and the loop stays free for the other requests.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import uvicorn

from infra.errors import PlatformError
from integrations.isos.simulator.exchange import Exchange, Reply
from integrations.isos.simulator.manners import MANNERS, MEMBER_KEY

HOST: Final = "127.0.0.1"
MOUNT: Final = "simulated"
_SLOW_PIECES = 20
_STOP_PATIENCE_S = 10.0

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def application(exchange: Exchange) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """The ASGI app."""

    async def answer(scope: Message, _: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        reply = await asyncio.to_thread(_reply, exchange, scope)
        headers = dict(reply.headers) | {"content-length": str(len(reply.content))}
        if reply.status == 304:
            del headers["content-length"]  # it would be that of the file
        written = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": written})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        elif reply.takes_s:
            await _send_slowly(reply, send)
        else:
            await send({"type": "http.response.body", "body": reply.content})

    return answer


def _reply(exchange: Exchange, scope: Message) -> Reply:
    if scope["method"] not in ("GET", "HEAD"):
        return Reply(405, b"", {"allow": "GET, HEAD"})
    mount, _, below = unquote(scope["path"]).lstrip("/").partition("/")
    if mount != MOUNT:
        return _own(exchange, mount)
    source, _, path = below.partition("/")
    params = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return exchange.reply(source, path, params, headers)


def _own(exchange: Exchange, path: str) -> Reply:
    if path == "clock":
        found: Any = {"now_utc": exchange.clock.now().isoformat(), "speed": exchange.clock.speed}
    elif path == "faults":
        found = _journal(exchange)
    else:
        return Reply(404, b"", {})
    return Reply(200, json.dumps(found).encode(), {"content-type": "application/json", "cache-control": "no-store"})


def _journal(exchange: Exchange) -> list[dict[str, Any]]:
    return [asdict(fault) | {"at_utc": fault.at_utc.isoformat()} for fault in exchange.faults.journal]


async def _send_slowly(reply: Reply, send: Send) -> None:
    size = max(1, -(-len(reply.content) // _SLOW_PIECES))
    for start in range(0, len(reply.content), size):
        await asyncio.sleep(reply.takes_s / _SLOW_PIECES)
        piece, more = reply.content[start : start + size], start + size < len(reply.content)
        await send({"type": "http.response.body", "body": piece, "more_body": more})


class SimulatorServer:
    """Serves an exchange from a thread of its own. Use it in a `with`; `port` 0 takes a free one."""

    def __init__(self, exchange: Exchange, port: int = 0) -> None:
        self._socket = _listening(port)
        config = uvicorn.Config(
            application(exchange), log_config=None, access_log=False, log_level="warning", lifespan="off",
            server_header=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="simulator", daemon=True
        )
        self._exchange = exchange

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self._socket.getsockname()[1]}"

    @property
    def base_urls(self) -> dict[str, str]:
        """What CARBON254_SOURCES has to be, so that feeds are asked of this server."""
        return {source: f"{self.address}/{MOUNT}/{source}" for source in self._exchange.sources}

    @property
    def source_keys(self) -> dict[str, str]:
        """What CARBON254_SOURCE_KEYS has to be: any key is taken, and this one is a member's."""
        return {source: MEMBER_KEY for source in self._exchange.sources if MANNERS[source].key_header}

    def faults(self) -> list[dict[str, Any]]:
        """The journal: every fault that was injected."""
        return _journal(self._exchange)

    def __enter__(self) -> "SimulatorServer":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends what is being answered, soon, and returns when the server is gone."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_PATIENCE_S)
        self._socket.close()


def _listening(port: int) -> socket.socket:
    """Listening already, so that whoever is told the address may ask at once."""
    listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PlatformError(
            f"Port {port} on {HOST} cannot be used: {error.strerror}",
            "Stop what uses it, or choose another with --port.",
        ) from error
    return listener
