"""A real server on loopback: what its protocol refuses before there is a request, and how it is set up."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from api import connections
from api.app import create_app
from api.cli.listening import server_of
from api.platform import Platform

pytestmark = pytest.mark.enable_socket

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def port(platform: Platform) -> Iterator[int]:
    """The platform served as `carbon254 serve` does."""
    server = server_of(create_app(platform), platform)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        yield connection


def read_to_end(connection: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            found += piece
    return found


def answer_to(port: int, *pieces: bytes) -> bytes:
    with connected(port) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                connection.sendall(piece)
        return read_to_end(connection)


HEAD = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"


def test_an_ordinary_request_is_answered_without_naming_the_server(port: int) -> None:
    answer = answer_to(port, HEAD + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nserver:" not in answer.lower()
    assert b"uvicorn" not in answer.lower()


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n"], 414),
        ([b"GET /", b"a" * 200_000], 414),
        ([HEAD + b"X: " + b"a" * 40_000 + b"\r\n\r\n"], 431),
        ([HEAD, *[b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(50)]], 431),
        ([HEAD + b"X: ", *[b"a" * 20_000] * 20], 431),
        ([b"NONSENSE\r\n\r\n"], 400),
        ([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], 400),
        ([b"POST /v1/objects HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"], 400),
    ],
)
def test_heads_that_are_too_large_or_none_get_an_answer(port: int, pieces: list[bytes], status: int) -> None:
    head, _, body = answer_to(port, *pieces).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status


def test_heads_just_below_the_limit_are_let_in(port: int) -> None:
    assert b" 200 OK" in answer_to(port, HEAD + b"X: " + b"a" * 30_000 + b"\r\n\r\n")
    assert b" 200 OK" in answer_to(port, HEAD.replace(b"/livez", b"/livez?" + b"a" * 8_000) + b"\r\n")


@pytest.mark.parametrize("beginning", [b"", b"GET /livez HT", HEAD])
def test_a_head_that_never_ends_is_given_up(port: int, beginning: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_PATIENCE_S", 0.3)
    with connected(port) as connection:
        connection.sendall(beginning)
        started = time.monotonic()
        assert read_to_end(connection) == b""
        assert 0.1 < time.monotonic() - started < PATIENCE_S


def test_a_second_head_that_never_ends_is_given_up_too(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_PATIENCE_S", 0.3)
    first = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    answer = answer_to(port, first + b"GET /li")
    assert answer.count(b"HTTP/1.1 200") == 1


def test_a_body_that_goes_on_after_the_answer_is_cut_off_but_the_answer_read(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LINGER_S", 1.0)
    head = b"POST /v1/objects HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000\r\n\r\n"
    answer = answer_to(port, head, b"x" * 1_000_000)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.endswith(b"}"), "the whole of it"


def test_a_forwarded_address_is_not_believed(port: int) -> None:
    """Else anybody could have as many addresses to fail from as they like."""
    refused = []
    for number in range(62):
        head = HEAD.replace(b"/livez", b"/v1/curves") + b"X-Forwarded-For: 10.0.0.%d\r\n\r\n" % number
        refused.append(answer_to(port, head)[9:12])
    assert refused[-1] == b"429"
