"""Keys of an issuer: fetched, rotated, dropped; with an issuer that is slow, wrong or gone."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from infra.principal import NotAuthenticated
from infra.signing_keys import (
    MOST_BYTES,
    REFRESH_S,
    SHORTEST_PAUSE_S,
    IssuerKeys,
    KeysUnavailable,
    discovered,
    fetch_json,
    usable_keys,
)
from infra.tokens import TokenVerifier
from infra.urls import check_url
from tests.infra.test_tokens import AUDIENCE, CLAIMS, NOW, signed

KEYS = {kid: RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"}) for kid in ("old", "new")}


def jwks(*kids: str) -> dict[str, Any]:
    return {"keys": [KEYS[kid].as_dict(private=False) for kid in kids]}


@dataclass
class Source:
    """What an issuer answers, and how often it was asked."""

    answer: Mapping[str, Any]
    fails: bool = False
    asked: int = 0
    now_s: float = 0.0
    keys: IssuerKeys = field(init=False)

    def __post_init__(self) -> None:
        self.keys = IssuerKeys(self.fetch, monotonic=lambda: self.now_s)

    def fetch(self) -> Mapping[str, Any]:
        self.asked += 1
        if self.fails:
            raise ValueError("it answers 503")
        return self.answer

    def find(self, kid: str) -> RSAKey | None:
        return asyncio.run(self.keys.find(kid))


def test_a_new_key_is_found_without_a_restart() -> None:
    source = Source(jwks("old"))
    assert source.find("old")
    source.answer = jwks("old", "new")
    source.now_s += SHORTEST_PAUSE_S + 1
    assert source.find("new")
    assert source.find("old")
    assert source.asked == 2


def test_random_key_ids_do_not_make_us_ask_the_issuer_again_and_again() -> None:
    source = Source(jwks("old"))
    for number in range(1000):
        assert source.find(f"random-{number}") is None
    assert source.asked == 1
    source.now_s += SHORTEST_PAUSE_S + 1
    for number in range(1000):
        assert source.find(f"random-{number}") is None
    assert source.asked == 2


def test_a_dropped_key_is_refused_after_the_refresh() -> None:
    source = Source(jwks("old", "new"))
    assert source.find("old")
    source.answer = jwks("new")
    source.now_s = REFRESH_S
    assert source.keys.held("old"), "nobody asks before it is due"
    source.now_s = REFRESH_S + 1
    assert source.keys.held("old") is None, "it must not be trusted without asking"
    assert source.find("old") is None
    assert source.find("new")
    assert source.asked == 2


def test_the_old_keys_stay_while_the_issuer_does_not_answer() -> None:
    source = Source(jwks("old"))
    assert source.find("old")
    source.fails = True
    source.now_s = REFRESH_S + 1
    for _ in range(100):
        assert source.find("old")
    assert source.asked == 2, "it is asked once each few seconds and not with each request"
    source.fails, source.answer = False, jwks("new")
    source.now_s += SHORTEST_PAUSE_S + 1
    assert source.find("old") is None


def test_an_issuer_that_never_answered_is_not_an_unknown_key() -> None:
    source = Source(jwks("old"), fails=True)
    with pytest.raises(KeysUnavailable):
        source.find("old")
    source.fails = False
    source.now_s += SHORTEST_PAUSE_S + 1
    assert source.find("old")


def test_many_who_wait_make_one_question() -> None:
    release = threading.Event()
    asked: list[int] = []

    def slow() -> Mapping[str, Any]:
        asked.append(1)
        release.wait(60)
        return jwks("old")

    async def wait() -> list[RSAKey | None]:
        keys = IssuerKeys(slow)
        waiting = [asyncio.create_task(keys.find("old")) for _ in range(50)]
        await asyncio.sleep(0.05)
        waiting.pop().cancel()  # one that gives up takes nothing from the others
        release.set()
        return await asyncio.gather(*waiting)

    assert all(asyncio.run(wait()))
    assert len(asked) == 1


def test_only_keys_for_rs256_are_used() -> None:
    good = KEYS["new"].as_dict(private=False)
    found = usable_keys({
        "keys": [
            good,
            KEYS["old"].as_dict(private=False) | {"use": "enc"},
            KEYS["old"].as_dict(private=False) | {"alg": "RS512"},
            {name: value for name, value in KEYS["old"].as_dict(private=False).items() if name != "kid"},
            ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=False),
            {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
            {"kty": "RSA", "kid": "broken", "n": "*", "e": "AQAB"},
            {"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"},
            "nonsense",
        ]
    })  # fmt: skip
    assert set(found) == {"new"}
    assert not found["new"].is_private


def test_a_private_key_that_an_issuer_lets_slip_is_not_kept() -> None:
    found = usable_keys({"keys": [KEYS["new"].as_dict(private=True)]})
    assert not found["new"].is_private


@pytest.mark.parametrize("answer", [{}, {"keys": {}}, {"keys": None}])
def test_what_is_no_jwks_is_a_failure_and_not_an_empty_set(answer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no JWKS"):
        usable_keys(answer)


@pytest.mark.parametrize(
    "url", ["https://issuer.example/x", "http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:1/"]
)
def test_addresses_that_may_be_asked(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    ["http://issuer.example/", "http://127.0.0.1.evil.example/", "file:///etc/passwd", "ftp://localhost/", "",
     "https://", "https://user:secret@issuer.example/", "issuer.example", "http://169.254.169.254/"],
)  # fmt: skip
def test_addresses_that_may_not(url: str) -> None:
    with pytest.raises(ValueError, match="must"):
        check_url(url)


@contextmanager
def serving(pages: dict[str, tuple[int, bytes]]) -> Iterator[str]:
    """A server on loopback with these pages; they may change while it runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = pages.get(self.path, (404, b""))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", content.decode())
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.enable_socket
def test_keys_rotate_at_a_real_issuer() -> None:
    """Old key alone, both, new key alone: each token is accepted as long as its key is published."""
    pages: dict[str, tuple[int, bytes]] = {}
    now_s = [0.0]
    with serving(pages) as issuer:
        configuration = {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
        pages["/.well-known/openid-configuration"] = (200, json.dumps(configuration).encode())
        pages["/keys"] = (200, json.dumps(jwks("old")).encode())
        keys = IssuerKeys(discovered(issuer), monotonic=lambda: now_s[0])
        verifier = TokenVerifier(issuer=issuer, audience=AUDIENCE, keys=keys, clock=lambda: NOW)
        old, new = (signed(CLAIMS | {"iss": issuer}, KEYS[kid], kid=kid) for kid in ("old", "new"))

        assert asyncio.run(verifier.verify(old)).principal.actor == "alice"
        with pytest.raises(NotAuthenticated, match="unknown key"):
            asyncio.run(verifier.verify(new))
        pages["/keys"] = (200, json.dumps(jwks("old", "new")).encode())
        now_s[0] += SHORTEST_PAUSE_S + 1
        assert asyncio.run(verifier.verify(new)).principal.actor == "alice"
        assert asyncio.run(verifier.verify(old)).principal.actor == "alice"
        pages["/keys"] = (503, b"")
        now_s[0] += REFRESH_S + 1
        assert asyncio.run(verifier.verify(old)).principal.actor == "alice"
        pages["/keys"] = (200, json.dumps(jwks("new")).encode())
        now_s[0] += SHORTEST_PAUSE_S + 1
        with pytest.raises(NotAuthenticated, match="unknown key"):
            asyncio.run(verifier.verify(old))
        assert asyncio.run(verifier.verify(new)).principal.actor == "alice"


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("status", "content"),
    [(404, b"{}"), (302, b"/there"), (200, b"no json"), (200, b"[]"), (200, b"x" * (MOST_BYTES + 1))],
    ids=["absent", "redirect", "no JSON", "no object", "too long"],
)
def test_answers_that_are_not_taken(status: int, content: bytes) -> None:
    with serving({"/keys": (status, content), "/there": (200, b"{}")}) as server, pytest.raises(ValueError):  # noqa: PT011 - one of several
        fetch_json(f"{server}/keys")


@pytest.mark.enable_socket
def test_a_discovery_document_of_another_issuer_is_not_believed() -> None:
    pages: dict[str, tuple[int, bytes]] = {}
    with serving(pages) as issuer:
        configuration = {"issuer": "https://evil.example", "jwks_uri": f"{issuer}/keys"}
        pages["/.well-known/openid-configuration"] = (200, json.dumps(configuration).encode())
        with pytest.raises(ValueError, match="another issuer"):
            discovered(issuer)()
