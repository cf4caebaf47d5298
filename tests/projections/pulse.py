"""How slow the machine itself is just now, against which a wait is told from a slow machine."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from types import TracebackType

from infra.event_recorder import Pool
from queries.relational import rows

_PAUSE_S = 0.02


class Pulse(AbstractContextManager["Pulse"]):
    """Reads the log in a thread, which no rebuild keeps from it; `slowest_s` is the longest that it took."""

    def __init__(self, pool: Pool) -> None:
        self.slowest_s = 0.0
        self._pool = pool
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read, name="pulse")

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()

    def _read(self) -> None:
        while True:
            started = time.monotonic()
            rows(self._pool, "SELECT * FROM log.events ORDER BY position LIMIT 1000", {})
            self.slowest_s = max(self.slowest_s, time.monotonic() - started)
            if self._done.wait(_PAUSE_S):
                return
