"""A process that is told to end says so, ends what it has begun, and leaves in peace."""

from __future__ import annotations

import http.client
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.program import PATIENCE_S, Program, Server, wait_until

DRAIN_S = 4.0


@pytest.mark.enable_socket
def test_a_request_under_way_is_answered_and_new_ones_are_told_to_go_elsewhere(tmp_path: Path) -> None:
    program = Program(tmp_path / "home", CARBON254_DRAIN_S=str(DRAIN_S))
    with program.serve() as server:
        assert server.ask("GET", "/readyz")[0] == 200
        upload = begin_upload(server, size=20)
        server.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        wait_until(lambda: server.ask("GET", "/readyz")[0] == 503)
        assert "about to end" in server.ask("GET", "/readyz")[1]
        assert server.ask("GET", "/livez")[0] == 200
        assert server.ask("GET", "/v1/curves")[0] == 200, "it answers as before meanwhile"
        wait_until(lambda: not takes_connections(server))
        assert time.monotonic() - told >= DRAIN_S
        assert server.process.poll() is None, "an upload is under way"
        upload.send(b"0123456789")
        answer = upload.getresponse()
        assert (answer.status, b"sha256" in answer.read()) == (201, True)
        upload.close()
        assert server.process.wait(PATIENCE_S) == 0
        assert server.said().rstrip().endswith("Stopped.")


@pytest.mark.enable_socket
def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with Program(tmp_path / "home", CARBON254_DRAIN_S="600").serve() as server:
        assert server.ask("GET", "/readyz")[0] == 200
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.ask("GET", "/readyz")[0] == 503)
        assert server.stop() == 0


def begin_upload(server: Server, size: int) -> http.client.HTTPConnection:
    """An upload of which half has been sent."""
    upload = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    upload.putrequest("POST", "/v1/objects")
    upload.putheader("Authorization", f"Bearer {server.program.token}")
    upload.putheader("Content-Length", str(size))
    upload.endheaders(b"0" * (size - 10))
    return upload


def takes_connections(server: Server) -> bool:
    try:
        server.ask("GET", "/livez")
    except (ConnectionError, http.client.HTTPException):
        return False
    return True
