"""Rows and checkpoints of all relational read models are one transaction."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from projections.audit import PROJECTION as AUDIT
from projections.publications import PROJECTION as PUBLICATIONS
from projections.relational import RelationalProjection, RelationalProjector
from queries.audit import list_audit
from queries.publications import list_publications
from read_models.batch import Batch
from tests.projections.conftest import Publish


def failing_at(position: int) -> Callable[[Batch, RecordedEvent], None]:
    def write(_: Batch, recorded: RecordedEvent) -> None:
        if recorded.position == position:
            raise ValueError("poison")

    return write


def test_a_failing_event_leaves_nothing_of_its_batch(log: EventLog, publish: Publish, pool: Pool) -> None:
    for node in "ABC":
        publish(node=node)
    poisoned = RelationalProjection("poisoned", 1, "", {}, every=failing_at(2))
    projector = RelationalProjector(pool, [AUDIT, PUBLICATIONS, poisoned])
    assert projector.load() == 0
    with pytest.raises(ValueError, match="poison"):
        projector.handle(log.page(0))
    assert list_audit(pool, "local").items == []
    assert projector.load() == 0


def test_a_batch_done_again_writes_each_row_once(log: EventLog, publish: Publish, pool: Pool) -> None:
    for node in "ABC":
        publish(node=node)
    projector = RelationalProjector(pool, [AUDIT, PUBLICATIONS])
    projector.load()
    projector.handle(log.page(0))
    projector.handle(log.page(0))
    assert [entry["position"] for entry in list_audit(pool, "local").items] == [3, 2, 1]
    assert len(list_publications(pool).items) == 3


def test_a_new_projection_catches_up_while_the_others_stand(log: EventLog, publish: Publish, pool: Pool) -> None:
    publish()
    first = RelationalProjector(pool, [AUDIT])
    first.load()
    first.handle(log.page(0))
    both = RelationalProjector(pool, [AUDIT, PUBLICATIONS])
    assert both.load() == 0
    both.handle(log.page(0))
    assert len(list_audit(pool, "local").items) == 1
    assert len(list_publications(pool).items) == 1
    assert both.load() == 1


def test_a_commit_whose_answer_was_lost_is_not_done_again(log: EventLog, publish: Publish, pool: Pool) -> None:
    """The rows are there, but the projector was never told: another object over the same tables stands for that."""
    publish()
    first, second = RelationalProjector(pool, [AUDIT]), RelationalProjector(pool, [AUDIT])
    first.load()
    second.load()
    first.handle(log.page(0))
    second.handle(log.page(0))
    assert len(list_audit(pool, "local").items) == 1
