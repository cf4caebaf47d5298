"""Scenarios and publications change; what they were before is kept, position by position."""

from __future__ import annotations

from typing import Any, cast
from uuid import uuid4

import pytest

from infra.event_recorder import Pool
from infra.event_store import EventLog, Stream
from projections.projector import RelationalProjector
from projections.publications import PROJECTION as PUBLICATIONS
from projections.scenarios import PROJECTION as SCENARIOS
from queries.operations import publication_counts
from queries.publications import coverage, list_publications, publication
from queries.relational import PageRequest
from queries.scenarios import list_scenarios, scenario
from queries.view import ReadView
from tests.projections.conftest import Publish, metadata
from write_model.base import Aggregate
from write_model.publications import Defect, Publication, Source
from write_model.scenarios import Assumptions, Scenario


def append(log: EventLog, aggregate: Aggregate) -> Stream:
    return log.append(log.stream(aggregate.id), aggregate.collect_events(), metadata())


@pytest.mark.parametrize(
    ("as_of", "growth", "revision"), [(1, 0.01, 1), (2, 0.02, 2), (3, 0.03, 3), (None, 0.03, 3), (99, 0.03, 3)]
)
def test_each_revision_of_a_scenario_can_be_read(
    log: EventLog, pool: Pool, as_of: int | None, growth: float, revision: int
) -> None:
    defined = Scenario.define(uuid4(), "base", Assumptions(0.01, 1.0))
    append(log, defined)
    for growth_per_year in (0.02, 0.03):
        defined.revise(Assumptions(growth_per_year, 1.0))
        append(log, defined)
    projector = RelationalProjector(pool, log, [SCENARIOS])
    projector.load()
    projector.handle(log.page(0))
    (listed,) = list_scenarios(pool, "local", PageRequest(as_of=as_of)).items
    assert (listed["growth_per_year"], listed["revision"]) == (growth, revision)
    found = scenario(pool, "local", defined.id, as_of)
    assert found is not None
    assert [r["growth_per_year"] for r in found.pop("revisions")] == [0.01, 0.02, 0.03][:revision]
    assert found == listed
    assert list_scenarios(pool, "local", PageRequest(as_of=0)).items == []
    assert scenario(pool, "another", defined.id) is None


def test_each_outcome_of_a_publication_can_be_read(log: EventLog, pool: Pool, publish: Publish) -> None:
    source = Source(("0" * 64,), ("f.csv",), "f.csv", 1, {})
    defect = Defect(reason="no header", file="f.csv", line=1, column=None)
    stream = append(log, Publication.ingest(uuid4(), source, defect))
    publish(hours=2, again=stream)
    publish(hours=3, again=stream)
    projector = RelationalProjector(pool, log, [PUBLICATIONS])
    projector.load()
    projector.handle(log.page(0))
    listed = {p: list_publications(pool, request=PageRequest(as_of=p)).items for p in (0, 1, 2, 3, None)}
    assert [(r["status"], r["row_count"]) for known in listed.values() for r in known] == [
        ("quarantined", None), ("ingested", 2), ("ingested", 3), ("ingested", 3),
    ]  # fmt: skip
    first, second = publication(pool, stream.id, 1), publication(pool, stream.id, 2)
    assert first is not None
    assert second is not None
    assert (first["reason"], second["reason"], first["raw_sha256"]) == ("no header", None, second["raw_sha256"])
    assert (first["readings"], second["readings"]) == ([], [{"log_position": 2, "superseded_by": None}])
    assert publication(pool, stream.id, 0) is None
    assert [r["row_count"] for p in (1, 2, 3) for r in coverage(pool, request=PageRequest(as_of=p)).items] == [2, 3]
    view = ReadView(pool, cast(Any, None))  # it asks the relational side only
    assert publication_counts(view) == [{"iso": "PJM", "status": "ingested", "publications": 1, "rows": 3}]
