"""A thin HTTP front over chDB: the real engine behind ClickHouse's HTTP interface, as far as our client uses it.

There is no server package for this machine. What this front stands in for is the transport only; statements, formats,
deduplication and errors are the engine's own. It is a process of its own, so that it can be killed and cut off.

Run: python -m tests.services.clickhouse_front PORT FOLDER.
"""

from __future__ import annotations

import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any

import chdb
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

# What the protocol's own parameters are called; every other one is a setting, or a query parameter (`param_x`).
_PROTOCOL = frozenset({
    "query", "database", "session_id", "session_timeout", "session_check", "query_id", "quota_key", "compress",
    "decompress", "wait_end_of_query", "client_protocol_version", "role", "buffer_size", "default_format",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "enable_http_compression",
})  # fmt: skip
_INSERT = re.compile(r"(?is)\s*(insert\s+into\s.+?)\s+format\s+(\w+)\s*")
_FORMAT = re.compile(r"(?is)\bformat\s+(\w+)\s*;?\s*$")
_CODE = re.compile(r"Code: (\d+)\.")


@dataclass(frozen=True)
class Statement:
    """One request: the SQL, its parameters, its settings, and the rows that came with it."""

    sql: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    rows: bytes


class Engine:
    """chDB over one folder. A statement has a connection to itself, for settings belong to a connection."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keeps_open = chdb.connect(str(folder))
        self._opening = threading.Lock()

    def answer(self, statement: Statement) -> bytes:
        """What the engine says, in the format that the statement names. Raises RuntimeError with the engine's words."""
        with self._connection() as connection:
            for name, value in statement.settings.items():
                connection.query(f"SET {_name(name)} = {_quoted(value)}")
            insert = _INSERT.fullmatch(statement.sql)
            if insert is None:
                # With names, so that a result without rows can be told from no result.
                return bytes(connection.query(statement.sql, "TabSeparated", params=dict(statement.parameters)).bytes())
            with tempfile.NamedTemporaryFile() as file:
                file.write(statement.rows)
                file.flush()
                connection.query(f"{insert[1]} FROM INFILE {_quoted(file.name)} FORMAT {insert[2]}")
        return b""

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        with self._opening:
            connection = chdb.connect(str(self._folder))
        try:
            yield connection
        finally:
            with self._opening:
                connection.close()


async def read(request: Request) -> Statement:
    """A request as the client sends it: the SQL in the body, in the address before rows, or in a form."""
    given, body = dict(request.query_params), await request.body()
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        given |= _form(request.headers["content-type"], body)
        body = b""
    sql = given["query"] if "query" in given else body.decode()
    return Statement(
        sql,
        parameters={name.removeprefix("param_"): value for name, value in given.items() if name.startswith("param_")},
        settings={n: value for n, value in given.items() if n not in _PROTOCOL and not n.startswith("param_")},
        rows=body if "query" in given else b"",
    )


def application(folder: Path) -> Starlette:
    """The two routes of the interface that a client needs."""
    engine = Engine(folder)

    async def execute(request: Request) -> Response:
        statement = await read(request)
        try:
            content = await run_in_threadpool(engine.answer, statement)
        except Exception as error:
            code = _CODE.search(str(error))
            headers = {"X-ClickHouse-Exception-Code": code[1] if code else "1002"}
            return PlainTextResponse(str(error), 500, headers)
        named = _FORMAT.search(statement.sql)
        headers = {"X-ClickHouse-Summary": "{}"}
        if content or named:
            headers["X-ClickHouse-Format"] = named[1] if named else "TabSeparated"
        return Response(content, headers=headers)

    async def ping(_: Request) -> Response:
        return PlainTextResponse("Ok.\n")

    return Starlette(routes=[Route("/", execute, methods=["GET", "POST"]), Route("/ping", ping)])


def _form(content_type: str, body: bytes) -> dict[str, str]:
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    fields = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        fields[str(part.get_param("name", header="content-disposition"))] = content.decode()
    return fields


def _name(setting: str) -> str:
    if not re.fullmatch(r"\w+", setting):
        raise ValueError(f"{setting!r} is no setting")
    return setting


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


if __name__ == "__main__":
    uvicorn.run(application(Path(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
