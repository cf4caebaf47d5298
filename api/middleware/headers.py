"""Headers that every answer carries: nothing is sniffed, framed, cached by accident or told to other sites."""

from __future__ import annotations

import base64
import hashlib
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.security import PAGE_ASSETS

# What a browser may do with an answer of the API: nothing.
_NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": _NOTHING,
    "cache-control": "no-store",
}
DOCS_PAGE = "/docs"
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def docs_policy(page: bytes) -> str:
    """The policy under which the documentation page works: its own files, and the inline scripts that it has."""
    hashes = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(page))
    scripts = " ".join(["'self'", *(f"'sha256-{found}'" for found in hashes)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


class SecureHeaders:
    """ASGI middleware that adds what an answer doesn't say itself. The documentation page gets a policy of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def secured_send(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                if scope["path"] != DOCS_PAGE:
                    await send(_with_headers(message, scope["path"], _NOTHING))
                return
            # The page comes in one piece, and its policy follows from what is in it.
            if scope["path"] == DOCS_PAGE and start is not None:
                await send(_with_headers(start, DOCS_PAGE, docs_policy(message.get("body", b""))))
                start = None
            await send(message)

        await self._app(scope, receive, secured_send)


def _with_headers(message: Message, path: str, policy: str) -> Message:
    headers = list(message.get("headers", ()))
    said = {name.lower() for name, _ in headers}
    for name, value in (HEADERS | {"content-security-policy": policy}).items():
        # The page's files are part of the package, and may be kept.
        if name.encode() not in said and not (name == "cache-control" and path.startswith(PAGE_ASSETS)):
            headers.append((name.encode(), value.encode()))
    return {**message, "headers": headers}
