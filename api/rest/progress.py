"""Answers of what takes long: lines of JSON, each as soon as there is something to say."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import Any

from fastapi.responses import StreamingResponse

from infra.errors import PlatformError
from projections.relational import Progress

logger = logging.getLogger(__name__)

Report = Callable[[str], Progress]
"""Given the name of what is worked on, takes how far that has come."""

Work = Callable[[Report], dict[str, Any]]


def reporting(work: Work) -> StreamingResponse:
    """Runs `work` in a thread of its own and answers `{name, position, of}` while it goes on.

    The last line is what `work` returns, or `{problem, remedy}`: the headers have left long ago.
    """
    lines: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def report(name: str) -> Progress:
        return lambda position, of: lines.put({"name": name, "position": position, "of": of})

    def run() -> None:
        try:
            lines.put(work(report))
        except PlatformError as error:
            lines.put({"problem": error.message, "remedy": error.remedy})
        except Exception as error:
            logger.exception("what was reported line by line failed")
            lines.put({"problem": f"{type(error).__name__}: {error}", "remedy": "The server's log has the details."})
        lines.put(None)

    def told() -> Iterator[str]:
        # In a copy of the request's context, so that its log lines bear the same correlation id.
        threading.Thread(target=copy_context().run, args=(run,), name="reported-work", daemon=True).start()
        while (line := lines.get()) is not None:
            yield json.dumps(line) + "\n"

    return StreamingResponse(told(), media_type="application/x-ndjson")
