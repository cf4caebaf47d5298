"""An operator on loopback: serves files under the paths and queries of the real one, and can misbehave."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Operator:
    """`files` by path, or by `path?name=value&…` with the parameters sorted. `faults` come first, each once.

    A request whose key is `held` is never answered.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[Answer]] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    conditional: Counter[str] = field(default_factory=Counter)

    def answer(self, key: str, known: str | None) -> Answer:
        self.asked.append(key)
        if self.faults.get(key):
            return self.faults[key].pop(0)
        if key not in self.files:
            return 404, {}, b"<Error><Code>BlobNotFound</Code></Error>"
        etag = f'"{hash(self.files[key])}"'
        if known == etag:
            self.conditional[key] += 1
            return 304, {"ETag": etag}, b""
        return 200, {"ETag": etag}, self.files[key]


@contextmanager
def operator() -> Iterator[Operator]:
    """A server of its own for one test."""
    serving, released = Operator(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(parts.query)))
            key = f"{parts.path}?{query}" if query else parts.path
            serving.keys.append(self.headers.get("Ocp-Apim-Subscription-Key"))
            if key in serving.held:
                serving.asked.append(key)
                released.wait(600)
                return
            status, headers, content = serving.answer(key, self.headers.get("If-None-Match"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    serving.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield serving
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()
