"""Toxiproxy between a client and a server of this machine: cuts, slows and breaks their connections when it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.services.cache import fetched, is_fetched, run
from tests.services.service import Service, free_ports

_MODULE, _VERSION = "github.com/Shopify/toxiproxy/v2/cmd/server", "v2.5.0"
_FOLDER = f"toxiproxy-{_VERSION}"


class Toxiproxy(Service):
    """A tool that tests start for themselves, on free ports."""

    name = "toxiproxy"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self._port,) = free_ports(1)
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=10)

    @staticmethod
    def is_at_hand() -> bool:
        return is_fetched(_FOLDER)

    def fetch(self) -> None:
        self._program = fetched(_FOLDER, _build) / "server"

    def prepare(self) -> None:
        """It needs nothing."""

    def command(self) -> list[str]:
        return [str(self._program), "-host", "127.0.0.1", "-port", str(self._port)]

    def own_environment(self) -> Mapping[str, str]:
        return {"LOG_LEVEL": "error"}

    def is_ready(self) -> bool:
        try:
            return self._client.get("/version").status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False

    def environment(self) -> Mapping[str, str]:
        return {}

    def remove(self) -> None:
        self._client.close()
        super().remove()

    def proxy(self, name: str, upstream_port: int) -> Link:
        """A way to a port of this machine, over another one."""
        (port,) = free_ports(1)
        asked = {"name": name, "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{upstream_port}"}
        self._client.post("/proxies", json=asked).raise_for_status()
        return Link(self._client, name, port)


class Link:
    """One way through the proxy, by `port`."""

    def __init__(self, client: httpx2.Client, name: str, port: int) -> None:
        self.port = port
        self._client = client
        self._path = f"/proxies/{name}"

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Connections end, and new ones are refused."""
        self._client.post(self._path, json={"enabled": False}).raise_for_status()
        try:
            yield
        finally:
            self._client.post(self._path, json={"enabled": True}).raise_for_status()

    @contextmanager
    def toxic(self, kind: str, stream: str, **attributes: int) -> Iterator[None]:
        """As Toxiproxy's documentation describes the kind; `stream` is upstream (requests) or downstream (answers)."""
        asked = {"name": "one", "type": kind, "stream": stream, "attributes": attributes}
        self._client.post(f"{self._path}/toxics", json=asked).raise_for_status()
        try:
            yield
        finally:
            self._client.delete(f"{self._path}/toxics/one").raise_for_status()


def _build(folder: Path) -> None:
    run(["go", "install", f"{_MODULE}@{_VERSION}"], folder, {"GOBIN": str(folder)})
