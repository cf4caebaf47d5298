"""The simulated operators over HTTP, on loopback only: each source under `/<its name>/`, as under its own host.

Beside them stand `/_simulator/clock`, what the market's time is, and `/_simulator/faults`, every fault that was
injected. Answering is pure computing, so it is done on threads and the loop stays free for the other requests.
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import uvicorn

from infra.errors import PlatformError
from integrations.isos.simulator.exchange import Exchange, Reply

HOST: Final = "127.0.0.1"
_OWN = "_simulator"
_SLOW_PIECES = 20
_START_PATIENCE_S = 10.0

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def application(exchange: Exchange) -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """The ASGI app."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
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
    source, _, path = unquote(scope["path"]).lstrip("/").partition("/")
    if source == _OWN:
        return _own(exchange, path)
    params = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return exchange.reply(source, path, params, headers)


def _own(exchange: Exchange, path: str) -> Reply:
    if path == "clock":
        found: Any = {"now_utc": exchange.clock.now().isoformat(), "speed": exchange.clock.speed}
    elif path == "faults":
        found = [asdict(fault) | {"at_utc": fault.at_utc.isoformat()} for fault in exchange.faults.journal]
    else:
        return Reply(404, b"", {})
    return Reply(200, json.dumps(found).encode(), {"content-type": "application/json", "cache-control": "no-store"})


async def _send_slowly(reply: Reply, send: Send) -> None:
    size = max(1, -(-len(reply.content) // _SLOW_PIECES))
    for start in range(0, len(reply.content), size):
        await asyncio.sleep(reply.takes_s / _SLOW_PIECES)
        piece, more = reply.content[start : start + size], start + size < len(reply.content)
        await send({"type": "http.response.body", "body": piece, "more_body": more})


class SimulatorServer:
    """Serves an exchange from a thread of its own. Use it in a `with`; `port` 0 takes a free one."""

    def __init__(self, exchange: Exchange, port: int = 0) -> None:
        config = uvicorn.Config(
            application(exchange), host=HOST, port=port, log_config=None, access_log=False, log_level="warning",
            lifespan="off", server_header=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._socket = config.bind_socket() if port == 0 else _bound(config, port)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="simulator", daemon=True
        )
        self._sources = exchange.sources

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self._socket.getsockname()[1]}"

    @property
    def base_urls(self) -> dict[str, str]:
        """What CARBON254_SOURCES has to be, so that feeds are asked of this server."""
        return {source: f"{self.address}/{source}" for source in self._sources}

    def __enter__(self) -> "SimulatorServer":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends what is being answered, soon, and returns when the server is gone."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_START_PATIENCE_S)
        self._socket.close()
