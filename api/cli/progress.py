"""Showing what takes long: a bar on a terminal, else a line now and then, both with the time that is left."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.output import err
from infra.errors import PlatformError

LINE_EVERY_S = 5.0
T = TypeVar("T")


def follow(told: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Shows how far the work has come by its lines, and returns the last; raises PlatformError for a problem."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    last: dict[str, Any] = {}
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        tasks: dict[str, Any] = {}
        lines = _Lines()
        for last in told:
            if "of" in last:
                if last["name"] not in tasks:
                    tasks[last["name"]] = bars.add_task(last["name"], total=None)
                bars.update(tasks[last["name"]], completed=last["position"], total=last["of"])
                if not err.is_terminal:
                    lines.show(last["name"], last["position"], last["of"])
    if "problem" in last:
        raise PlatformError(last["problem"], last["remedy"])
    return last


def follow_work(work: Callable[[Callable[[str], Callable[[int, int], None]]], T]) -> T:
    """Does work in this process that tells how far it is, and shows that as `follow` does; raises what it raises."""
    told: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    result: Future[T] = Future()

    def report(name: str) -> Callable[[int, int], None]:
        return lambda position, of: told.put({"name": name, "position": position, "of": of})

    def run() -> None:
        try:
            result.set_result(work(report))
        except BaseException as error:
            result.set_exception(error)
        told.put(None)

    threading.Thread(target=run, name="followed-work", daemon=True).start()
    follow(iter(told.get, None))
    return result.result()


class _Lines:
    """Progress for a log: at most a line every few seconds."""

    def __init__(self) -> None:
        self._started: dict[str, tuple[float, int]] = {}
        self._shown = time.monotonic()

    def show(self, name: str, position: int, of: int) -> None:
        now = time.monotonic()
        started, first = self._started.setdefault(name, (now, position))
        if now - self._shown < LINE_EVERY_S or position <= first:
            return
        self._shown = now
        left_s = (now - started) / (position - first) * (of - position)
        err.print(f"{name}: {position:,} of {of:,}, {left_s:,.0f} s left")
