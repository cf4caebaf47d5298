"""The event log on EventStoreDB, where it differs from the one on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError

from infra.errors import EventStoreError
from infra.event_store import EventLog
from infra.kurrent_client import KurrentDBClient, NewEvent, StreamState, address, open_kurrent
from infra.kurrent_recorder import KurrentRecorder
from infra.log_verification import verify_log
from infra.sealing import Sealer
from infra.seals import Seals
from tests.infra.test_event_recorders import STREAM, event
from tests.infra.test_event_store import define
from tests.plugins_log import SEAL_KEY
from tests.services.kurrentdb import KurrentStandIn


@pytest.fixture
def log(kurrent_recorder: KurrentRecorder) -> EventLog:
    return EventLog(kurrent_recorder)


def test_events_of_other_people_are_none_of_ours(
    log: EventLog, kurrent_recorder: KurrentRecorder, kurrent_client: KurrentDBClient
) -> None:
    """Neither their streams nor their logs are seen, whatever their events are named."""
    others = EventLog(KurrentRecorder(kurrent_client, f"test{uuid4().hex}"))
    for _ in range(2):
        theirs = NewEvent(type="scenario.defined", data=b"{}")
        kurrent_client.append_events(f"sales-{uuid4()}", events=[theirs], current_version=StreamState.ANY)
        define(others)
        define(log, events=2)
    positions = [e.position for e in log.read()]
    assert len(positions) == log.count() == 4
    assert others.count() == 2
    assert log.head() == positions[-1]
    assert [e.position for e in log.named(["scenario.defined"], after=0, through=log.head())] == positions[::2]
    assert kurrent_recorder.log_id() != others.recorder.log_id()


def test_the_very_same_events_get_their_positions_again(kurrent_recorder: KurrentRecorder) -> None:
    """An answer that was lost on its way: who sends the same bytes again is told the same."""
    positions = kurrent_recorder.insert_events([event(0), event(1)])
    kurrent_recorder.insert_events([event(2)])
    assert kurrent_recorder.insert_events([event(0), event(1)]) == positions
    with pytest.raises(IntegrityError):
        kurrent_recorder.insert_events([event(1), event(2, "another.happened")])
    assert len(kurrent_recorder.select_events(STREAM)) == 3


def test_one_append_goes_to_one_stream(kurrent_recorder: KurrentRecorder) -> None:
    with pytest.raises(ValueError, match="one append goes to one stream"):
        kurrent_recorder.insert_events([event(0), event(0, stream=uuid4())])
    with pytest.raises(IntegrityError):
        kurrent_recorder.insert_events([event(0), event(2)])
    assert kurrent_recorder.max_notification_id() is None


@pytest.fixture
def sealer(log: EventLog, seals: Seals) -> Sealer:
    return Sealer(log, seals, lambda: datetime.now(UTC))


def test_seals_vouch_for_the_log_by_ordinals(log: EventLog, seals: Seals, sealer: Sealer) -> None:
    define(log, events=600)
    assert sealer.seal_pending() == 600
    define(log, events=600)
    assert Sealer(EventLog(log.recorder), seals, lambda: datetime.now(UTC)).seal_pending() == 600
    define(log)
    found = verify_log(log, seals)
    assert found.difference is None
    assert (found.events, found.sealed_events, found.unsealed_events, found.seals) == (1201, 1200, 1, 2)


def test_a_log_that_was_replaced_is_seen(
    log: EventLog, seals: Seals, sealer: Sealer, kurrent_client: KurrentDBClient
) -> None:
    """As the store keeps no count of its own, only the seals tell of it."""
    for _ in range(3):
        define(log)
    sealer.seal_pending()
    other = EventLog(KurrentRecorder(kurrent_client, f"test{uuid4().hex}"))
    first, second, _ = log.read()
    other.recorder.insert_events([first.stored])
    cut_off = verify_log(other, seals).difference
    assert cut_off is not None
    assert (cut_off.kind, cut_off.stream_id) == ("cut off", second.stream_id)
    added = define(other)
    replaced = verify_log(other, seals).difference
    assert replaced is not None
    assert (replaced.kind, replaced.position) == ("missing", added.position)


def test_a_broken_chain_is_named_without_any_seal(kurrent_recorder: KurrentRecorder, tmp_path: Path) -> None:
    log = EventLog(kurrent_recorder)
    one = define(log, events=2)
    other = define(log)
    # An event of another stream, put behind this one's end, carries the wrong hash.
    forged = [e.stored for e in one.events][1]
    fields = {"originator_id": other.id, "originator_version": 1, "topic": forged.topic, "state": forged.state}
    (position,) = kurrent_recorder.insert_events([type(forged)(**fields, metadata=forged.metadata)])  # type: ignore[arg-type]
    found = verify_log(log, Seals(tmp_path / "none", SEAL_KEY)).difference
    assert found is not None
    assert (found.kind, found.position, found.stream_id) == ("broken chain", position, other.id)


@pytest.mark.parametrize("scheme", ["esdb", "kurrentdb", "kdb"])
def test_a_store_is_found_by_each_kind_of_address(scheme: str, kurrent_uri: str) -> None:
    """Also by the later names, which the older client does not know."""
    client = open_kurrent(f"{scheme}://{kurrent_uri.partition('://')[2]}")
    assert client.get_commit_position() > 0
    client.close()
    assert address("kurrentdb+discover://a:1,b:2?tls=false") == "esdb+discover://a:1,b:2?tls=false"


def test_a_store_that_does_not_answer_is_named_without_the_password() -> None:
    server = KurrentStandIn()
    client = open_kurrent(server.uri)
    recorder = KurrentRecorder(client)
    recorder.insert_events([event(0)])
    server.stop()
    for ask in (recorder.max_notification_id, lambda: recorder.insert_events([event(1)])):
        with pytest.raises(EventStoreError, match="EventStoreDB could not"):
            ask()
    client.close()
    with pytest.raises(EventStoreError) as refused:
        open_kurrent(server.uri.replace("esdb://", "esdb://admin:changeit@"))
    assert "changeit" not in str(refused.value)
    with pytest.raises(EventStoreError, match="EVENTSTOREDB_URI"):
        open_kurrent("esdb://admin:changeit@?tls=perhaps")
