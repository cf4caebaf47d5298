"""Follows the event log: one thread a subscription, batch after batch, with a checkpoint that says how far it came.

What is atomic depends on the handler: it is given the batch and must make its effect and its checkpoint one, or make
doing a batch again harmless. A failing batch is tried again, ever more slowly; it is never skipped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tenacity import Retrying, retry_if_exception_type, stop_never, wait_random_exponential

from infra.errors import PlatformError
from infra.event_mapper import RecordedEvent
from infra.event_store import EventLog

logger = logging.getLogger(__name__)

# Another process may append to the same log; its events are found within this time.
POLL_S = 0.25
LONGEST_RETRY_PAUSE_S = 5.0


class ReadTooEarly(PlatformError):
    """A read model has not come as far as the caller asked within the time given."""


@dataclass
class Subscription:
    """Hands the log to `handle` in order. `handle` stores the effect of a batch and the checkpoint after it."""

    name: str
    log: EventLog
    load_checkpoint: Callable[[], int]
    handle: Callable[[Sequence[RecordedEvent]], None]
    batch_size: int = 500
    checkpoint: int = 0
    failure: str | None = None
    _wake: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _moved: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None
    _busy: bool = False

    def start(self) -> None:
        self.checkpoint = self.load_checkpoint()
        self.log.on_append(self._wake.set)
        self._thread = threading.Thread(target=self._run, name=f"projection-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finishes the batch at hand and stops."""
        self._stop.set()
        self._wake.set()
        with self._moved:
            self._moved.notify_all()
        if self._thread:
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def wait_for(self, position: int, patience_s: float = 30.0) -> None:
        """Returns when everything up to `position` has been handled; raises ReadTooEarly when it stands still."""
        with self._moved:
            seen, deadline = self.checkpoint, time.monotonic() + patience_s
            while self.checkpoint < position:
                self._wake.set()
                # A batch that takes long is under way, and not stuck, as long as it does not fail.
                if self.checkpoint > seen or (self._busy and self.failure is None):
                    seen, deadline = self.checkpoint, time.monotonic() + patience_s
                left = deadline - time.monotonic()
                if left <= 0 or self._stop.is_set():
                    why = f" It fails with: {self.failure}" if self.failure else ""
                    raise ReadTooEarly(
                        f"The read model {self.name} stands at position {self.checkpoint}, not yet at {position}.{why}",
                        remedy="Ask again in a moment; `carbon254 doctor` shows what holds it up.",
                    )
                self._moved.wait(min(left, 1.0))

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                caught_up = self._advance()
            except Exception as error:  # whatever a batch meets, the thread must live to try it again
                if self._stop.is_set():
                    return
                self.failure = f"{type(error).__name__}: {error}"
                logger.warning("projection %s cannot read the log: %s", self.name, self.failure)
                caught_up = True
            if caught_up:
                self._wake.wait(POLL_S)

    def _advance(self) -> bool:
        """One batch; True when there was nothing left to do."""
        events = self.log.page(self.checkpoint, self.batch_size)
        if not events:
            self.failure = None
            return True
        retrying = Retrying(
            stop=stop_never,
            wait=wait_random_exponential(multiplier=0.05, max=LONGEST_RETRY_PAUSE_S),
            retry=retry_if_exception_type(Exception),
            before_sleep=lambda state: self._note(state.outcome.exception() if state.outcome else None, events),
            sleep=self._sleep,
        )
        self._busy = True
        try:
            retrying(self.handle, events)
        finally:
            self._busy = False
        self.failure = None
        with self._moved:
            self.checkpoint = events[-1].position
            self._moved.notify_all()
        return len(events) < self.batch_size

    def _note(self, error: BaseException | None, events: Sequence[RecordedEvent]) -> None:
        self.failure = f"{type(error).__name__}: {error}"
        logger.warning(
            "projection %s: positions %d to %d failed and will be tried again: %s",
            self.name,
            events[0].position,
            events[-1].position,
            self.failure,
        )

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise InterruptedError(f"projection {self.name} was stopped between two tries")
