"""A transport that calls an ASGI app in this process and hands its answer on while it is made.

The client library's own transport collects the whole answer first, and takes one that broke off for whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx2

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

# Chunks that the app may be ahead of whoever reads them.
_AHEAD = 2


class InProcessTransport(httpx2.AsyncBaseTransport):
    """Each request is a task. An app that fails once its answer has begun breaks the answer off, as a server does."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        messages: asyncio.Queue[Message | Exception] = asyncio.Queue(_AHEAD)
        task = asyncio.create_task(self._run(_scope(request), aiter(request.stream), messages))
        try:
            start = await messages.get()
        except BaseException:
            task.cancel()
            raise
        if isinstance(start, Exception):
            raise start
        return httpx2.Response(start["status"], headers=start["headers"], stream=_Answer(task, messages))

    async def _run(self, scope: Message, content: AsyncIterator[bytes], messages: asyncio.Queue[Any]) -> None:
        ended = False

        async def receive() -> Message:
            nonlocal ended
            if ended:  # the client stays; when it leaves, this task is cancelled
                await asyncio.get_running_loop().create_future()
            chunk = await anext(content, None)
            ended = chunk is None
            return {"type": "http.request", "body": chunk or b"", "more_body": not ended}

        try:
            await self._app(scope, receive, messages.put)
        except Exception as error:
            await messages.put(error)


class _Answer(httpx2.AsyncByteStream):
    def __init__(self, task: asyncio.Task[None], messages: asyncio.Queue[Message | Exception]) -> None:
        self._task = task
        self._messages = messages

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._messages.get()
            if isinstance(message, Exception):
                raise httpx2.RemoteProtocolError(f"the answer broke off: {message}") from message
            yield message.get("body", b"")
            more = message.get("more_body", False)
        await asyncio.wait([self._task])  # what the app does after its answer

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


def _scope(request: httpx2.Request) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        "root_path": "",
    }
