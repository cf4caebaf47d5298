"""The HTTP protocol of the server, with limits that come before any request is complete.

uvicorn's quicker parser knows none of them: a head without end would fill the memory, one that never ends would keep
its connection for ever, and so would a body that goes on after the answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.limits import HEAD_PATIENCE_S, LARGEST_HEAD_BYTES, LARGEST_URL_BYTES

# A client that still sends can read the answer within this time; to close at once would take it away unread.
LINGER_S = 5.0

_TOO_LONG_URL = "414 URI Too Long", f"a URL may have {LARGEST_URL_BYTES >> 10} KiB"
_TOO_LARGE_HEAD = "431 Request Header Fields Too Large", f"all headers together may have {LARGEST_HEAD_BYTES >> 10} KiB"
_MALFORMED = "400 Bad Request", "this is no HTTP request"


class _Refused(Exception):
    """Ends the parsing of a head."""


class GuardedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._unparsed_bytes = 0
        self._in_head = True
        self._deadline: asyncio.TimerHandle | None = None
        self._refusal = _MALFORMED

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._end_after(HEAD_PATIENCE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_after(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        # A single header without end is never handed on by the parser; here its pieces are counted.
        self._unparsed_bytes = self._unparsed_bytes + len(data) if was_in_head and self._in_head else 0
        if self._unparsed_bytes > LARGEST_HEAD_BYTES + LARGEST_URL_BYTES and not self.transport.is_closing():
            self._refusal = _TOO_LARGE_HEAD
            self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes, self._refusal = True, 0, _MALFORMED
        self._end_after(HEAD_PATIENCE_S)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > LARGEST_URL_BYTES:
            self._refusal = _TOO_LONG_URL
            raise _Refused

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value) + len(b": \r\n")
        if self._head_bytes > LARGEST_HEAD_BYTES:
            self._refusal = _TOO_LARGE_HEAD
            raise _Refused

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._end_after(None)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._end_after(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self._end_after(LINGER_S)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words say less
        """The answer to what could not be parsed, or was not let in: a problem, as everywhere."""
        status, title = self._refusal
        body = f'{{"type":"about:blank","status":{status[:3]},"title":"{title}"}}'
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(f"{head}cache-control: no-store\r\nconnection: close\r\n\r\n{body}".encode())
        self.transport.close()

    def _end_after(self, seconds: float | None) -> None:
        """Closes the connection after that time, unless this is called again before."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.close)
