"""A long build is filled by several processes: the rows are those that one would write, and a failure is told."""

from __future__ import annotations

import threading
from dataclasses import replace
from uuid import uuid4

import pytest
from psycopg import sql

from infra.errors import PlatformError
from infra.event_mapper import LoggedEvent, encode
from infra.event_recorder import Pool, PostgresRecorder, Share
from infra.event_store import EventLog
from infra.objects import Objects
from projections import building
from projections.audit import PROJECTION as AUDIT
from projections.building import Building
from projections.filling import Span, Tables, fill
from projections.filling_process import FillingProcess, names_to_share
from projections.projector import BUILDING, RelationalProjector
from projections.publications import PROJECTION as PUBLICATIONS
from projections.quality import PROJECTION as QUALITY
from projections.registry import relational_projections
from projections.relational import RelationalProjection, names_of_no_use
from queries.dead_letters import dead_letters
from tests.e2e.program import wait_until
from tests.generated_log import fill_log
from tests.projections.conftest import metadata
from write_model.publications import Defect, Publication, Source
from write_model.scenarios import Assumptions, Scenario

EVENTS = 400
SHARE = Share(("publication.ingested",), 0, 1)
# Positions of what can't be decoded: a publication, a scenario, and what nobody knows.
PUBLICATION, SCENARIO, UNKNOWN = EVENTS + 1, EVENTS + 2, EVENTS + 3


def damaged() -> list[LoggedEvent]:
    source, defect = Source(("a" * 64,), ("f.csv",), "f.csv", 1, {}), Defect("line 3", "f.csv", 3, None)
    (publication,) = Publication.ingest(uuid4(), source, defect).collect_events()
    (scenario,) = Scenario.define(uuid4(), "s", Assumptions(0.0, 1.0)).collect_events()
    stored = [encode(event, metadata()) for event in (publication, scenario)]
    return [replace(event, state=b"{}") for event in stored]


def nobodys_event() -> LoggedEvent:
    (scenario,) = Scenario.define(uuid4(), "s", Assumptions(0.0, 1.0)).collect_events()
    return replace(encode(scenario, metadata()), topic="nobodys.event")


