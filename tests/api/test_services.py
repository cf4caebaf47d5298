"""The services: one table, each with its own routes and no others, and the gateway that passes requests on."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from starlette.types import ASGIApp, Message

from api.app import create_routes, create_service
from api.openapi import text_of
from api.platform import Platform
from api.services import GATEWAY, SERVICES, addresses
from commands.registry import REGISTRY
from infra.errors import PlatformError
from tests.api.requests import call

T = TypeVar("T")
EVERYWHERE = {"/", "/livez", "/readyz", "/metrics"}
PORTS = {
    "gateway": 8000, "curves": 8001, "scenarios": 8002, "downloads": 8003, "reports": 8004, "backtesting": 8005,
    "ml": 8006, "graphql": 8007, "risk": 8008, "lmp": 8009, "rt-forecast": 8010, "battery": 8011, "ppa": 8012,
}  # fmt: skip
OTHERS = sorted(SERVICES.keys() - {GATEWAY})
CURVE = "/v1/curves/7d0f1c52-1111-4222-8333-444455556666"


def paths_of(name: str) -> set[str]:
    return set(create_routes(SERVICES[name]).openapi()["paths"]) - EVERYWHERE


class TestTable:
    def test_names_and_ports(self) -> None:
        assert {service.name: service.port for service in SERVICES.values()} == PORTS

    def test_every_route_is_one_services_and_the_whole_apis(self) -> None:
        every = set(create_routes().openapi()["paths"])
        seen: set[str] = set()
        for name in OTHERS:
            paths = paths_of(name)
            assert paths <= every, name
            assert not paths & seen, name
            assert bool(paths) is not SERVICES[name].is_empty
            seen |= paths
        assert {command for service in SERVICES.values() for command in service.commands} <= REGISTRY.keys()

    def test_a_noun_is_whole(self) -> None:
        """What is of curves in the API is all of it in the service, and nothing else."""
        every = set(create_routes().openapi()["paths"])
        for name, noun in (("curves", "curves"), ("scenarios", "scenarios"), ("ppa", "ppas"), ("downloads", "objects")):
            of_noun = {path for path in every if re.match(rf"/v1/{noun}(/|$)", path)}
            assert {path for path in paths_of(name) if "/commands/" not in path} == of_noun

    def test_addresses_of_services_that_have_routes(self) -> None:
        found = addresses({"curves": "http://curves:8001/"})
        assert found["curves"] == "http://curves:8001"
        assert found["ppa"] == "http://127.0.0.1:8012"
        assert "ml" not in found
        with pytest.raises(PlatformError, match="CARBON254_SERVICES names pricing"):
            addresses({"pricing": "http://127.0.0.1:1"})


class TestService:
    def test_it_answers_its_own_and_nothing_else(self, platform: Platform) -> None:
        app = create_service(platform, SERVICES["curves"])
        assert call(app, "GET", "/v1/curves", token=platform.token).status_code == 200
        assert call(app, "GET", "/v1/curves").status_code == 401
        assert call(app, "GET", "/v1/scenarios", token=platform.token).status_code == 404
        assert call(app, "POST", "/v1/commands/price-ppa", token=platform.token, json={}).status_code == 404
        assert call(app, "GET", "/livez").status_code == 200
        lags = call(app, "GET", "/readyz").json()["projections"]
        assert {lag["name"] for lag in lags} >= {"curves", "prices"}
        assert "carbon254_log_head" in call(app, "GET", "/metrics", token=platform.token).text

    def test_graphql_is_a_service_like_the_others(self, platform: Platform) -> None:
        app = create_service(platform, SERVICES["graphql"])
        answer = call(app, "POST", "/graphql", token=platform.token, json={"query": "{ curves { edges { cursor } } }"})
        assert (answer.status_code, answer.json()["data"]) == (200, {"curves": {"edges": []}})
        assert call(app, "POST", "/graphql", json={"query": "{ __typename }"}).status_code == 401

    def test_one_without_nouns_says_so(self, platform: Platform) -> None:
        app = create_service(platform, SERVICES["ml"])
        said = call(app, "GET", "/", token=platform.token).json()
        assert said["service"] == "ml"
        assert "nothing of this service yet" in said["note"]
        assert set(call(app, "GET", "/openapi.json").json()["paths"]) == EVERYWHERE


class Upstream:
    """Stands for a service: notes what it was asked, and answers in pieces."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                upstream.note(self, b"")
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("ETag", '"one"')
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                if self.command == "GET":
                    for piece in (b"first ", b"second"):
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.write(b"0\r\n\r\n")

            do_HEAD = do_GET

            def do_POST(self) -> None:
                if "Content-Length" in self.headers:
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                else:
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                upstream.note(self, body)
                content = json.dumps({"size": len(body)}).encode()
                self.send_response(201)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def note(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        self.asked.append({"target": request.path, "headers": dict(request.headers.items()), "body": body})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    found = Upstream()
    yield found
    found.close()


@pytest.fixture
def gateway(platform: Platform, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> ASGIApp:
    """Its curves and downloads are the upstream, and its scenarios are away."""
    services = {"curves": upstream.url, "downloads": upstream.url, "scenarios": "http://127.0.0.1:9"}
    monkeypatch.setattr(platform.settings, "services", services)
    return create_service(platform, SERVICES[GATEWAY])


@pytest.mark.enable_socket
class TestGateway:
    def test_a_read_is_passed_on_as_it_came(self, gateway: ASGIApp, platform: Platform, upstream: Upstream) -> None:
        correlation_id = "7d0f1c52-1111-4222-8333-444455556666"
        headers = {"X-Correlation-ID": correlation_id, "If-None-Match": '"x"', "Connection": "X-Mine", "X-Mine": "1"}
        answer = through(gateway, "GET", f"{CURVE}?as_of=3&a=%20b", token=platform.token, headers=headers)
        assert (answer.status_code, answer.text, answer.headers["etag"]) == (200, "first second", '"one"')
        assert answer.headers.get_list("x-correlation-id") == [correlation_id]
        assert len(answer.headers.get_list("ratelimit")) == 1
        (asked,) = upstream.asked
        assert asked["target"] == f"{CURVE}?as_of=3&a=%20b"
        sent = {name.lower(): value for name, value in asked["headers"].items()}
        assert sent["authorization"] == f"Bearer {platform.token}"
        assert (sent["x-correlation-id"], sent["if-none-match"]) == (correlation_id, '"x"')
        assert "x-mine" not in sent
        assert sent["host"] == upstream.url.removeprefix("http://")

    def test_head_has_headers_and_no_body(self, gateway: ASGIApp, platform: Platform) -> None:
        answer = through(gateway, "HEAD", "/v1/curves", token=platform.token)
        assert (answer.status_code, answer.headers["etag"], answer.content) == (200, '"one"', b"")

    def test_a_command_and_an_upload_in_pieces(self, gateway: ASGIApp, platform: Platform, upstream: Upstream) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield bytes(10_000)

        answer = through(gateway, "POST", "/v1/objects", token=platform.token, content=pieces())
        assert (answer.status_code, answer.json()) == (201, {"size": 500_000})
        through(gateway, "POST", "/v1/commands/build-curve", token=platform.token, json={"a": 1})
        assert json.loads(upstream.asked[-1]["body"]) == {"a": 1}

    def test_nobody_is_passed_on_without_a_token_nor_too_large_a_body(
        self, gateway: ASGIApp, platform: Platform, upstream: Upstream
    ) -> None:
        assert through(gateway, "GET", "/v1/curves").status_code == 401
        large = through(gateway, "POST", "/v1/commands/build-curve", token=platform.token, content=bytes(2 << 20))
        assert large.status_code == 413
        assert upstream.asked == []

    def test_a_service_that_is_away_is_named(self, gateway: ASGIApp, platform: Platform) -> None:
        answer = through(gateway, "GET", "/v1/scenarios", token=platform.token)
        assert answer.status_code == 503
        assert answer.json()["title"].startswith("the service scenarios does not answer")
        assert int(answer.headers["retry-after"]) > 0

    def test_the_rest_is_its_own(self, gateway: ASGIApp, platform: Platform, upstream: Upstream) -> None:
        assert through(gateway, "GET", "/v1/instruments", token=platform.token).status_code == 200
        assert through(gateway, "PUT", "/v1/curves", token=platform.token).status_code == 405
        document = text_of(through(gateway, "GET", "/openapi.json").json())
        assert document == (Path(__file__).parents[2] / "docs" / "openapi.json").read_text()
        assert upstream.asked == []

    def test_many_at_once_get_their_own_answers(self, gateway: ASGIApp, platform: Platform, upstream: Upstream) -> None:
        headers = {"Authorization": f"Bearer {platform.token}"}

        async def ask(client: httpx2.AsyncClient) -> list[httpx2.Response]:
            posts = (client.post("/v1/objects", content=bytes(size), headers=headers) for size in range(1, 41))
            return list(await asyncio.gather(*posts))

        answers = served(gateway, ask)
        assert [answer.json()["size"] for answer in answers] == list(range(1, 41))


def through(app: ASGIApp, method: str, path: str, *, token: str = "", **options: Any) -> httpx2.Response:
    """As `call`, and the gateway's connections are closed at the end."""
    given = dict(options.pop("headers", {})) | ({"Authorization": f"Bearer {token}"} if token else {})
    return served(app, lambda client: client.request(method, path, headers=given, **options))


def served(app: ASGIApp, ask: Callable[[httpx2.AsyncClient], Coroutine[Any, Any, T]]) -> T:
    """What `ask` gets from an app that is started and ended as a server does."""

    async def run() -> T:
        ended = asyncio.Event()
        told: list[Message] = [{"type": "lifespan.startup"}]

        async def receive() -> Message:
            if told:
                return told.pop()
            await ended.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message: Message) -> None:
            pass

        async def live() -> None:
            await app({"type": "lifespan", "state": {}}, receive, send)

        life = asyncio.create_task(live())
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            found = await ask(client)
        ended.set()
        await life
        return found

    return asyncio.run(run())
