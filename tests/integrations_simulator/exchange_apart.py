"""Simulated markets in a process of their own, so that what they remember does not count as the platform's memory."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from integrations.isos.simulator.exchange import Exchange, Reply
from integrations.isos.simulator.faults import Injected, Wanted
from tests.integrations_simulator.markets import SteppedClock, world

T = TypeVar("T")


class ExchangeApart:
    """An `Exchange` by `clock`, as of each question, with faults at a rate as `world` has it. Close it."""

    def __init__(self, clock: SteppedClock, *, seed: int, rate: float, where: str) -> None:
        self._clock = clock
        context = multiprocessing.get_context("spawn")  # the embedded engine outlives no fork
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, clock.now(), seed, rate, where), name="simulated exchange", daemon=True
        )
        self._process.start()
        theirs.close()
        self.sources: tuple[str, ...] = self._ask(_sources)

    @property
    def journal(self) -> list[Injected]:
        return self._ask(_journal)

    def reply(self, source: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        return self._ask(Exchange.reply, source, path, dict(params), dict(headers))

    def set_rate(self, rate: float) -> None:
        self._ask(_set_rate, rate)

    def want(self, wanted: Wanted) -> None:
        """This one instead of those that were wanted before."""
        self._ask(_want, wanted)

    def close(self) -> None:
        """The end of the pipe ends the process."""
        self._pipe.close()
        self._process.join()

    def _ask(self, work: Callable[..., T], *arguments: Any) -> T:
        self._pipe.send((self._clock.now(), work, arguments))
        answer: T = self._pipe.recv()  # EOFError where the process has failed; it says why on stderr
        return answer


def _serve(pipe: Connection, start_utc: datetime, seed: int, rate: float, where: str) -> None:
    clock = SteppedClock(start_utc)
    exchange = world(clock, seed=seed, rate=rate, where=where)
    while True:
        try:
            now_utc, work, arguments = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        clock.move_to(now_utc)
        pipe.send(work(exchange, *arguments))


def _sources(exchange: Exchange) -> tuple[str, ...]:
    return exchange.sources


def _journal(exchange: Exchange) -> list[Injected]:
    return exchange.faults.journal


def _set_rate(exchange: Exchange, rate: float) -> None:
    exchange.faults.rate = rate


def _want(exchange: Exchange, wanted: Wanted) -> None:
    exchange.faults.wanted = [wanted]
