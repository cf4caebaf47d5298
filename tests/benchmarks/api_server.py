"""The API as `carbon254 serve` serves it, with one route more: constant bytes behind the same middleware.

Run by tests.benchmarks.api: python -m tests.benchmarks.api_server HOME PORT COMMITS
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from api import limits
from api.app import create_app, guarded
from api.connections import GuardedHttp
from api.middleware.answers import CachedReads
from api.platform import Platform
from api.wiring import open_platform
from infra import logs
from infra.settings import Settings

CONSTANT = "/v1/constant"
BYTES = "x-bytes"


class _WithConstant:
    """Answers CONSTANT itself, after one look at what counts: entitlement and versions, as for a cached read."""

    def __init__(self, reads: CachedReads) -> None:
        self._reads = reads
        self._bodies: dict[bytes, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != CONSTANT:
            await self._reads(scope, receive, send)
            return
        principal = scope["principal"]
        entitled = await self._reads.standing.entitled(principal, principal.channel)
        if entitled is None or "MISO" not in entitled.isos:
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        size = next(value for name, value in scope["headers"] if name == BYTES.encode())
        body = self._bodies.setdefault(size, b"x" * int(size))
        headers = [(b"content-type", b"application/json"), (b"content-length", size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def application(platform: Platform) -> ASGIApp:
    """The product's own application, but for the reads within."""
    found: Any = create_app(platform)
    while not isinstance(found, CachedReads):
        found = found._app
    return guarded(_WithConstant(found), platform)


def main() -> None:
    home, port, commits = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    logs.configure()
    platform = open_platform(Settings(home=home, database_url=None, port=port, kafka_bootstrap_servers=None))
    recorder, insert = platform.log.recorder, platform.log.recorder.insert_events
    with commits.open("w", buffering=1) as told:

        def insert_events(*arguments: Any, **options: Any) -> Any:
            answer = insert(*arguments, **options)
            told.write(f"{time.monotonic()}\n")
            return answer

        recorder.insert_events = insert_events  # type: ignore[method-assign]
        uvicorn.run(
            application(platform), loop="uvloop", http=GuardedHttp, host="127.0.0.1", port=port, log_config=None,
            log_level="warning", access_log=False, proxy_headers=False, server_header=False,
            limit_concurrency=limits.MOST_CONNECTIONS, reset_contextvars=True,
        )  # fmt: skip
    platform.close()


if __name__ == "__main__":
    main()
