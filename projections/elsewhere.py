"""Subscriptions as seen from a process that does not run them, or not now: by their checkpoints in the database."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from infra.claims import claimed
from infra.errors import PlatformError
from infra.event_recorder import Pool
from infra.failures import reason_of
from infra.subscriptions import ReadTooEarly, Subscription
from read_models.relational import load_checkpoint

logger = logging.getLogger(__name__)

_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.01, 0.1
_START_AGAIN_S = 1.0
_START_PATIENCE_S = 10.0


class FollowedElsewhere:
    """A subscription that a projector runs; `versions` are the projections that it fills, as this process knows them.

    Its checkpoint counts only where the projector has built the very same versions.
    """

    def __init__(self, name: str, pool: Pool, versions: Mapping[str, int], store: str = "") -> None:
        self.name = name
        self.projections: Sequence[str] = tuple(versions)
        self._pool = pool
        self._versions = versions
        self._store = store
        self._seen = 0

    @property
    def checkpoint(self) -> int:
        """The position to which all its projections have come."""
        if not self._versions:
            return 0
        with self._pool.connection() as connection, connection.cursor() as cursor:
            found = [load_checkpoint(cursor, name, version, self._store) for name, version in self._versions.items()]
        self._seen = min(found)
        return self._seen

    @property
    def failure(self) -> str | None:
        """A projector says itself what it fails with; from here it only shows as a lag."""
        return None

    @property
    def is_following(self) -> bool:
        """Whether some process has claimed it."""
        return bool(claimed(self._pool, [self.name]))

    @property
    def trouble(self) -> str | None:
        return None if self.is_following else "no projector runs it"

    def hurry_to(self, position: int) -> None:
        """A projector does not hear of it."""

    def wait_for(self, position: int, patience_s: float = 30.0) -> None:
        """As `Subscription.wait_for`."""
        if self._seen >= position:
            return
        pause_s = _FIRST_LOOK_S
        seen, deadline = self.checkpoint, time.monotonic() + patience_s
        while seen < position:
            if time.monotonic() > deadline:
                why = f": {self.trouble}" if self.trouble else ""
                raise ReadTooEarly(
                    f"The read model {self.name} stands at position {seen}, not yet at {position}{why}.",
                    remedy="Ask again in a moment; `carbon254 doctor` shows what holds it up.",
                )
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_LOOK_S)
            if (now := self.checkpoint) > seen:
                seen, deadline = now, time.monotonic() + patience_s


class ClaimedSubscription:
    """A subscription that this process runs while it has claimed it; meanwhile it is followed elsewhere."""

    def __init__(self, make: Callable[[], Subscription], elsewhere: FollowedElsewhere) -> None:
        self.name = elsewhere.name
        self.projections = elsewhere.projections
        self._make = make
        self._elsewhere = elsewhere
        self._own: Subscription | None = None
        self._start_failure: str | None = None
        self._ended = threading.Event()
        self._starter: threading.Thread | None = None

    def begin(self) -> None:
        """In a thread of its own, as building what is missing takes its time."""
        self._ended = threading.Event()
        self._starter = threading.Thread(
            target=self._start, args=(self._ended,), name=f"start-{self.name}", daemon=True
        )
        self._starter.start()

    def end(self, *, is_lost: bool) -> None:  # noqa: ARG002 - a batch that another does as well does no harm
        self._ended.set()
        if self._starter:
            self._starter.join(_START_PATIENCE_S)
        if self._own:
            self._own.stop()
            self._own = None

    def _start(self, ended: threading.Event) -> None:
        while not ended.is_set():
            subscription = self._make()
            try:
                subscription.start()
            except Exception as error:
                self._start_failure = reason_of(error)
                logger.warning("projection %s cannot be started, and will be again: %s", self.name, self._start_failure)
                ended.wait(_START_AGAIN_S)
                continue
            self._start_failure = None
            if ended.is_set():  # it took longer than `end` waited
                subscription.stop()
            else:
                self._own = subscription
            return

    @property
    def checkpoint(self) -> int:
        return self._own.checkpoint if self._own else self._elsewhere.checkpoint

    @property
    def failure(self) -> str | None:
        return self._own.failure if self._own else self._start_failure

    @property
    def is_following(self) -> bool:
        return self._own.is_following if self._own else self._elsewhere.is_following

    @property
    def trouble(self) -> str | None:
        if own := self._own:
            return own.trouble
        return self._start_failure or self._elsewhere.trouble

    def hurry_to(self, position: int) -> None:
        (self._own or self._elsewhere).hurry_to(position)

    def wait_for(self, position: int, patience_s: float = 30.0) -> None:
        (self._own or self._elsewhere).wait_for(position, patience_s)


def await_read_models(pool: Pool, names: Sequence[str], patience_s: float = 120.0) -> None:
    """Returns when a projector has made the tables of these relational projections. Raises PlatformError."""
    deadline = time.monotonic() + patience_s
    told = False
    while missing := _missing(pool, names):
        if time.monotonic() > deadline:
            raise PlatformError(
                f"The read models are not there: {', '.join(missing)}", "Start `carbon254 projector`: it makes them."
            )
        if not told:
            logger.warning("waiting for a projector to make the read models: %s", ", ".join(missing))
            told = True
        time.sleep(_LONGEST_LOOK_S)


def _missing(pool: Pool, names: Sequence[str]) -> list[str]:
    with pool.connection() as connection, connection.cursor() as cursor:
        if cursor.execute("SELECT to_regclass('pg.checkpoint')").fetchone() == (None,):
            return list(names)
        found = cursor.execute("SELECT projection FROM pg.checkpoint WHERE store = ''").fetchall()
    return sorted(set(names) - {name for (name,) in found})
