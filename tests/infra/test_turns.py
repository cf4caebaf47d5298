"""Turns: what is due is done by one process at a time, and by another one when that one dies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from infra.event_recorder import Pool
from infra.postgres import open_pool
from infra.turns import Task, Turns
from tests.e2e.program import wait_until

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SEVERAL = ("hourly", "daily")


@pytest.fixture
def turns(pool: Pool) -> Turns:
    made = Turns(pool)
    tasks = [Task("daily", "site", 86_400), Task("hourly", "site", 3_600), Task("elsewhere", "other site", 60)]
    made.prepare(tasks)
    made.prepare(tasks)
    return made


@pytest.fixture
def others(dsn: str) -> Iterator[Turns]:
    """As another process sees them."""
    pool = open_pool(dsn)
    yield Turns(pool)
    pool.close()


def test_what_is_due_is_taken_the_most_frequent_first(turns: Turns) -> None:
    done = []
    for _ in range(2):
        with turns.take("site", SEVERAL, NOW) as turn:
            assert turn
            done.append(turn.name)
            turn.due_at = NOW + timedelta(hours=1)
    assert done == ["hourly", "daily"]
    with turns.take("site", SEVERAL, NOW) as turn:
        assert turn is None
    with turns.take("site", ["hourly"], NOW + timedelta(hours=1)) as turn:
        assert turn
        assert turn.name == "hourly"


def test_one_process_at_a_time_uses_a_resource(turns: Turns, others: Turns) -> None:
    with turns.take("site", SEVERAL, NOW) as turn:
        assert turn
        with others.take("site", SEVERAL, NOW) as theirs:
            assert theirs is None
        with others.alone("site") as is_theirs:
            assert not is_theirs
        with others.take("other site", ["elsewhere"], NOW) as theirs:
            assert theirs
    with others.alone("site") as is_theirs:
        assert is_theirs


def test_what_failed_or_broke_off_stays_due(turns: Turns, others: Turns) -> None:
    with pytest.raises(ValueError, match="no answer"), turns.take("site", SEVERAL, NOW) as turn:  # noqa: PT012
        assert turn
        turn.due_at = NOW + timedelta(hours=1)
        raise ValueError("no answer")
    with others.take("site", SEVERAL, NOW) as turn:
        assert turn
        assert turn.name == "hourly"


def test_the_turn_of_a_process_that_dies_is_free_at_once(turns: Turns, others: Turns, pool: Pool) -> None:
    taken = turns.take("site", SEVERAL, NOW)
    assert taken.__enter__()
    with pool.connection() as connection:
        connection.execute("""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE state = 'idle in transaction' AND datname = current_database()""")
    wait_until(lambda: takes(others))  # the server needs a moment
    with pytest.raises(psycopg.OperationalError):
        taken.__exit__(None, None, None)


def test_how_it_fared_is_told_to_all(turns: Turns, others: Turns) -> None:
    with turns.take("site", SEVERAL, NOW) as turn:
        assert turn
        turn.due_at, turn.state = NOW + timedelta(hours=1), {"last_run_at": NOW, "failing_since": None}
    assert others.states() == {"hourly": {"last_run_at": str(NOW), "failing_since": None}}


def takes(turns: Turns) -> bool:
    with turns.take("site", SEVERAL, NOW) as turn:
        return turn is not None