@pytest.fixture
def long_log(log: EventLog, objects: Objects, monkeypatch: pytest.MonkeyPatch) -> EventLog:
    """A log that is built by several processes, with events that can't be decoded near its end."""
    fill_log(log, objects, EVENTS)
    log.recorder.insert_events(damaged())
    monkeypatch.setattr(building, "_WORTH_PROCESSES", EVENTS // 2)
    return log


def content(pool: Pool, built: Building) -> dict[str, list[str]]:
    """Every row of every table as text."""
    tables = ["dead_letter", *(table for projection in built.projections for table in projection.table_names)]
    query = sql.SQL("SELECT to_jsonb(t) - 'first_failed_at' - 'last_failed_at' FROM {} t ORDER BY 1")
    with pool.connection() as connection:
        return {
            table: [str(row) for row in connection.execute(query.format(sql.Identifier(built.schema, table)))]
            for table in tables
        }


def built(pool: Pool, log: EventLog, objects: Objects, schema: str) -> Building:
    found = Building(pool, log, relational_projections(objects), schema)
    found.start()
    found.advance(log.head(), lambda position, of: None)
    found.finish()
    return found


def test_several_processes_write_the_rows_that_one_would(
    pool: Pool, long_log: EventLog, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Share] = []

    class Counted(FillingProcess):
        def __init__(
            self, dsn: str, projections: list[RelationalProjection], tables: Tables, span: Span, share: Share
        ) -> None:
            started.append(share)
            super().__init__(dsn, projections, tables, span, share)

    monkeypatch.setattr(building, "FillingProcess", Counted)
    in_several = built(pool, long_log, objects, "several")
    assert [(share.number, share.of) for share in started] == [(0, 2), (1, 2)]
    assert {"publication.ingested", "command.refused"} <= {*started[0].names}
    # Of these, others write what depends on what came before.
    assert not {"scenario.defined", "feed_fetch.fetched"} & {*started[0].names}
    monkeypatch.setattr(building, "_WORTH_PROCESSES", 10 * EVENTS)
    in_one = built(pool, long_log, objects, "one")
    assert len(started) == 2
    assert in_several.position == in_one.position == long_log.head()
    by_several = content(pool, in_several)
    assert by_several == content(pool, in_one)
    assert {len(by_several[table]) > EVENTS / 4 for table in ("audit_log", "publication", "data_quality")} == {True}


def test_what_comes_behind_an_event_that_nobody_knows_waits_for_it(
    pool: Pool, log: EventLog, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a log of a newer version: a process that applies later events of the stream alone would not know."""
    fill_log(log, objects, EVENTS)
    source, defect = Source(("a" * 64,), ("f.csv",), "f.csv", 1, {}), Defect("line 3", "f.csv", 3, None)
    publication = Publication.ingest(uuid4(), source, defect)
    publication.read_again(Defect("line 4", "f.csv", 4, None))
    first, last = (encode(event, metadata()) for event in publication.collect_events())
    nobodys = replace(first, originator_version=last.originator_version, topic="publication.annotated")
    last = replace(last, originator_version=last.originator_version + 1)
    log.recorder.insert_events([first, nobodys, last])
    monkeypatch.setattr(building, "_WORTH_PROCESSES", EVENTS // 2)
    in_several = content(pool, built(pool, log, objects, "several"))
    monkeypatch.setattr(building, "_WORTH_PROCESSES", 10 * EVENTS)
    assert in_several == content(pool, built(pool, log, objects, "one"))
    assert len([row for row in in_several["dead_letter"] if str(first.originator_id) in row]) > 1


def test_the_audit_alone_has_every_event(pool: Pool, long_log: EventLog) -> None:
    """None is left for the process that knows all kinds because it has loaded everything."""
    audit = Building(pool, long_log, [AUDIT], "audit_alone")
    audit.start()
    audit.advance(long_log.head(), lambda position, of: None)
    rows = content(pool, audit)
    assert len(rows["audit_log"]) == EVENTS
    assert len(rows["dead_letter"]) == long_log.head() - EVENTS, "only those that nobody can decode"


def test_each_event_falls_to_one_share_and_those_of_a_stream_to_the_same(pool: Pool, long_log: EventLog) -> None:
    recorder, names = PostgresRecorder(pool), names_to_share([PUBLICATIONS])
    shares = [recorder.select_share(0, 2 * EVENTS, Share(names, number, 2)) for number in (0, 1)]
    one, other = ({stream for _, stream, *_ in share} for share in shares)
    assert not one & other
    assert min(len(one), len(other)) > EVENTS / 8
    read = {recorded.position for recorded in long_log.page(0, 2 * EVENTS) if recorded.name in names}
    assert {position for share in shares for position, *_ in share} == read
    assert [position for position, *_ in shares[0]] == sorted(position for position, *_ in shares[0])


def test_a_row_that_another_process_puts_at_the_same_time_is_put_once(
    pool: Pool, log: EventLog, objects: Objects
) -> None:
    """As of a feed whose first publications fall to two processes."""
    fill_log(log, objects, 20)
    one, other, *_ = ([recorded] for recorded in log.page(0) if recorded.name == "publication.ingested")
    beside = Building(pool, log, [QUALITY], BUILDING)
    beside.start()
    tables = Tables(BUILDING)

    def fill_other() -> None:
        list(fill(pool, lambda after, _: other if after == 0 else [], [QUALITY], tables, Span(0, log.head())))

    waiting = threading.Thread(target=fill_other)
    with tables.transaction(pool) as connection, connection.cursor() as cursor:
        QUALITY.apply(cursor, one)
        waiting.start()
        wait_until(lambda: _somebody_waits_for_a_lock(pool))
    waiting.join()
    found = content(pool, beside)
    assert (len(found["data_quality"]), len(found["data_quality_feed"]), found["dead_letter"]) == (2, 1, [])
    beside.drop()


def _somebody_waits_for_a_lock(pool: Pool) -> bool:
    with pool.connection() as connection:
        return connection.execute("SELECT FROM pg_locks WHERE NOT granted").fetchone() is not None


def test_only_events_that_a_projection_takes_are_read_for_it_and_what_nobody_knows(long_log: EventLog) -> None:
    long_log.recorder.insert_events([nobodys_event()])
    without = names_of_no_use([PUBLICATIONS])
    read = {recorded.name for recorded in long_log.page(0, 2 * EVENTS, without)}
    assert read == {"publication.ingested", "publication.reread", "publication.quarantined", "nobodys.event"}
    assert "publication.found_unreadable" not in without
    assert names_of_no_use([AUDIT]) == ()


def test_an_event_that_cannot_be_decoded_concerns_those_who_take_its_kind(
    pool: Pool, long_log: EventLog, objects: Objects
) -> None:
    long_log.recorder.insert_events([nobodys_event()])
    projector = RelationalProjector(pool, long_log, relational_projections(objects))
    projector.load()
    projector.isolate(long_log.page(0))
    by_position: dict[int, set[str]] = {}
    for letter in dead_letters(pool):
        by_position.setdefault(letter["position"], set()).add(letter["projection"])
    assert by_position == {
        PUBLICATION: {"audit", "publications", "quality"},
        SCENARIO: {"audit", "lineage", "scenarios"},
        UNKNOWN: {projection.name for projection in projector.projections},
    }
    projector.rebuild(projector.projections, lambda position, of: None)
    assert {(letter["position"], letter["projection"]) for letter in dead_letters(pool)} == {
        (position, name) for position, names in by_position.items() for name in names
    }
    assert not any(projector.verify(projector.projections, lambda position, of: None).values())


def test_a_process_that_cannot_go_on_says_why(pool: Pool, long_log: EventLog) -> None:
    half = Building(pool, long_log, [PUBLICATIONS], BUILDING)
    half.start()
    another = Tables(BUILDING, fence=1)
    with (
        FillingProcess(pool.conninfo, [PUBLICATIONS], another, Span(0, EVENTS), SHARE) as process,  # type: ignore[arg-type]
        pytest.raises(PlatformError, match="were dropped"),
    ):
        next(process)
    with (
        FillingProcess("port=none", [PUBLICATIONS], another, Span(0, EVENTS), SHARE) as process,
        pytest.raises(PlatformError, match="DATABASE_URL"),
    ):
        next(process)
    with FillingProcess("port=none", [PUBLICATIONS], another, Span(0, EVENTS), SHARE) as process:
        process._process.kill()
        process._process.wait()
        assert process._process.stdout
        process._process.stdout.read()  # whatever it said before
        with pytest.raises(PlatformError, match="a process ended"):
            next(process)
    half.drop()


def test_an_interrupted_build_writes_nothing_to_the_tables_of_the_next_one(pool: Pool, long_log: EventLog) -> None:
    """As the process of a build does whose starter was killed, until it notices."""
    orphan = Building(pool, long_log, [PUBLICATIONS], BUILDING)
    orphan.start()
    orphan.advance(10, lambda position, of: None)
    following = Building(pool, long_log, [PUBLICATIONS], BUILDING)
    following.start()
    with pytest.raises(PlatformError, match="were dropped"):
        orphan.advance(EVENTS, lambda position, of: None)
    assert content(pool, following)["publication"] == []
    following.drop()
