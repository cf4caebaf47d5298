"""Work that many wait for and one thread does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future


class SharedWork:
    """Runs `work` in a thread of its own; whoever comes while it runs waits for that run and starts no other.

    So a slow run holds up its waiters only, and never uses up the threads that others need.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        self._work = work
        self._name = name
        self._lock = threading.Lock()
        self._run: Future[None] | None = None

    @property
    def is_under_way(self) -> bool:
        return self._run is not None and not self._run.done()

    async def done(self) -> None:
        """Returns when a run has ended, and raises what it raised."""
        # Shielded: one waiter that gives up must not end it for the others.
        await asyncio.shield(asyncio.wrap_future(self._start_or_join()))

    def _start_or_join(self) -> Future[None]:
        with self._lock:
            if self._run is not None and not self._run.done():
                return self._run
            run: Future[None] = Future()
            self._run = run
        threading.Thread(target=self._do, args=(run,), name=self._name, daemon=True).start()
        return run

    def _do(self, run: Future[None]) -> None:
        try:
            self._work()
        except BaseException as error:  # it belongs to those who wait
            run.set_exception(error)
        else:
            run.set_result(None)
