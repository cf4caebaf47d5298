"""A thread that shares work with other processes: begun anew where it fails, until it is told to end."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod

from infra.failures import reason_of

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
_LONG_S = 60.0


class Worker(ABC):
    """What `_work` does, until `_stop` is set; what it raises is told as trouble, and it is called again in a while.

    `handled` counts what it has done since it was started.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.failure: str | None = "it has not begun yet"
        self.handled = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"worker-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def trouble(self) -> str | None:
        """What keeps it from working, if anything does."""
        return self.failure if self.failure or self._thread.is_alive() else "its thread has ended"

    @property
    @abstractmethod
    def lag(self) -> int:
        """How much of its work waits, as far as the engine tells."""

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                self._work()
            except Exception as error:  # whatever it meets, the thread must live to try it again
                self.failure = reason_of(error)
                logger.warning("%s: a worker of the group will try again: %s", self.name, self.failure)
                if time.monotonic() - begun > _LONG_S:
                    pause_s = _FIRST_PAUSE_S
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    @abstractmethod
    def _work(self) -> None: ...
