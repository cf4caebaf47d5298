"""One command, one stream, one append; the same id twice, one set of events."""

from __future__ import annotations

import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from tenacity import Retrying

from api.platform import LOCAL_ACTOR, LOCAL_TENANT, Platform
from commands.bus import CommandBus
from commands.instruments import RegisterInstrument
from commands.message import Answer, Caller, Command, Refused
from commands.ppas import RegisterPpa
from commands.results import RecomputeResult
from commands.scenarios import DefineScenario, ReviseScenario
from tests.uncollected import count_of, no_collector
from write_model.scenarios import Scenario


def caller(command_id: UUID | None = None, tenant: str = LOCAL_TENANT) -> Caller:
    chosen = command_id or uuid4()
    return Caller(tenant, LOCAL_ACTOR, chosen, chosen, chosen)


def scenario(growth: float = 0.01) -> DefineScenario:
    return DefineScenario(name=f"s-{uuid4()}", growth_per_year=growth)


def send(platform: Platform, command: Command, command_id: UUID | None = None) -> Answer:
    return platform.bus.dispatch(command, caller(command_id))


def test_the_same_command_twice_is_one_event_and_one_answer(platform: Platform) -> None:
    command, command_id = scenario(), uuid4()
    first = send(platform, command, command_id)
    head = platform.log.head()
    assert send(platform, command, command_id) == first
    assert platform.log.head() == head
    assert first.status == "done"
    assert first.position == head


def test_the_same_id_with_another_body_is_refused_with_422(platform: Platform) -> None:
    command, command_id = scenario(), uuid4()
    send(platform, command, command_id)
    other = command.model_copy(update={"growth_per_year": 0.5})
    with pytest.raises(Refused, match="another body") as refused:
        send(platform, other, command_id)
    assert refused.value.status == 422


def test_eight_threads_with_one_command_id_append_once(platform: Platform) -> None:
    command, command_id = scenario(), uuid4()
    head = platform.log.head()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: send(platform, command, command_id), range(16)))
    assert len({answer.position for answer in answers}) == 1
    assert platform.log.head() == head + 1


def test_concurrent_revisions_are_all_decided_none_lost(platform: Platform) -> None:
    command = scenario()
    created = send(platform, command)
    growths = [round(0.02 + i / 100, 2) for i in range(12)]

    def revise(growth: float) -> Answer:
        return send(platform, ReviseScenario(name=command.name, growth_per_year=growth))

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(revise, growths))
    events = platform.log.stream(created.id).events
    assert len(events) == 1 + len(growths)
    assert {answer.position for answer in answers} == {event.position for event in events[1:]}
    assert [event.event.originator_version for event in events] == list(range(13))


def test_a_refusal_is_on_record_and_leaves_the_id_free(platform: Platform) -> None:
    command_id = uuid4()
    missing = ReviseScenario(name=f"s-{uuid4()}", growth_per_year=0.1)
    with pytest.raises(Refused, match="there is no scenario"):
        send(platform, missing, command_id)
    (refusal,) = platform.log.page(platform.log.head() - 1)
    assert refusal.name == "command.refused"
    assert refusal.metadata.status == "refused"
    assert refusal.metadata.command_id == command_id
    send(platform, DefineScenario(name=missing.name, growth_per_year=0.1))
    assert send(platform, missing, command_id).events[0]["name"] == "scenario.confirmed"


def test_what_another_tenant_has_does_not_exist(platform: Platform) -> None:
    created = send(platform, scenario())
    with pytest.raises(Refused) as refused:
        platform.bus.dispatch(RecomputeResult(result_id=created.id), caller(tenant="other"))
    assert refused.value.status == 404


def test_a_command_for_another_kind_of_thing_is_refused(platform: Platform) -> None:
    created = send(platform, scenario())
    with pytest.raises(Refused, match="not something that recompute-result applies to"):
        send(platform, RecomputeResult(result_id=created.id))


def test_metadata_tell_who_and_with_which_body(platform: Platform) -> None:
    command = RegisterInstrument(
        name=f"H-{uuid4()}", iso="PJM", node="N", node_type="HUB", market="DA", time_zone="America/New_York"
    )
    answer = send(platform, command)
    (event,) = platform.log.stream(answer.id).events
    assert (event.metadata.tenant, event.metadata.actor) == (LOCAL_TENANT, LOCAL_ACTOR)
    assert event.metadata.command == "register-instrument"
    assert event.metadata.body_sha256 == command.body_sha256()
    assert event.metadata.schema_version == 1


def test_a_late_retry_of_a_revision_that_changed_nothing_does_not_undo_a_newer_one(platform: Platform) -> None:
    command = scenario(0.05)
    send(platform, command)
    confirm, command_id = ReviseScenario(name=command.name, growth_per_year=0.05), uuid4()
    first = send(platform, confirm, command_id)
    newer = send(platform, ReviseScenario(name=command.name, growth_per_year=0.07))
    assert send(platform, confirm, command_id) == first
    assert platform.log.stream(first.id).position == newer.position


@pytest.mark.parametrize("text", ["a\x00b", "a\x1b[31m", "a\nb", "a\ud800"])
def test_text_that_no_table_can_store_is_refused_before_the_log(text: str) -> None:
    with pytest.raises(ValidationError, match="control character") as refused:
        DefineScenario(name=text, growth_per_year=0.1)
    assert [error["loc"] for error in refused.value.errors()] == [("name",)]


def test_a_control_character_deep_in_a_message_is_told_by_its_place() -> None:
    with pytest.raises(ValidationError) as refused:
        RegisterPpa.model_validate({"name": "w", "power_mw": [1.0, "1\x00"], "hub": "\x07", "\ud800": "\x00"})
    assert [error["loc"] for error in refused.value.errors()] == [("power_mw", 1), ("hub",), ()]


def test_commands_and_the_read_models_that_follow_leave_nothing_to_the_collector(platform: Platform) -> None:
    send(platform, scenario())
    platform.settled_position()
    with no_collector():
        before = count_of(Retrying)
        for _ in range(3):
            send(platform, scenario())
            platform.settled_position()
        assert count_of(Retrying) == before


def test_what_a_refused_command_had_read_is_let_go_of_at_once(platform: Platform) -> None:
    class Large:
        """Stands for the bytes of an upload."""

    kept: list[weakref.ref[Large]] = []

    def refusing(*_: object) -> Scenario:
        large = Large()
        kept.append(weakref.ref(large))
        raise Refused(f"{type(large).__name__} is too large", remedy="Split it.")

    handling = replace(platform.bus.registry[DefineScenario.command_name()], handle=refusing)
    bus = CommandBus({DefineScenario.command_name(): handling}, platform.log, platform.bus.tools)
    with no_collector():
        with pytest.raises(Refused):
            bus.dispatch(scenario(), caller())
        assert [each() for each in kept] == [None]
