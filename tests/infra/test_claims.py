"""Claims: one process at a time does a task, and another takes over when that one ends or dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infra.claims import Claims, claimed
from infra.event_recorder import Pool
from tests.e2e.program import wait_until


class Noted:
    """A task that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begin(self) -> None:
        self.told.append("begin")

    def end(self, *, is_lost: bool) -> None:
        self.told.append("lost" if is_lost else "end")


class Process:
    """Claims two tasks, as one of several processes does."""

    def __init__(self, dsn: str, *names: str) -> None:
        self.tasks = {name: Noted() for name in names or ("a", "b")}
        self.claims = Claims(dsn, self.tasks)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.claims.LOOK_EVERY_S", 0.05)


@contextmanager
def running(process: Process) -> Iterator[Process]:
    process.claims.start()
    try:
        yield process
    finally:
        process.claims.stop()


@pytest.mark.usefixtures("quick")
def test_a_standby_takes_over_what_is_given_up(dsn: str, pool: Pool) -> None:
    first, second = Process(dsn), Process(dsn)
    with running(second):
        with running(first):
            wait_until(lambda: first.claims.held | second.claims.held == {"a", "b"})
            assert not first.claims.held & second.claims.held
            assert claimed(pool, ["a", "b", "c"]) == {"a", "b"}
        wait_until(lambda: [task.told for task in second.tasks.values()] == [["begin"]] * 2)
        for name in ("a", "b"):
            assert first.tasks[name].told in ([], ["begin", "end"])
    assert claimed(pool, ["a", "b"]) == set()


@pytest.mark.usefixtures("quick")
def test_each_task_is_claimed_by_itself(dsn: str) -> None:
    with running(Process(dsn, "a")) as first:
        wait_until(lambda: first.claims.held == {"a"})
        with running(Process(dsn)) as second:
            wait_until(lambda: second.claims.held == {"b"})


@pytest.mark.usefixtures("quick")
def test_who_loses_its_session_ends_its_tasks_and_tries_again(dsn: str, pool: Pool) -> None:
    with running(Process(dsn)) as process:
        wait_until(lambda: len(process.claims.held) == 2)
        with pool.connection() as connection:
            connection.execute("""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = 'carbon254 claims' AND datname = current_database()""")
        wait_until(lambda: process.tasks["a"].told[-2:] == ["lost", "begin"])
        assert process.tasks["b"].told[1] == "lost"
