"""Messages of topics, by which followed curves are built again: hints, none of which is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from api.cli.connection import Connection
from api.curve_keeping import TOPICS, Messages, curve_keeper
from api.platform import Platform
from commands.curve_keeping import concerns_curves
from commands.message import Answer
from infra.broker import Received, Record
from infra.event_mapper import RecordedEvent
from infra.objects import Objects
from infra.set_aside import SetAside
from projections.topic_messages import INPUTS, TICKS, records_of, topic_of
from tests.api.following import builds, events, follow, following_desk
from tests.api.test_staleness import Desk
from write_model.entitlements import Entitlements
from write_model.followed_curves import FollowedCurve
from write_model.publications import Publication
from write_model.quotes import QuoteSheet
from write_model.scenarios import Scenario


@pytest.fixture
def desk(platform: Platform, api: Connection) -> Iterator[Desk]:
    with following_desk(platform, api) as made:
        yield made


def message(topic: str, recorded: RecordedEvent, objects: Objects, part: int = 0) -> tuple[str, Received]:
    assert topic_of(recorded) == topic
    return topic, Received(records_of(objects, recorded)[part], 0, 1)


def test_messages_of_the_topics_are_hints_where_to_look(platform: Platform, desk: Desk) -> None:
    taken = Messages(platform.log, curve_keeper(platform), SetAside(platform.pool))
    before = platform.log.head()
    desk.quote("2026-11-22T17:00:00Z", 44.0)
    desk.publish(41.0, again=desk.first)
    quotes, prices = events(platform, before)
    for topic, recorded in ((INPUTS, quotes), (TICKS, prices)) * 2:  # all of them come again
        taken.take(*message(topic, recorded, platform.objects))
    assert len(builds(platform, before)) == 1, "the first one found what the second one tells of, too"
    known = desk.publish(42.0, again=desk.first)
    (recorded,) = known.events[-1:]
    topic, received = message(TICKS, recorded, platform.objects)
    later = replace(received.record, headers={**received.record.headers, "message-id": f"{recorded.position}/2"})
    taken.take(topic, replace(received, record=later))
    assert len(builds(platform, before)) == 1, "a further part says no more than the first"


def test_the_topics_tell_of_all_that_concerns_curves(platform: Platform, api: Connection, desk: Desk) -> None:
    desk.quote("2026-11-23T17:00:00Z", 45.0)
    desk.publish(44.0, again=desk.first)
    desk.api.command("revise-scenario", {"name": desk.scenario, "growth_per_year": 0.04})
    follow(desk)
    api.command("grant-entitlement", {"tenant": "told", "iso": "PJM", "channels": ["api"]})
    concerning = {recorded.kind for recorded in events(platform) if concerns_curves(recorded)}
    assert concerning >= {
        QuoteSheet.Recorded, Publication.Ingested, Scenario.Revised, FollowedCurve.Followed,
        FollowedCurve.FollowedAgain, Entitlements.Granted,
    }  # fmt: skip
    for recorded in events(platform):
        assert (topic_of(recorded) in TOPICS) == concerns_curves(recorded), recorded.name


@pytest.mark.parametrize(
    ("message_id", "reason"),
    [
        (None, "its header message-id names no position of the log"),
        ("x/1", "its header message-id names no position of the log"),
        ("999999999999/1", "no event stands at position 999999999999 of the log"),
    ],
)
def test_what_names_no_event_is_set_aside(
    platform: Platform, api: Connection, message_id: str | None, reason: str
) -> None:
    set_aside = SetAside(platform.pool)
    set_aside.prepare()
    taken = Messages(platform.log, curve_keeper(platform), set_aside)
    headers = {} if message_id is None else {"message-id": message_id}
    for _ in range(2):
        taken.take(TICKS, Received(Record("a\0b", b"\xff", headers), 3, len(reason) + len(headers)))
    found = set_aside.recent()
    assert found
    assert (found.topic, found.partition, found.reason) == (TICKS, 3, reason)
    (finding,) = [
        f for f in api.run(api.request("GET", "/v1/doctor")).json()["findings"] if "set aside" in f["problem"]
    ]
    assert finding["problem"].startswith(f"{found.count} messages")
    assert reason in finding["problem"]


def test_an_engine_that_is_away_has_the_message_given_again(
    platform: Platform, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Messages(platform.log, curve_keeper(platform), SetAside(platform.pool))
    before = platform.log.head()
    desk.publish(43.0, again=desk.first)
    (recorded,) = events(platform, before)

    def away(*_: object) -> Answer:
        raise OSError("connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(platform.bus, "dispatch", away)
        with pytest.raises(OSError, match="refused"):
            taken.take(*message(TICKS, recorded, platform.objects))
    taken.take(*message(TICKS, recorded, platform.objects))
    assert len(builds(platform, before)) == 1
