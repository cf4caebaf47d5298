"""The program's way in: settings, ids, the token, the transport in process, and files written whole."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import httpx2
import pytest
import typer
from typer.testing import CliRunner

from api.cli import feeds, lineage, listening
from api.cli.common import read_fields
from api.cli.connection import Connection, _read_token
from api.cli.in_process import InProcessTransport, Message
from api.cli.main import app, main
from api.cli.saving import save
from api.platform import Platform
from infra.errors import PlatformError
from infra.settings import Settings


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["carbon254", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


@pytest.mark.parametrize(
    ("variable", "value"), [("PORT", "abc"), ("PORT", "70000"), ("PORT", "-1"), ("HOME", "~no-such-user/x")]
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    monkeypatch.setenv(f"CARBON254_{variable}", value)
    assert ended(monkeypatch, "curves", "list") == 2
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith(f"Error: CARBON254_{variable} is '{value}': ")


def test_a_fault_of_the_operating_system_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing() -> None:
        raise PermissionError(13, "Permission denied", "/some/[b]where")

    monkeypatch.setattr("api.cli.curves.connect", failing)
    assert ended(monkeypatch, "curves", "list") == 1
    assert capsys.readouterr().err.startswith("Error: /some/[b]where: Permission denied.\n")


def test_home_is_absolute_and_a_host_has_no_brackets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for given, home in (("~/data", tmp_path / "data"), ("data", tmp_path / "data")):
        monkeypatch.setenv("CARBON254_HOME", given)
        assert Settings().home == home
    for host in ("[::1]", "::1"):
        monkeypatch.setenv("CARBON254_HOST", host)
        assert listening.in_url(Settings().host) == "[::1]"


@pytest.mark.parametrize("wrong", ["", "x", "../audit"])
@pytest.mark.parametrize(
    "verb",
    [
        ("curves", "show"), ("ppas", "show"), ("publications", "show"), ("recompute",),
        ("ppas", "price", str(uuid4()), "--curve"), ("ppas", "price", "--curve", str(uuid4())),
        ("audit", "list", "--id"), ("audit", "list", "--correlation"),
    ],
)  # fmt: skip
def test_a_malformed_id_is_a_mistake_of_usage(verb: tuple[str, ...], wrong: str) -> None:
    assert CliRunner().invoke(app, [*verb, wrong]).exit_code == 2


@pytest.mark.parametrize("arguments", [("serve", "--port", "99999"), ("serve", "--port", "-1"), ("lineage", "")])
def test_other_mistakes_of_usage(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_an_id_of_lineage_is_one_part_of_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Asked(Connection):
        def __init__(self) -> None: ...

        def get(self, path: str, **_: Any) -> Any:
            asked.append(path)
            return {}

        def close(self) -> None: ...

    monkeypatch.setattr(lineage, "connect", Asked)
    lineage.lineage("a/../b?c#[é", as_json=True)
    assert asked == ["/v1/lineage/a%2F..%2Fb%3Fc%23%5B%C3%A9"]


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"two\nlines"])
def test_a_token_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PlatformError, match="token") as error:
        _read_token(file)
    assert str(file) in error.value.message


def test_no_proxy_of_the_environment_sees_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    with Connection.to_server("http://127.0.0.1:8000", "token") as connection:
        assert connection._client.trust_env is False
        assert not any(connection._client._mounts.values())


def test_a_date_that_is_none_is_told_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "ppa.yaml"
    file.write_text("start: 2026-02-30\n")
    with pytest.raises(PlatformError, match=r"ppa\.yaml"):
        read_fields(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: A\nhub: [", "inputs.yaml line 2 is not YAML: expected the node content"),
        ("a: \0", "inputs.yaml is not YAML: unacceptable character"),
        ("- A\n- B\n", "inputs.yaml holds no fields"),
        ("price: .inf\n", "inputs.yaml, field price: inf is no number"),
    ],
)
def test_a_file_that_cannot_be_used_is_wrong_usage(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "inputs.yaml"
    file.write_text(text)
    assert ended(monkeypatch, "scenarios", "define", str(file)) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("verb", [["replay"], ["projections", "rebuild"], ["feeds", "run", "da_expost_lmp"]])
def test_a_verb_that_lacks_what_it_is_about_is_wrong_usage(verb: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(monkeypatch, *verb) == 2


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (["publications", "list"], "No publications yet: `carbon254 ingest PATH`."),
        (["publications", "list", "--iso", "miso"], "Nothing fits what was asked for."),
        (["prices", "latest"], "Nothing was ingested yet"),
        (["prices", "latest", "--node", "NOWHERE"], "Nothing fits what was asked for."),
    ],
)
def test_an_empty_list_says_whether_there_is_nothing_or_nothing_fits(
    verb: list[str], said: str, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"api.cli.{verb[0]}.connect", lambda: Connection.to_platform(platform))
    result = CliRunner().invoke(app, verb)
    assert (result.exit_code, said in result.stderr) == (0, True), result.output


def test_what_fails_of_a_feed_is_told_once_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    trouble = {"request": "a.csv", "reason": "no answer"}
    run = {"requests": 1, "quarantined": 0, "troubles": [trouble] * 4, "failed": [trouble]}
    with pytest.raises(typer.Exit) as ended:
        feeds._show(run, as_json=False)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.splitlines() == [
        "a.csv: tried again 4 times, for no answer",
        "a.csv: no answer",
        "Run it again when the source answers: what is there by now is not fetched twice.",
    ]


def call(app: Callable[..., Awaitable[None]], read: Callable[[httpx2.AsyncClient], Awaitable[Any]]) -> Any:
    async def go() -> Any:
        async with httpx2.AsyncClient(transport=InProcessTransport(app), base_url="http://x", timeout=60) as client:
            return await read(client)

    return asyncio.run(go())


async def endless(scope: Message, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(1_000_000):
        scope["state"]["sent"] = number
        await send({"type": "http.response.body", "body": b"%d\n" % number, "more_body": True})


def test_an_answer_comes_while_it_is_made_and_ends_with_its_reader() -> None:
    state: dict[str, int] = {}

    async def first_line(client: httpx2.AsyncClient) -> str:
        async with client.stream("GET", "/") as answer:
            return await anext(answer.aiter_lines())

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await endless({**scope, "state": state}, receive, send)

    assert call(app, first_line) == "0"
    assert state["sent"] < 10


@pytest.mark.parametrize("begun", [False, True])
def test_an_answer_that_breaks_off_is_not_taken_for_whole(begun: bool) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ZeroDivisionError

    with pytest.raises(httpx2.RemoteProtocolError if begun else ZeroDivisionError):
        call(app, lambda client: client.get("/"))


def test_a_body_arrives_whole() -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        content, more = b"", True
        while more:
            message = await receive()
            content, more = content + message["body"], message["more_body"]
        await send({"type": "http.response.start", "status": 201, "headers": [(b"x-way", scope["path"].encode())]})
        await send({"type": "http.response.body", "body": content})

    answer = call(app, lambda client: client.post("/a%20b?c=d", content=b"x" * 100_000))
    assert (answer.status_code, answer.headers["x-way"], answer.content) == (201, "/a b", b"x" * 100_000)


def half(sink: BinaryIO) -> int:
    sink.write(b"half")
    raise PlatformError("broke off", "")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_bytes(b"before")
    file.chmod(0o600)
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(PlatformError, match="broke off"):
        save(file, half)
    assert file.read_bytes() == b"before"
    assert save(tmp_path / "link", lambda sink: sink.write(b"after")) == 5
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"after", 0o600)
    assert sorted(os.listdir(tmp_path)) == ["link", "prices.csv"]


def test_a_device_is_written_and_not_replaced(tmp_path: Path) -> None:
    assert save(Path("/dev/null"), lambda sink: sink.write(b"x")) == 1
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    for wrong in (tmp_path, tmp_path / "missing" / "file"):
        with pytest.raises(PlatformError, match="cannot be written"):
            save(wrong, lambda sink: sink.write(b"x"))


def test_a_problem_is_no_download(api: Connection) -> None:
    sink = io.BytesIO()
    with pytest.raises(Exception, match="iso"):
        api.download(sink, "/v1/prices", start="2026-01-01", end="2026-01-02")
    assert sink.getvalue() == b""


@pytest.mark.enable_socket
def test_the_ipv6_loopback_is_listened_on() -> None:
    with listening.listening("::1", 0) as listener:
        assert listener.getsockname()[0] == "::1"


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        ("api.cli.main", {"cryptography", "fastapi", "joserfc", "numpy", "psycopg", "pyarrow"}),
        (
            "api.cli.main, api.wiring, api.app",
            {"cashews", "chdb", "clickhouse_connect", "pandas", "redis", "strawberry"},
        ),
    ],
    ids=["a client of a server", "in process"],
)
def test_a_verb_imports_nothing_large_that_it_may_not_need(modules: str, unwanted: set[str]) -> None:
    code = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not unwanted & set(done.stdout.split())
