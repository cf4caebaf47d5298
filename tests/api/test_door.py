"""Nothing under /v1 without the token; only known hosts; errors as problems."""

from __future__ import annotations

import asyncio
import stat
from typing import Any

import httpx2
import pytest

from api.app import create_app
from api.platform import Platform

GUARDED = (
    ("GET", "/v1/prices?iso=PJM&start=2026-01-01&end=2026-01-02"),
    ("GET", "/v1/publications"),
    ("GET", "/v1/audit"),
    ("GET", "/v1/doctor"),
    ("GET", "/v1/nothing-here"),
    ("GET", "/v1"),
    ("HEAD", "/v1/curves"),
    ("OPTIONS", "/v1/curves"),
    ("POST", "/v1/objects"),
    ("POST", "/v1/commands/define-scenario"),
    ("GET", "/metrics"),
)


def call(
    platform: Platform, method: str, path: str, headers: dict[str, str], host: str = "127.0.0.1", json: Any = None
) -> httpx2.Response:
    async def send() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=create_app(platform))
        async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path, headers=headers, json=json)

    return asyncio.run(send())


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize(
    "authorization", [None, "Bearer ", "Bearer wrong", "Basic {token}", "bearer {token}x", "{token}"]
)
def test_without_the_token_nothing_is_told(
    platform: Platform, method: str, path: str, authorization: str | None
) -> None:
    headers = {"Authorization": authorization.format(token=platform.token)} if authorization else {}
    answer = call(platform, method, path, headers)
    assert answer.status_code == 401
    if method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
        assert "token" in answer.json()["detail"]


def test_with_the_token_it_is_answered(platform: Platform) -> None:
    answer = call(platform, "GET", "/v1/curves", {"Authorization": f"Bearer {platform.token}"})
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next_cursor": None})


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json", "/docs", "/static-offline-docs/swagger-ui.css"])
def test_what_is_open(platform: Platform, path: str) -> None:
    assert call(platform, "GET", path, {}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "10.0.0.1"])
def test_a_host_of_another_name_is_turned_away(platform: Platform, host: str) -> None:
    answer = call(platform, "GET", "/livez", {"Authorization": f"Bearer {platform.token}"}, host=host)
    assert answer.status_code == 400


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "LOCALHOST"])
def test_loopback_names_are_served(platform: Platform, host: str) -> None:
    assert call(platform, "GET", "/livez", {}, host=host).status_code == 200


def test_the_token_file_is_for_its_owner_only(platform: Platform) -> None:
    file = platform.folder.home / "token"
    assert file.read_text().strip() == platform.token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(platform.folder.home.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("authorization", "title", "challenge"),
    [
        (None, "this needs a token or an API key", "Bearer"),
        ("Basic dTpw", "the Authorization header is malformed", 'Bearer error="invalid_request"'),
        ("Bearer", "the Authorization header is malformed", 'Bearer error="invalid_request"'),
        ("Bearer two words", "the Authorization header is malformed", 'Bearer error="invalid_request"'),
        ("Bearer tab\there", "the Authorization header is malformed", 'Bearer error="invalid_request"'),
    ],
)
def test_a_header_that_names_nobody(platform: Platform, authorization: str | None, title: str, challenge: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = call(platform, "GET", "/v1/curves", headers)
    assert (answer.status_code, answer.json()["title"]) == (401, title)
    assert answer.headers["www-authenticate"].startswith(challenge)


@pytest.mark.parametrize("extensions", [{}, {"websocket.http.response": {}}])
@pytest.mark.parametrize("path", ["/livez", "/v1/streams"])
def test_a_websocket_without_a_token_is_never_accepted(
    platform: Platform, path: str, extensions: dict[str, Any]
) -> None:
    """Paths are open to plain requests only. A server that can't answer a handshake with a 401 is told to close."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    headers = [(b"host", b"127.0.0.1")]
    scope = {"type": "websocket", "path": path, "headers": headers, "extensions": extensions}

    async def shake_hands() -> None:
        await create_app(platform)(scope, receive, send)

    asyncio.run(shake_hands())
    if extensions:
        assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 401)
        assert b"Bearer" in dict(sent[0]["headers"])[b"www-authenticate"]
    else:
        assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1008)]
