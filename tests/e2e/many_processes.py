"""The platform as many processes over the engines that `python -m tests.services run` has started."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from joserfc import jwt
from joserfc.jwk import RSAKey
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.clickhouse import ClickHouse
from infra.seals import public_key_of
from tests.e2e.program import Program, Server

NEEDED = ("TEST_POSTGRES_DSN", "TEST_CLICKHOUSE_DSN", "TEST_OBJECTS")
AUDIENCE = "carbon254"
TOKEN = "the-operator-of-a-test-calls-by-this"
SEAL_KEY = bytes(range(32))
SERVED = ("curves", "scenarios", "ppa", "downloads")
SEALING = {"CARBON254_SEAL_KEY": SEAL_KEY.hex()}


class Issuer:
    """Whose tokens are accepted: its keys over HTTP, on this machine."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        keys = json.dumps({"keys": [self._key.as_dict(private=False)]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def token(self, actor: str, *roles: str, tenant: str = "local") -> str:
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": AUDIENCE, "sub": actor, "tenant": tenant, "roles": list(roles), "iat": now - 5,
            "exp": now + 600,
        }  # fmt: skip
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self._key)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Many:
    """Processes with the same settings, each on a free port; the command line calls the gateway."""

    def __init__(self, folder: Path, issuer: Issuer) -> None:
        self.issuer = issuer
        self.program = Program(folder / "home", **_engines(), **_shared(issuer))
        self.parts: dict[str, Server] = {}

    def start(self, verb: str, *arguments: object, name: str, **settings: str) -> Server:
        """A process that answers already."""
        program = Program(self.program.home, **{**self.program.environment, **settings})
        part = self.parts[name] = Server(program, *arguments, "--port", 0, verb=verb, log=f"{name}.log")
        return part

    def start_all(self, services: Sequence[str] = SERVED) -> Server:
        """Two projectors, a worker that seals, the services and the gateway before them; returns the gateway."""
        with ThreadPoolExecutor(4) as threads:
            started = [
                threads.submit(self.start, "projector", name="projector"),
                threads.submit(self.start, "projector", name="standby"),
                threads.submit(self.start, "worker", "--queue", "seals", name="worker", **SEALING),
                *(threads.submit(self.start, "serve", "--service", name, name=name) for name in services),
            ]
        for each in started:
            each.result()
        addresses = json.dumps({name: self.parts[name].address for name in services})
        gateway = self.start("serve", "--service", "gateway", name="gateway", CARBON254_SERVICES=addresses)
        self.program.environment["CARBON254_SERVER"] = gateway.address
        return gateway

    def stop(self) -> None:
        for part in reversed(self.parts.values()):
            if part.process.poll() is None:
                part.stop()


@contextmanager
def many_processes(folder: Path) -> Iterator[Many]:
    issuer = Issuer()
    many = Many(folder, issuer)
    try:
        yield many
    finally:
        many.stop()
        issuer.close()


def _engines() -> Mapping[str, str]:
    """A database and a place for objects of their own, and no tables in ClickHouse."""
    name = f"many_{uuid4().hex}"
    with psycopg.connect(os.environ["TEST_POSTGRES_DSN"], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    store = ClickHouse.server(os.environ["TEST_CLICKHOUSE_DSN"])
    store.command("DROP DATABASE ch SYNC")
    store.close()
    return {
        "DATABASE_URL": make_conninfo(os.environ["TEST_POSTGRES_DSN"], dbname=name),
        "CLICKHOUSE_DSN": os.environ["TEST_CLICKHOUSE_DSN"],
        "CARBON254_OBJECTS": f"{os.environ['TEST_OBJECTS']}/{name}",
        **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
    }


def _shared(issuer: Issuer) -> Mapping[str, str]:
    return {
        "CARBON254_TOKEN": TOKEN,
        "CARBON254_CURSOR_KEY": "0" * 64,
        "CARBON254_SEAL_PUBLIC_KEY": public_key_of(SEAL_KEY),
        "CARBON254_OIDC_ISSUER": issuer.url,
        "CARBON254_OIDC_AUDIENCE": AUDIENCE,
        "CARBON254_OIDC_JWKS_URL": f"{issuer.url}/keys",
    }
