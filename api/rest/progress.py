"""Long work whose progress is answered line by line."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from fastapi.responses import StreamingResponse

from infra.errors import PlatformError

Progress = Callable[[int, int], None]
Work = Callable[[Progress], dict[str, Any]]


def reporting(work: Work) -> StreamingResponse:
    """Runs `work` in a thread of its own; lines of JSON, `{position, of}` and last its answer or `{problem}`."""
    lines: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def run() -> None:
        try:
            lines.put(work(lambda position, of: lines.put({"position": position, "of": of})))
        except PlatformError as error:  # told as the last line, for the headers have left long ago
            lines.put({"problem": error.message})
        except Exception as error:
            lines.put({"problem": f"{type(error).__name__}: {error}"})
        lines.put(None)

    def told() -> Iterator[str]:
        threading.Thread(target=run, name="reported-work", daemon=True).start()
        while (line := lines.get()) is not None:
            yield json.dumps(line, default=str) + "\n"

    return StreamingResponse(told(), media_type="application/x-ndjson")
