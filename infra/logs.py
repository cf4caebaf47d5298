"""Log lines on stderr: JSON for machines, readable on a terminal; correlated, without control characters or secrets.

Everything logs through the standard library; here is how its records become lines. What is known about the work at
hand (correlation id, actor, tenant) is bound to the context and stands on every line within it, in threads too where
they run in a copy of the context.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from contextlib import AbstractContextManager
from typing import IO, Any

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars

from infra import tracing

# C0 and C1 controls, line separators, marks without width or that turn the direction of writing, lone surrogates
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SECRETS = (
    re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',]+"),
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),  # a JWT, wherever it stands
    re.compile(r"\bc254_\w+"),  # an API key
    re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"),  # user and password of an address
    re.compile(
        r"(?i)\b(authorization|password|secret|api[_-]?key|access[_-]?token)\b[\"']?\s*[=:]\s*[\"']?[^\s\"',&]+"
    ),
)
# What each of them has in it; most texts have nothing of that, and are looked through once instead of five times.
_TELLTALE = re.compile(r"[\s=:]|eyJ|c254_")
_HIDDEN = "[hidden]"
_LONGEST_TEXT = 4000
# The lines of a traceback; every other text is one line.
_MANY_LINES = "exception"


def configure(stream: IO[str] | None = None) -> None:
    """Sends every record of this process to `stream` (stderr by default): readable on a terminal, else JSON."""
    sink = sys.stderr if stream is None else stream
    readable = sink.isatty()
    handler = logging.StreamHandler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
                _add_trace,
                structlog.processors.format_exc_info,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("message"),
                _clean,
                _readable() if readable else structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # It tells each request with its whole address; ours are told by us.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    logging.captureWarnings(True)
    threading.excepthook = _log_thread_failure


def bound(**known: str) -> AbstractContextManager[None]:
    """Within it, every line of this context bears what is known."""
    return bound_contextvars(**known)


def bind(**known: str) -> None:
    """As `bound`, from here to the end of whatever `bound` block or task this is in."""
    bind_contextvars(**known)


def correlation_id() -> str | None:
    """The id of the request at hand, null outside of any."""
    found = get_contextvars().get("correlation_id")
    return None if found is None else str(found)


def safe_text(text: str, *, many_lines: bool = False) -> str:
    """The text without secrets, each control character written as its escape, and cut to a bearable length."""
    if _TELLTALE.search(text):
        for secret in _SECRETS:
            text = secret.sub(_HIDDEN, text)
    if many_lines:
        # Indented, so that no line of it can be taken for a line of the log.
        return "\n    ".join(map(_escaped, text.splitlines()))
    return _escaped(text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…")


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _clean(_: Any, __: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {name: _cleaned(value, many_lines=name == _MANY_LINES) for name, value in fields.items()}


def _cleaned(value: object, *, many_lines: bool = False) -> object:
    if isinstance(value, str):
        return safe_text(value, many_lines=many_lines)
    if isinstance(value, dict):
        return {safe_text(str(name)): _cleaned(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(inner) for inner in value]
    return value if isinstance(value, bool | int | float | None) else safe_text(str(value))


def _add_trace(_: Any, __: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if trace_id := tracing.trace_id():
        fields["trace_id"] = trace_id
    return fields


def _readable() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        event_key="message", timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
    )


def _log_thread_failure(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is None or failure.exc_type is SystemExit:
        return
    error = (failure.exc_type, failure.exc_value, failure.exc_traceback)
    name = failure.thread.name if failure.thread else "?"
    logging.getLogger(__name__).error("the thread %s ended with an error", name, exc_info=error)
