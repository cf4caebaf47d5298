"""Work that many wait for and one thread does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


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


class SharedReads(Generic[K, V]):
    """Reads in a thread of their own, each for all who ask; whoever asks gets what was read after they asked.

    So many who ask at once cost one read, and none of them is told anything that was old when they asked.
    """

    def __init__(self, read: Callable[[frozenset[K]], Mapping[K, V]], name: str) -> None:
        """`read` finds the values of some keys, all that are asked for by then."""
        self._read = read
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._wanted: set[K] = set()
        self._next: Future[Mapping[K, V]] | None = None

    async def value(self, key: K) -> V:
        """What a read that begins from now on finds for `key`; raises what it raised."""
        # Shielded: one who gives up must not end it for the others.
        return (await asyncio.shield(asyncio.wrap_future(self._join(key))))[key]

    def close(self) -> None:
        self._threads.shutdown()

    def _join(self, key: K) -> Future[Mapping[K, V]]:
        with self._lock:
            self._wanted.add(key)
            if self._next is None:
                self._next = Future()
                self._threads.submit(self._run)
            return self._next

    def _run(self) -> None:
        with self._lock:
            run, self._next = self._next, None
            wanted, self._wanted = frozenset(self._wanted), set()
        assert run is not None
        try:
            run.set_result(self._read(wanted))
        except BaseException as error:  # it belongs to those who wait
            run.set_exception(error)
