"""Log lines: one line each, correlated, and without anything that a terminal obeys or a thief wants."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

from infra import logs

logger = logging.getLogger("carbon254.test")

SECRETS = (
    "Bearer s3cr3t-t0ken",
    "Authorization: Bearer s3cr3t-t0ken",
    "Basic czNjcjN0LXQwa2Vu",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.c2lnbmF0dXJl",
    "postgresql://carbon:s3cr3t-t0ken@db:5432/x",
    "password=s3cr3t-t0ken",
    '{"api_key": "s3cr3t-t0ken"}',
)
PARTS = ("s3cr3t", "czNjcjN0", "eyJ")


class Sink(io.StringIO):
    """What stderr would get."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def sink() -> Iterator[Sink]:
    root, hook = logging.getLogger(), threading.excepthook
    handlers, level = root.handlers[:], root.level
    found = Sink()
    logs.configure(found)
    yield found
    logging.captureWarnings(False)
    root.handlers, root.level, threading.excepthook = handlers, level, hook


def test_a_line_is_json_with_time_level_logger_and_fields(sink: Sink) -> None:
    logger.info("did %s", "it", extra={"rows": 3, "place": {"a": [1, None]}})
    (line,) = sink.lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "logger": "carbon254.test", "message": "did it", "rows": 3, "place": {"a": [1, None]},
    }  # fmt: skip


def test_what_is_bound_stands_on_each_line_within_in_threads_too(sink: Sink) -> None:
    with logs.bound(correlation_id="c-1", actor="a-1"):
        logger.info("here")
        thread = threading.Thread(target=copy_context().run, args=(logger.info, "there"))
        thread.start()
        thread.join()
    logger.info("outside")
    here, there, outside = sink.lines()
    assert (here["correlation_id"], there["correlation_id"], there["actor"]) == ("c-1", "c-1", "a-1")
    assert "correlation_id" not in outside


@pytest.mark.parametrize(
    "text", ["a\nb", "a\r\nlevel=error", "a\x1b[31mred", "a\x00b", "\u202egnp", "\u2028", "\ud800"]
)
@pytest.mark.parametrize("terminal", [False, True])
def test_no_text_can_make_a_line_of_its_own_or_move_a_terminal(
    text: str, terminal: bool, monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    monkeypatch.setattr(Sink, "terminal", terminal)
    logs.configure(sink)
    logger.warning("got %s", text, extra={"field": text, "deep": [{text: text}]})
    written = sink.getvalue()
    assert written.count("\n") == 1
    plain = written[:-1].replace("\x1b[", "") if terminal else written[:-1]  # a terminal's own colours
    assert plain.isprintable()
    assert "\x1b[31mred" not in written
    assert "message" in json.loads(written) if not terminal else "got" in written


@pytest.mark.parametrize("terminal", [False, True])
def test_a_traceback_cannot_forge_a_line(terminal: bool, monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    monkeypatch.setattr(Sink, "terminal", terminal)
    logs.configure(sink)
    try:
        raise ValueError("bad\n2026-01-01T00:00:00Z [error] forged\x1b[2J")
    except ValueError:
        logger.exception("failed")
    written = sink.getvalue()
    assert "forged" in written
    assert "\x1b[2J" not in written
    if terminal:
        assert [line for line in written.splitlines() if line.startswith("2026-01-01T00:00:00Z [error] forged")] == []
    else:
        assert "ValueError" in json.loads(written)["exception"]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_hidden_wherever_they_stand(secret: str, sink: Sink) -> None:
    logger.info("sent %s", secret, extra={"field": secret, "deep": {"list": [secret]}})
    try:
        raise RuntimeError(secret)
    except RuntimeError:
        logger.exception("failed")
    assert len(sink.lines()) == 2
    assert [part for part in PARTS if part in sink.getvalue()] == []


def test_other_loggers_take_the_same_way(sink: Sink) -> None:
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("infra.subscriptions").warning("projection %s fails\n", "x")
    assert [line["logger"] for line in sink.lines()] == ["uvicorn.error", "infra.subscriptions"]


def test_a_thread_that_fails_is_logged(sink: Sink) -> None:
    thread = threading.Thread(target=lambda: 1 // 0, name="doomed")
    thread.start()
    thread.join()
    (line,) = sink.lines()
    assert ("doomed" in line["message"], "ZeroDivisionError" in line["exception"]) == (True, True)
