"""Follows the event log: one thread a subscription, batch after batch, with a checkpoint that says how far it came.

What is atomic depends on the handler: it is given the batch and must make its effect and its checkpoint one, or make
doing a batch again harmless. A batch that fails because of a store is tried again, ever more slowly, for ever. One that
fails by the fault of an event is handed to `isolate`, which sets that event aside and handles all the others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from tenacity import RetryCallState, Retrying, stop_never, wait_random_exponential

from infra.errors import PlatformError
from infra.event_mapper import RecordedEvent
from infra.event_store import EventLog
from infra.failures import is_fault_of_event, reason_of

logger = logging.getLogger(__name__)

# Another process may append to the same log; its events are found within this time.
POLL_S = 0.25
# Whoever appended gives an answer first, unless somebody waits for what it says.
BREATH_S = 0.003
# Events that have no effect are passed over after so long, each subscription at another time: were all to look at once,
# whoever appended would wait for its own answer.
LEISURE_S = (0.1, 0.3)
_CHANCE = Random()  # noqa: S311 - no secret; of its own, so that nobody's seed is disturbed from another thread
LONGEST_RETRY_PAUSE_S = 5.0

Handle = Callable[[Sequence[RecordedEvent]], None]
Progress = Callable[[int, int], None]


class ReadTooEarly(PlatformError):
    """A read model has not come as far as the caller asked within the time given."""


@dataclass
class Subscription:
    """Hands the log to `handle` in order. `handle` stores the effect of a batch and the checkpoint after it.

    `isolate` does the same event by event, and sets aside those that fail by their own fault; without it they are tried
    again like everything else. `prepare` runs first, in the subscription's thread, and may take long; it returns the
    position from which to follow. `projections` names the read models that are fed. `wants` says which events have an
    effect; those that this process appends are handled at once, others soon.
    """

    name: str
    log: EventLog
    load_checkpoint: Callable[[], int]
    handle: Handle
    isolate: Handle | None = None
    prepare: Callable[[Progress], int] | None = None
    projections: Sequence[str] = ()
    wants: Callable[[RecordedEvent], bool] = lambda _: True
    batch_size: int = 500
    checkpoint: int = 0
    failure: str | None = None
    _wake: threading.Event = field(default_factory=threading.Event)
    _hurry: threading.Event = field(default_factory=threading.Event)
    _now: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _moved: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None
    _busy: bool = False

    def __post_init__(self) -> None:
        # One for all batches: each would be a cycle that waits for the collector.
        self._retrying = Retrying(
            stop=stop_never,
            wait=wait_random_exponential(multiplier=0.05, max=LONGEST_RETRY_PAUSE_S),
            before_sleep=self._note,
            sleep=self._sleep,
        )

    def start(self) -> None:
        self.checkpoint = self.load_checkpoint()
        self.log.on_append(self._heed)
        self._thread = threading.Thread(target=self._run, name=f"projection-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finishes the batch at hand and stops."""
        self._stop.set()
        self._look_now()
        with self._moved:
            self._moved.notify_all()
        if self._thread:
            self._thread.join()

    @property
    def is_following(self) -> bool:
        """False when its thread has ended, or was never started: then the read model stands still."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def trouble(self) -> str | None:
        """What keeps it from following the log, if anything does."""
        if self.failure or self.is_following:
            return self.failure
        return "its thread has ended"

    def hurry_to(self, position: int) -> None:
        """Somebody is about to wait for `position`: what lies before it is handled at once."""
        if self.checkpoint < position:
            self._look_now()

    def wait_for(self, position: int, patience_s: float = 30.0) -> None:
        """Returns when everything up to `position` has been handled; raises ReadTooEarly when it stands still."""
        with self._moved:
            seen, deadline = self.checkpoint, time.monotonic() + patience_s
            while self.checkpoint < position:
                self._look_now()
                # A batch that takes long is under way, and not stuck, as long as it does not fail.
                if self.checkpoint > seen or (self._busy and self.failure is None):
                    seen, deadline = self.checkpoint, time.monotonic() + patience_s
                left = deadline - time.monotonic()
                if left <= 0 or not self.is_following or self._stop.is_set():
                    why = f" It fails with: {self.trouble}" if self.trouble else ""
                    raise ReadTooEarly(
                        f"The read model {self.name} stands at position {self.checkpoint}, not yet at {position}.{why}",
                        remedy="Ask again in a moment; `carbon254 doctor` shows what holds it up.",
                    )
                self._moved.wait(min(left, 1.0))

    def _run(self) -> None:
        try:
            if prepare := self.prepare:
                self._move_to(self._insist(lambda: prepare(self._report)))
            while not self._stop.is_set():
                self._wake.clear()
                self._hurry.clear()
                self._now.clear()
                if self._is_caught_up() and self._wake.wait(POLL_S):
                    self._hurry.wait(_CHANCE.uniform(*LEISURE_S))
                    self._now.wait(BREATH_S)
        except _Stopped:
            return
        except BaseException as error:
            # Nothing is expected to come here; if it does, it must not be silent: `trouble` tells it from now on.
            self.failure = f"its thread has ended: {reason_of(error)}"
            logger.exception("projection %s stands still", self.name)
            with self._moved:
                self._moved.notify_all()

    def _heed(self, appended: Sequence[RecordedEvent]) -> None:
        if any(map(self.wants, appended)):
            self._hurry.set()
        self._wake.set()

    def _look_now(self) -> None:
        self._now.set()
        self._hurry.set()
        self._wake.set()

    def _is_caught_up(self) -> bool:
        """Reads and handles one batch; True when there is nothing left to do for now."""
        try:
            events = self.log.page(self.checkpoint, self.batch_size)
        except Exception as error:  # whatever it meets, the thread must live to try it again
            self.failure = reason_of(error)
            logger.warning("projection %s cannot read the log: %s", self.name, self.failure)
            return True
        if not events:
            self.failure = None
            return True
        self._move_to(self._insist(lambda: self._advance(events)))
        return len(events) < self.batch_size

    def _advance(self, events: Sequence[RecordedEvent]) -> int:
        try:
            self.handle(events)
        except Exception as error:
            if self.isolate is None or not is_fault_of_event(error):
                raise
            logger.warning("projection %s: an event fails and is looked for: %s", self.name, reason_of(error))
            self.isolate(events)
        return events[-1].position

    def _insist(self, work: Callable[[], int]) -> int:
        """Does `work` until it succeeds, ever more slowly; raises _Stopped when it is to end first."""
        self._busy = True
        try:
            position = self._retrying(work)
        finally:
            self._busy = False
        self.failure = None
        return position

    def _move_to(self, position: int) -> None:
        with self._moved:
            self.checkpoint = max(self.checkpoint, position)
            self._moved.notify_all()

    def _report(self, position: int, of: int) -> None:
        """What `prepare` tells on its way; it ends here where the subscription is to stop."""
        if self._stop.is_set():
            raise _Stopped
        logger.debug("projection %s is prepared: %d of %d", self.name, position, of)

    def _note(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.failure = reason_of(error) if error else None
        logger.warning(
            "projection %s, after position %d: failed and will be tried again: %s",
            self.name,
            self.checkpoint,
            self.failure,
        )

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise _Stopped


class _Stopped(BaseException):
    """The subscription was stopped between two tries."""
