"""Rows and checkpoints of all relational read models are one transaction; what can't be applied is set aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace

from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from projections.audit import PROJECTION as AUDIT
from projections.projector import RelationalProjector
from projections.publications import PROJECTION as PUBLICATIONS
from projections.relational import RelationalProjection, shares
from projections.retries import StillFailing
from queries.audit import AuditFilter, list_audit
from queries.dead_letters import dead_letters
from queries.publications import list_publications
from read_models.batch import Batch, Row
from tests.projections.conftest import Publish, metadata
from write_model.scenarios import Assumptions, Scenario, scenario_id


class Note(Row):
    TABLE = "note"

    position: int
    text: str | None


NOTES = "CREATE TABLE IF NOT EXISTS note (position bigint PRIMARY KEY, text text NOT NULL);"


def noting(fail: Callable[[RecordedEvent], str | None]) -> RelationalProjection:
    """Writes a note for every event, or fails as `fail` says: in the handler, or only when its row is written."""

    def write(batch: Batch, recorded: RecordedEvent) -> None:
        failure = fail(recorded)
        if failure == "handler":
            raise ValueError("poison")
        batch.insert(Note(position=recorded.position, text=None if failure == "row" else "fine"))

    return RelationalProjection("notes", 1, NOTES, {}, every=write)


def failing_at(*positions: int, how: str = "handler") -> RelationalProjection:
    return noting(lambda recorded: how if recorded.position in positions else None)


def noted(pool: Pool) -> list[int]:
    with pool.connection() as connection:
        return [position for (position,) in connection.execute("SELECT position FROM note ORDER BY position")]


def audited(pool: Pool) -> list[Any]:
    return [entry["position"] for entry in list_audit(pool, "local").items]


def test_the_audit_log_tells_the_ids_of_every_event(pool: Pool, log: EventLog) -> None:
    projector = RelationalProjector(pool, log, [AUDIT])
    projector.load()
    own = metadata()
    asked = replace(metadata(), correlation_id=uuid4())
    caused = replace(asked, command_id=uuid4(), causation_id=asked.command_id)
    for number, each in enumerate((own, asked, caused)):
        stream = log.stream(scenario_id("local", str(number)))
        log.append(stream, Scenario.define(stream.id, str(number), Assumptions(0.0, 1.0)).collect_events(), each)
    projector.handle(log.page(0))
    entries = list_audit(pool, "local", sort="position").items
    told = [(entry["command_id"], entry["correlation_id"], entry["causation_id"]) for entry in entries]
    assert told == [(each.command_id, each.correlation_id, each.causation_id) for each in (own, asked, caused)]
    for each, positions in ((own, [1]), (asked, [2, 3])):
        together = list_audit(pool, "local", AuditFilter(correlation_id=each.correlation_id), sort="position").items
        assert [entry["position"] for entry in together] == positions


def test_each_projection_gets_the_events_that_it_takes_in_their_order(
    pool: Pool, log: EventLog, publish: Publish
) -> None:
    from projections.scenarios import PROJECTION as SCENARIOS

    for node in "AB":
        publish(node=node)
        stream = log.stream(scenario_id("local", node))
        log.append(stream, Scenario.define(stream.id, node, Assumptions(0.0, 1.0)).collect_events(), metadata())
    with pool.connection() as connection:
        connection.execute("UPDATE log.events SET name = 'no such event' WHERE position = 3")
    found = shares([AUDIT, PUBLICATIONS, SCENARIOS], log.page(0))
    assert [[recorded.position for recorded in share] for share in found] == [[1, 2, 3, 4], [1, 3], [2, 3, 4]]


def test_a_failing_event_leaves_nothing_of_its_batch(log: EventLog, publish: Publish, pool: Pool) -> None:
    projector = RelationalProjector(pool, log, [AUDIT, PUBLICATIONS, failing_at(2)])
    assert projector.load() == 0
    for node in "ABC":
        publish(node=node)
    with pytest.raises(ValueError, match="poison"):
        projector.handle(log.page(0))
    assert audited(pool) == []
    assert noted(pool) == []


def test_a_batch_done_again_writes_each_row_once(log: EventLog, publish: Publish, pool: Pool) -> None:
    projector = RelationalProjector(pool, log, [AUDIT, PUBLICATIONS])
    projector.load()
    for node in "ABC":
        publish(node=node)
    projector.handle(log.page(0))
    projector.handle(log.page(0))
    assert audited(pool) == [3, 2, 1]
    assert len(list_publications(pool).items) == 3


def test_a_new_projection_is_built_before_the_start_and_the_others_stay(
    log: EventLog, publish: Publish, pool: Pool
) -> None:
    first = RelationalProjector(pool, log, [AUDIT])
    first.load()
    publish()
    first.handle(log.page(0))
    publish()
    both = RelationalProjector(pool, log, [AUDIT, PUBLICATIONS])
    assert both.load() == 1, "the audit log has not seen the second event"
    both.handle(log.page(1))
    assert audited(pool) == [2, 1]
    assert len(list_publications(pool).items) == 2


def test_a_commit_whose_answer_was_lost_is_not_done_again(log: EventLog, publish: Publish, pool: Pool) -> None:
    """The rows are there, but the projector was never told: another object over the same tables stands for that."""
    first, second = RelationalProjector(pool, log, [AUDIT]), RelationalProjector(pool, log, [AUDIT])
    first.load()
    second.load()
    publish()
    first.handle(log.page(0))
    second.handle(log.page(0))
    assert audited(pool) == [1]


def test_rows_changed_in_and_across_batches_come_out_the_same(log: EventLog, pool: Pool) -> None:
    """A scenario defined and revised within one batch, and revised again in later ones."""
    from projections.scenarios import PROJECTION as SCENARIOS

    projector = RelationalProjector(pool, log, [SCENARIOS])
    projector.load()
    stream = log.stream(scenario_id("local", "base"))
    scenario = Scenario.define(stream.id, "base", Assumptions(0.0, 1.0))
    for number in range(1, 10):
        scenario.revise(Assumptions(number / 100, 1.0))
    events = log.append(stream, scenario.collect_events(), metadata()).events
    for start, end in ((0, 3), (3, 4), (4, 10)):
        projector.handle(events[start:end])
    with pool.connection() as connection:
        columns = "name, revision, growth_per_year, log_position, superseded_by"
        found = connection.execute(f"SELECT {columns} FROM scenario ORDER BY revision".encode()).fetchall()
    held = [("base", n, (n - 1) / 100, n, n + 1) for n in range(1, 10)]
    assert found == [*held, ("base", 10, 0.09, 10, None)]


@pytest.mark.parametrize("how", ["handler", "row"])
def test_events_that_fail_are_set_aside_and_all_others_go_on(
    log: EventLog, publish: Publish, pool: Pool, how: str
) -> None:
    projector = RelationalProjector(pool, log, [AUDIT, failing_at(2, 7, how=how)])
    projector.load()
    for number in range(8):
        publish(node=f"N{number}")
    events = log.page(0)
    projector.isolate(events)
    assert audited(pool) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert noted(pool) == [1, 3, 4, 5, 6, 8]
    found = dead_letters(pool)
    assert [(letter["projection"], letter["position"], letter["attempts"]) for letter in found] == [
        ("notes", 2, 3), ("notes", 7, 3),
    ]  # fmt: skip
    assert ("poison" if how == "handler" else "violates not-null constraint") in found[0]["reason"]


def test_later_events_of_its_stream_wait_behind_a_dead_letter_and_are_retried_in_order(
    log: EventLog, publish: Publish, pool: Pool
) -> None:
    broken = True
    notes = noting(lambda recorded: "handler" if broken and recorded.position == 2 else None)
    projector = RelationalProjector(pool, log, [AUDIT, notes])
    projector.load()
    publish(node="A")
    bad = publish(node="B")
    publish(node="C")
    projector.isolate(log.page(0))
    publish(node="B", again=bad)
    publish(node="D")
    projector.handle(log.page(3))
    assert noted(pool) == [1, 3, 5]
    assert [(letter["position"], letter["follows"]) for letter in dead_letters(pool)] == [(2, None), (4, 2)]
    still = projector.retry(notes, log)
    assert (still.succeeded, still.failing, still.waiting) == ([], [StillFailing(2, "ValueError: poison")], [4])
    assert [letter["attempts"] for letter in dead_letters(pool)] == [6, 0]
    broken = False
    assert projector.retry(notes, log).succeeded == [2, 4]
    assert noted(pool) == [1, 2, 3, 4, 5]
    assert dead_letters(pool) == []
    publish(node="B", again=bad)
    projector.handle(log.page(5))
    assert noted(pool) == [1, 2, 3, 4, 5, 6]


def test_a_fault_of_the_database_sets_nothing_aside(
    log: EventLog, publish: Publish, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    projector = RelationalProjector(pool, log, [AUDIT])
    projector.load()
    publish()

    def lost(*_: object) -> None:
        raise psycopg.OperationalError("the connection is lost")

    with monkeypatch.context() as patch:
        patch.setattr(Batch, "flush", lost)
        with pytest.raises(psycopg.OperationalError):
            projector.isolate(log.page(0))
    assert dead_letters(pool) == []
    projector.handle(log.page(0))
    assert audited(pool) == [1]


def test_a_rebuild_sets_the_same_events_aside(log: EventLog, publish: Publish, pool: Pool) -> None:
    notes = failing_at(2)
    projector = RelationalProjector(pool, log, [notes])
    projector.load()
    bad = [publish(node=node) for node in "AB"][1]
    publish(node="B", again=bad)
    projector.isolate(log.page(0))
    before = [(letter["position"], letter["follows"]) for letter in dead_letters(pool)]
    assert before == [(2, None), (3, 2)]
    projector.rebuild([notes], lambda position, of: None)
    assert noted(pool) == [1]
    assert [(letter["position"], letter["follows"]) for letter in dead_letters(pool)] == before
    assert projector.verify([notes], lambda position, of: None) == {"notes": []}
