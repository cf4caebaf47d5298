"""How a process listens: its port, taken before anything else, and the HTTP server over an application."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from infra.errors import PlatformError

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

    from api.platform import Platform


def server_of(app: ASGIApp, platform: Platform) -> uvicorn.Server:
    import uvicorn

    from api import limits
    from api.connections import GuardedHttp
    from api.draining import DrainingServer

    return DrainingServer(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=GuardedHttp,
            # Lines go through our own formatter, and requests have a line of their own.
            log_config=None,
            log_level="warning",
            access_log=False,
            # Who calls is told by the connection alone: whoever may connect could write any X-Forwarded-For.
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=limits.KEEP_ALIVE_S,
            timeout_graceful_shutdown=limits.SHUTDOWN_PATIENCE_S,
            limit_concurrency=limits.MOST_CONNECTIONS,
            reset_contextvars=True,
            ws_max_size=limits.LARGEST_STREAM_MESSAGE_BYTES,
            ws_ping_interval=limits.STREAM_PING_INTERVAL_S,
            ws_ping_timeout=limits.STREAM_PING_INTERVAL_S,
            ws_per_message_deflate=False,  # compressing for each of some hundred readers would take their time
        ),
        platform,
    )


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket, before anything else is started: a busy port is the commonest thing to go wrong."""
    with contextlib.closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            # Listening at once makes a second server on the same port fail here, and not later.
            listener.listen(128)
        except OSError as error:
            raise PlatformError(
                f"Port {port} on {host} cannot be used: {error.strerror}",
                f"Stop what uses it, or choose another: `carbon254 serve --port {port + 1 if port else 8001}`"
                " or CARBON254_PORT.",
            ) from error
        yield listener


def in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
