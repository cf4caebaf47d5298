"""The CLI's one way in: over HTTP to the server that holds the folder, else the same app in this process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import httpx2

from infra.data_folder import DataFolder, token_path
from infra.errors import FolderHeld, PlatformError
from infra.settings import Settings

T = TypeVar("T")

# Another verb may hold the folder for a moment; it is worth waiting for.
HELD_PATIENCE_S = 5.0
REQUEST_TIMEOUT_S = 600.0
TOO_OFTEN = 429
# Rows of a list that are asked for, and drawn, at a time.
PAGE_ROWS = 1_000


class ApiError(Exception):
    """The API answered with a problem."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail


class Connection:
    """A client of the API. Close it: in-process, it owns the data folder until then."""

    def __init__(self, client: httpx2.AsyncClient, platform: Any = None) -> None:
        self._client = client
        self._runner = asyncio.Runner()
        self._platform = platform
        self.replay: str | None = None  # reads go to it instead of the live read models

    @classmethod
    def open(cls, settings: Settings) -> Connection:
        """Connects to the server that is named, or that holds the data folder, or opens the folder in this process.

        A server that is named is called with CARBON254_TOKEN where it is set, else as who has logged in there.

        Raises PlatformError where none of it can be done.
        """
        if settings.server:
            if settings.token:
                return cls.to_server(settings.server, settings.token.get_secret_value())
            from api.cli.logins import Logins

            return cls.to_server(settings.server, Logins.of_user().access_token(settings.server))
        deadline = time.monotonic() + HELD_PATIENCE_S
        while True:
            holder = DataFolder.holder(settings.home)
            if holder and holder.address:
                return cls.to_server(holder.address, _read_token(token_path(settings.home)))
            try:
                return cls._in_process(settings)
            except FolderHeld:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    @classmethod
    def to_server(cls, address: str, token: str) -> Connection:
        # The environment's proxies must never see the token.
        client = httpx2.AsyncClient(
            base_url=address, headers=_headers(token), timeout=REQUEST_TIMEOUT_S, trust_env=False
        )
        return cls(client)

    @classmethod
    def _in_process(cls, settings: Settings) -> Connection:
        # Imported only here: a client of a running server needs none of it.
        from api.wiring import open_platform
        from infra.cache import NoCache

        platform = open_platform(settings)
        platform.cache = NoCache()  # importing what keeps answers takes longer than a verb would save
        return cls.to_platform(platform, owned=True)

    @classmethod
    def to_platform(cls, platform: Any, *, owned: bool = False) -> Connection:
        """A client of a platform in this process; `owned` says that closing the client closes the platform."""
        from api.app import create_app
        from api.cli.in_process import InProcessTransport

        client = httpx2.AsyncClient(
            transport=InProcessTransport(create_app(platform)),
            base_url="http://127.0.0.1",
            headers=_headers(platform.token),
            timeout=None,
            trust_env=False,
        )
        return cls(client, platform if owned else None)

    def close(self) -> None:
        self._runner.run(self._end())
        self._runner.close()
        if self._platform is not None:
            self._platform.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _end(self) -> None:
        """Calls off what a signal left under way: the threads behind it would keep the process alive for ever."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._client.aclose()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine made of this connection's async methods."""
        return self._runner.run(work)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON behind `path`, once the read models hold everything written so far."""
        return self.run(self.request("GET", path, params=self._reading(params))).json()

    def items(self, path: str, *, most: int | None = None, **params: Any) -> Iterator[dict[str, Any]]:
        """The rows of a list, `most` of them or all, read page by page as they are taken. As `get`, it waits first."""
        limit = min(most or PAGE_ROWS, PAGE_ROWS)
        page = self.get(path, **params, limit=limit)
        while True:
            for item in page["items"]:
                yield item
                if most is not None and not (most := most - 1):
                    return
            if (cursor := page["next_cursor"]) is None:
                return
            more = params | {"replay": self.replay, "limit": limit, "cursor": cursor}
            page = self.run(self.request("GET", path, params=more)).json()

    def download(self, sink: BinaryIO, path: str, **params: Any) -> int:
        """Writes what is behind `path` to `sink` as it comes; returns the number of bytes."""
        return self.run(self._download(sink, path, _given(self._reading(params))))

    def _reading(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"wait_for": "head", "replay": self.replay} | params

    async def _download(self, sink: BinaryIO, path: str, params: dict[str, Any] | None) -> int:
        size_bytes = 0
        with _reachable():
            async with self._client.stream("GET", path, params=params) as answer:
                if answer.is_error:
                    await answer.aread()
                    raise _api_error(answer)
                async for chunk in answer.aiter_bytes():
                    sink.write(chunk)
                    size_bytes += len(chunk)
        return size_bytes

    def command(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Sends one command and returns its answer."""
        answer: dict[str, Any] = self.run(self.request("POST", f"/v1/commands/{name}", json=body)).json()
        return answer

    def upload(self, content: bytes) -> str:
        """Stores raw bytes and returns their SHA-256."""
        return str(self.run(self.request("POST", "/v1/objects", content=content)).json()["sha256"])

    def lines(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        content: bytes | None = None,
        **params: Any,
    ) -> Iterator[dict[str, Any]]:
        """The lines of JSON of a streamed answer, each as it comes."""
        request = self._client.build_request(method, path, json=body, content=content, params=_given(params))
        with _reachable():
            answer = self.run(self._client.send(request, stream=True))
            if answer.is_error:
                self.run(answer.aread())
                raise _api_error(answer)
            lines = answer.aiter_lines()
            while (line := self.run(anext(lines, None))) is not None:
                yield json.loads(line)

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """One request; raises ApiError for a problem and PlatformError when the server is gone.

        Where it came too soon after others it is sent again when the server says: it was not handled.
        """
        params = _given(options.pop("params", None) or {})
        with _reachable():
            answer = await self._client.request(method, path, params=params, **options)
            while answer.status_code == TOO_OFTEN:
                await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
                answer = await self._client.request(method, path, params=params, **options)
        if answer.is_error:
            raise _api_error(answer)
        return answer


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except httpx2.TransportError as error:
        raise PlatformError(
            f"The server does not answer: {type(error).__name__} {error}",
            "See whether it still runs; `carbon254 doctor` names its process.",
        ) from error


def _given(params: dict[str, Any]) -> dict[str, Any] | None:
    # None and not {}: an empty dictionary would take away the query that the path itself has.
    return {name: value for name, value in params.items() if value is not None} or None


def _read_token(file: Path) -> str:
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise PlatformError(
            f"The token of the running server cannot be read from {file}: {why}",
            "Run as the user who started the server, or restart it: it makes a token where there is none.",
        ) from error
    if not token.isprintable() or not token:
        raise PlatformError(f"{file} holds no token", "Restart the server: it makes a token where there is none.")
    return token


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _api_error(answer: httpx2.Response) -> ApiError:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    return ApiError(answer.status_code, body.get("title", answer.reason_phrase), body.get("detail", ""))
