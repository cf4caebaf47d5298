"""Locks over all processes on a database."""

from __future__ import annotations

import threading
import time

import pytest

from infra.database_locks import DatabaseLocks
from infra.errors import PlatformError
from infra.event_recorder import Pool
from infra.postgres import join_database, own_database
from tests.e2e.program import wait_until


def test_one_holds_a_lock_at_a_time(pool: Pool) -> None:
    """Two sessions stand for two processes, and two locks of one session for two threads."""
    first, second = DatabaseLocks(pool).named("a"), DatabaseLocks(pool).named("a")
    with first:
        assert not second.acquire(blocking=False)
        assert not first.acquire(blocking=False)
    assert second.acquire(blocking=False)
    second.release()


def test_whoever_waits_gets_it_when_it_is_free(pool: Pool) -> None:
    held, waiting = DatabaseLocks(pool).named("a"), DatabaseLocks(pool).named("a")
    order: list[str] = []

    def wait() -> None:
        with waiting:
            order.append("second")

    with held:
        waiter = threading.Thread(target=wait)
        waiter.start()
        time.sleep(0.1)
        order.append("first")
    waiter.join(60)
    assert order == ["first", "second"]


def test_locks_of_other_names_are_free_and_the_session_is_given_back(pool: Pool) -> None:
    locks = DatabaseLocks(pool)
    before = pool.get_stats()["pool_available"]
    with locks.named("a"), locks.named("b"):
        assert pool.get_stats()["pool_available"] == before - 1
    assert pool.get_stats()["pool_available"] == before


def test_a_session_that_is_lost_gives_its_locks_up_and_is_replaced(pool: Pool) -> None:
    lost, other = DatabaseLocks(pool), DatabaseLocks(pool)
    with lost.named("a"):
        with pool.connection() as connection:
            connection.execute("""SELECT pg_terminate_backend(pid) FROM pg_locks
                WHERE locktype = 'advisory' AND pid <> pg_backend_pid()""")
        time.sleep(0.1)
        with other.named("a"):
            pass
    with lost.named("a"):
        assert not other.named("a").acquire(blocking=False)


def test_one_process_and_many_refuse_each_other(dsn: str) -> None:
    leave = [join_database(dsn), join_database(dsn)]
    with pytest.raises(PlatformError, match="platform of many processes"):
        own_database(dsn)
    for each in leave:
        each()
    release = own_database(dsn)
    with pytest.raises(PlatformError, match="runs the whole platform"):
        join_database(dsn)
    release()
    join_database(dsn)()


def test_a_claim_on_the_database_outlasts_its_session(dsn: str, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the server is restarted."""
    monkeypatch.setattr("infra.postgres._LOOK_EVERY_S", 0.05)
    release = own_database(dsn)
    claims = "FROM pg_stat_activity WHERE application_name = 'carbon254 owner' AND datname = current_database()"
    with pool.connection() as connection:
        before = connection.execute(f"SELECT pid, pg_terminate_backend(pid) {claims}".encode()).fetchall()
    assert len(before) == 1

    def is_claimed_again() -> bool:
        with pool.connection() as connection:
            now = connection.execute(f"SELECT pid {claims}".encode()).fetchall()
        return bool(now) and now[0][0] != before[0][0]

    wait_until(is_claimed_again)
    wait_until(lambda: not joins(dsn))
    release()
    assert joins(dsn)


def joins(dsn: str) -> bool:
    try:
        join_database(dsn)()
    except PlatformError:
        return False
    return True
