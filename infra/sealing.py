"""Seals what the log has grown by: every second, and at the latest every thousand events."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from infra.event_store import EventLog
from infra.seals import Seals, sealed_event

logger = logging.getLogger(__name__)

SEAL_EVERY_S = 1.0
MOST_EVENTS = 1000


class Sealer:
    """A thread that keeps the seals close behind the log; stopping it seals the rest."""

    def __init__(
        self, log: EventLog, seals: Seals, now: Callable[[], datetime], look_every_s: float | None = None
    ) -> None:
        """`look_every_s` is for a log that other processes append to, of which this one does not hear."""
        self._look_every_s = look_every_s
        self._log = log
        self._seals = seals
        self._now = now
        self._stop = threading.Event()
        self._grown = threading.Event()
        self._is_lost = False
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)

    def start(self) -> None:
        self._log.on_append(lambda _: self._grown.set())
        self._grown.set()
        self._thread.start()

    def stop(self, *, is_lost: bool = False) -> None:
        """Seals the rest, unless another process may be doing so (`is_lost`)."""
        self._is_lost = is_lost
        self._stop.set()
        self._grown.set()
        self._thread.join()

    def seal_pending(self) -> int:
        """Seals everything that is not sealed yet; returns how many events that were."""
        newest = self._seals.newest()
        sealed = newest.seal.last_ordinal if newest else 0
        before = sealed
        while page := self._log.stored_after(sealed, MOST_EVENTS):
            events = [sealed_event(e) for e in page]
            self._seals.append(sealed + 1, events, self._now())
            sealed += len(page)
        return sealed - before

    def _run(self) -> None:
        while not self._stop.is_set():
            self._grown.wait(self._look_every_s)
            self._grown.clear()
            try:
                self.seal_pending()
            except Exception:
                # The events stay unsealed, which `audit verify` counts; the next second tries again.
                logger.exception("sealing failed")
                self._grown.set()
            self._stop.wait(SEAL_EVERY_S)
        if not self._is_lost:
            self.seal_pending()


class SealingTask:
    """Sealing as what one process at a time does for all."""

    def __init__(self, make: Callable[[], Sealer]) -> None:
        self._make = make
        self._sealer: Sealer | None = None

    def begin(self) -> None:
        self._sealer = self._make()
        self._sealer.start()

    def end(self, *, is_lost: bool) -> None:
        if self._sealer:
            self._sealer.stop(is_lost=is_lost)
            self._sealer = None
