"""Reads that are shared: many who ask at once cost one, and nobody is told what was read before they asked."""

from __future__ import annotations

import asyncio
import threading

import pytest

from infra.shared_work import SharedReads


def test_nobody_is_told_what_was_read_before_they_asked() -> None:
    began, go_on = threading.Event(), threading.Event()
    runs: list[frozenset[str]] = []

    def read(keys: frozenset[str]) -> dict[str, int]:
        runs.append(keys)
        number = len(runs)
        if number == 1:
            began.set()
            go_on.wait(60)
        return dict.fromkeys(keys, number)

    async def ask() -> list[int]:
        reads: SharedReads[str, int] = SharedReads(read, "test")
        first = asyncio.create_task(reads.value("a"))
        await asyncio.to_thread(began.wait, 60)
        late = [asyncio.create_task(reads.value(key)) for key in "abb"]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in late), "the first read began before they asked"
        go_on.set()
        found = await asyncio.gather(first, *late)
        reads.close()
        return found

    assert asyncio.run(ask()) == [1, 2, 2, 2]
    assert runs == [frozenset("a"), frozenset("ab")]


def test_what_a_read_raises_is_raised_to_those_who_wait_for_it() -> None:
    def read(_: frozenset[str]) -> dict[str, int]:
        raise OSError("away")

    async def ask() -> None:
        reads: SharedReads[str, int] = SharedReads(read, "test")
        for _ in range(2):
            with pytest.raises(OSError, match="away"):
                await reads.value("a")
        reads.close()

    asyncio.run(ask())
