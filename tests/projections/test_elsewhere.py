"""Subscriptions that another process runs, or that this one runs only while it has claimed them."""

from __future__ import annotations

import threading
import time

import pytest

from infra.errors import PlatformError
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.objects import Objects
from infra.subscriptions import ReadTooEarly, Subscription
from projections.audit import PROJECTION as AUDIT
from projections.elsewhere import ClaimedSubscription, FollowedElsewhere, await_read_models
from projections.projector import RelationalProjector
from tests.e2e.program import wait_until
from tests.infra.test_event_store import define

VERSIONS = {AUDIT.name: AUDIT.version}


@pytest.fixture
def projector(pool: Pool, log: EventLog) -> RelationalProjector:
    made = RelationalProjector(pool, log, [AUDIT])
    made.load()
    return made


@pytest.fixture
def elsewhere(pool: Pool, projector: RelationalProjector) -> FollowedElsewhere:
    return FollowedElsewhere("relational", pool, VERSIONS)


def test_its_checkpoint_is_the_projectors(
    elsewhere: FollowedElsewhere, projector: RelationalProjector, log: EventLog
) -> None:
    define(log, events=3)
    with pytest.raises(ReadTooEarly, match="stands at position 0, not yet at 3: no projector runs it"):
        elsewhere.wait_for(3, patience_s=0.1)
    projector.handle(log.page(0))
    elsewhere.wait_for(3, patience_s=0.1)
    assert elsewhere.checkpoint == 3


def test_who_waits_is_told_as_soon_as_it_is_there(
    elsewhere: FollowedElsewhere, projector: RelationalProjector, log: EventLog
) -> None:
    define(log, events=3)
    later = threading.Timer(0.3, lambda: projector.handle(log.page(0)))
    later.start()
    started = time.monotonic()
    elsewhere.wait_for(3, patience_s=60)
    later.join()
    assert time.monotonic() - started < 30


def test_a_read_model_of_another_version_does_not_count(
    projector: RelationalProjector, log: EventLog, pool: Pool
) -> None:
    define(log, events=3)
    projector.handle(log.page(0))
    other = FollowedElsewhere("relational", pool, {AUDIT.name: AUDIT.version + 1})
    assert other.checkpoint == 0


def test_two_projectors_that_both_think_themselves_in_charge_double_nothing(
    projector: RelationalProjector, log: EventLog, pool: Pool, objects: Objects
) -> None:
    """Each hands the same batches to the same tables, side by side."""
    for _ in range(10):
        define(log, events=3)
    other = RelationalProjector(pool, log, [AUDIT])

    def follow(one: RelationalProjector) -> None:
        for after in range(0, 30, 5):
            one.handle(log.page(after, 5))

    threads = [threading.Thread(target=follow, args=(each,)) for each in (projector, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pool.connection() as connection:
        assert connection.execute("SELECT count(*), max(position) FROM audit_log").fetchone() == (30, 30)
    assert projector.verify([AUDIT], lambda *_: None) == {AUDIT.name: []}


def test_a_claimed_one_is_run_here_until_it_is_given_up(
    elsewhere: FollowedElsewhere, projector: RelationalProjector, log: EventLog
) -> None:
    claimed = ClaimedSubscription(lambda: Subscription("relational", log, projector.load, projector.handle), elsewhere)
    assert claimed.trouble == "no projector runs it"
    define(log, events=3)
    for _ in range(2):  # it may be claimed once more
        claimed.begin()
        claimed.wait_for(log.head(), patience_s=60)
        assert claimed.checkpoint == log.head()
        claimed.end(is_lost=False)
        define(log, events=1)
    assert claimed.checkpoint == log.head() - 1


def test_one_that_cannot_be_started_says_why_and_is_tried_again(
    elsewhere: FollowedElsewhere, projector: RelationalProjector, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.elsewhere._START_AGAIN_S", 0.05)
    failures = [ConnectionError("the database is away")]

    def load() -> int:
        if failures:
            raise failures[0]
        return projector.load()

    claimed = ClaimedSubscription(lambda: Subscription("relational", log, load, projector.handle), elsewhere)
    define(log, events=3)
    claimed.begin()
    try:
        wait_until(lambda: "the database is away" in str(claimed.trouble))
        failures.clear()
        claimed.wait_for(3, patience_s=60)
        wait_until(lambda: claimed.trouble is None)
    finally:
        claimed.end(is_lost=False)


def test_without_a_projector_a_start_says_what_is_missing(pool: Pool, projector: RelationalProjector) -> None:
    await_read_models(pool, [AUDIT.name], patience_s=0)
    with pytest.raises(PlatformError, match="not there: curves"):
        await_read_models(pool, [AUDIT.name, "curves"], patience_s=0)
