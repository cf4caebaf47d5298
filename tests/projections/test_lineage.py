"""`pg.lineage` and `pg.lineage_node` tell of publications what their own rows say, and of the rest what is stored."""

from __future__ import annotations

import threading
from uuid import UUID, uuid4

import pytest

from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.objects import Objects
from projections.projector import RelationalProjector
from projections.registry import relational_projections
from projections.relational import RelationalProjection
from queries.lineage import lineage
from queries.reach import node_users
from queries.relational import Row, rows
from tests.projections.conftest import START, Publish, metadata
from write_model.publications import Defect, Publication, Reading, Source
from write_model.scenarios import Assumptions, Scenario

ONE, OTHER, ROWS = "1" * 64, "2" * 64, "3" * 64
READING = Reading(
    iso="PJM", market="DA", feed="da_hrl_lmps", vintage="final", parser="test", parser_version=1, rows_sha256=ROWS,
    rows_digest="d", row_count=5, gaps_sha256=None, gap_count=0, first_interval_start_utc=START,
    last_interval_end_utc=START, published_at=None,
)  # fmt: skip


@pytest.fixture
def projector(pool: Pool, log: EventLog, objects: Objects) -> RelationalProjector:
    made = RelationalProjector(pool, log, relational_projections(objects))
    made.load()
    return made


def named(projector: RelationalProjector, name: str) -> RelationalProjection:
    return next(projection for projection in projector.projections if projection.name == name)


def quiet(position: int, of: int) -> None: ...


def publish(log: EventLog, names: tuple[str, ...], raw: tuple[str, ...], *outcomes: Reading | Defect) -> UUID:
    """A publication that came to one outcome after the other."""
    first, *later = outcomes
    publication = Publication.ingest(uuid4(), Source(raw, names, "a.zip", 9, {}), first)
    for outcome in later:
        publication.read_again(outcome)
    log.append(log.stream(publication.id), publication.collect_events(), metadata())
    return publication.id


def edges(pool: Pool) -> list[tuple[str, int, str, str]]:
    found = rows(pool, "SELECT child, child_position, parent, role FROM lineage ORDER BY 2, 4, 3", {})
    return [(row["child"], row["child_position"], row["parent"], row["role"]) for row in found]


def nodes(pool: Pool) -> list[Row]:
    return rows(pool, "SELECT * FROM lineage_node ORDER BY id, position", {})


@pytest.mark.parametrize("batch", [1, 10])
def test_each_outcome_of_a_publication_was_made_from_all_its_parts(
    log: EventLog, pool: Pool, projector: RelationalProjector, batch: int
) -> None:
    defect = Defect("no header", "one.csv", 1, None)
    other = Defect("no date", "one.csv", 2, None)
    names = ("one.csv", "other.csv", "again.csv")
    child = str(publish(log, names, (ONE, OTHER, ONE), defect, other, READING))
    for after in range(0, 3, batch):
        projector.handle(log.page(after, batch))
    raw = [(child, position, parent, "raw bytes") for position in (1, 2, 3) for parent in (ONE, OTHER)]
    assert edges(pool) == [*raw, (child, 3, ROWS, "rows")]
    assert [(n["id"], n["position"], n["tenant"], n["kind"], n["label"]) for n in nodes(pool)] == sorted(
        [
            (ONE, 0, None, "object:raw", "one.csv"),
            (OTHER, 0, None, "object:raw", "other.csv"),
            (ROWS, 0, None, "object:rows", "Parquet"),
            *((child, position, "local", "publication", ", ".join(names)) for position in (1, 2, 3)),
        ]
    )
    details = {node["position"]: node["details"] for node in nodes(pool) if node["position"]}
    assert [(d["event"], d.get("parser")) for d in details.values()] == [
        ("publication.quarantined", None), ("publication.found_unreadable", None), ("publication.reread", "test"),
    ]  # fmt: skip
    graph = lineage(pool, "local", OTHER, "downstream")
    assert graph is not None
    assert {(node["id"], node["position"]) for node in graph["nodes"]} == {
        (OTHER, 0), (child, 1), (child, 2), (child, 3),
    }  # fmt: skip
    assert lineage(pool, "another", OTHER) is None
    assert lineage(pool, "another", OTHER, entitled=["PJM"]) is not None
    assert node_users(pool, OTHER) == [{"tenant": "local", "iso": "PJM"}]
    assert projector.verify(projector.projections, quiet) == {p.name: [] for p in projector.projections}


def test_the_first_publication_labels_bytes_that_several_have(
    log: EventLog, pool: Pool, projector: RelationalProjector
) -> None:
    publish(log, ("first.csv",), (ONE,), READING)
    publish(log, ("second.csv",), (ONE,), READING)
    projector.handle(log.page(0))
    assert [n["label"] for n in nodes(pool) if n["position"] == 0] == ["first.csv", "Parquet"]


def test_views_are_of_the_tables_that_a_rebuild_put_in_place(
    log: EventLog, pool: Pool, projector: RelationalProjector, publish: Publish
) -> None:
    publish()
    scenario = Scenario.define(uuid4(), "base", Assumptions(0.01, 1.0))
    log.append(log.stream(scenario.id), scenario.collect_events(), metadata())
    projector.handle(log.page(0))
    before = nodes(pool), edges(pool)
    assert {node["kind"] for node in before[0]} == {"publication", "object:raw", "object:rows", "scenario"}
    for name in ("publications", "audit", "lineage"):
        projector.rebuild([named(projector, name)], quiet)
        publish()
        projector.handle(log.page(log.head() - 1))
        assert len(nodes(pool)) == len(before[0]) + 2, name  # all share their rows
        before = nodes(pool), edges(pool)
    rebuilt = projector.rebuild(projector.projections, quiet)
    assert (rebuilt, nodes(pool), edges(pool)) == (log.head(), *before)


def test_views_take_the_names_that_tables_of_an_earlier_version_had(
    log: EventLog, pool: Pool, objects: Objects
) -> None:
    publish(log, ("one.csv",), (ONE,), READING)
    with pool.connection() as connection:
        connection.execute("CREATE SCHEMA pg")
        connection.execute("CREATE TABLE pg.lineage (child text); CREATE TABLE pg.lineage_node (id text)")
    assert RelationalProjector(pool, log, relational_projections(objects)).load() == 1
    assert [parent for _, _, parent, _ in edges(pool)] == [ONE, ROWS]


def test_no_question_fails_while_the_tables_below_the_views_are_exchanged(
    log: EventLog, pool: Pool, projector: RelationalProjector
) -> None:
    publish(log, ("one.csv", "other.csv"), (ONE, OTHER), READING)
    projector.handle(log.page(0))
    done, answers, failures = threading.Event(), set[int](), list[BaseException]()

    def ask() -> None:
        try:
            while not done.is_set():
                graph = lineage(pool, "local", OTHER, "downstream")
                answers.add(len(graph["nodes"]) if graph else 0)
                assert node_users(pool, ONE)
        except BaseException as error:
            failures.append(error)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for name in ("publications", "audit", "lineage", "publications"):
        projector.rebuild([named(projector, name)], quiet)
    done.set()
    for asker in askers:
        asker.join()
    assert (failures, answers) == ([], {2})
