"""`pg.data_quality`: which intervals of which market days publications bring, as far as their events tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.event_recorder import Pool
from infra.event_store import EventLog, Stream
from projections.projector import RelationalProjector
from projections.publications import PROJECTION as PUBLICATIONS
from projections.quality import LONGEST_SPAN_S
from projections.quality import PROJECTION as QUALITY
from queries.freshness import newest_answers
from queries.quality_days import DayFilter, FeedKey, Fetched, quality_days
from queries.relational import ALL, PageRequest, Row
from tests.projections.conftest import metadata
from write_model.feeds import FeedFetch, FetchedAnswer
from write_model.publications import Defect, Publication, Reading, Source

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = datetime(2027, 1, 1, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 30, 6, tzinfo=UTC)  # in Texas
FIRST = date(2026, 1, 30)
FACTS: Mapping[str, Any] = {
    "iso": "ERCOT", "market": "RT15", "feed": "rtm_spp", "vintage": "final", "parser": "test", "parser_version": 1,
    "rows_sha256": "0" * 64, "rows_digest": "0" * 64, "row_count": 10, "gaps_sha256": None, "gap_count": 0,
    "published_at": None,
}  # fmt: skip
RTM = FeedKey("ERCOT", "prices", "RT15", "rtm_spp")


def reading(start: datetime, end: datetime, **changes: Any) -> Reading:
    return Reading(**{**FACTS, "first_interval_start_utc": start, "last_interval_end_utc": end} | changes)


def ingest(log: EventLog, outcome: Reading | Defect) -> Stream:
    stream = Stream(uuid4(), ())
    source = Source((uuid4().hex * 2,), ("f.csv",), "f.csv", 1, {})
    return log.append(stream, Publication.ingest(stream.id, source, outcome).collect_events(), metadata())


def read_again(log: EventLog, known: Stream, outcome: Reading) -> Stream:
    stream = log.stream(known.id)
    publication = stream.aggregate(Publication)
    assert publication is not None
    publication.read_again(outcome)
    return log.append(stream, publication.collect_events(), metadata())


def fetched(
    log: EventLog, feed: str, start: datetime, newest: datetime | None, *publications: UUID, again: Stream | None = None
) -> Stream:
    answer = FetchedAnswer(uuid4().hex * 2, 1, publications, None, None, start + HOUR, False, newest)
    if again is None:
        stream = Stream(uuid4(), ())
        fetch = FeedFetch.record(
            stream.id, feed=feed, request_key=str(stream.id), start_utc=start, end_utc=start + DAY, answer=answer
        )
    else:
        stream = log.stream(again.id)
        known = stream.aggregate(FeedFetch)
        assert known is not None
        fetch = known
        fetch.record_again(answer)
    return log.append(stream, fetch.collect_events(), metadata())


Days = Callable[..., list[Row]]


@pytest.fixture
def projector(pool: Pool, log: EventLog) -> RelationalProjector:
    made = RelationalProjector(pool, log, [PUBLICATIONS, QUALITY])
    made.load()
    return made


@pytest.fixture
def days(pool: Pool, log: EventLog, projector: RelationalProjector) -> Days:
    """The days after what the log holds was applied."""

    def listed(wanted: DayFilter = DayFilter(), request: PageRequest = ALL, **changes: Any) -> list[Row]:  # noqa: B008
        projector.handle(log.page(0))
        given: dict[str, Any] = {"now_utc": LATER, "request": request} | changes
        return quality_days(pool, wanted, {}, **given).items

    return listed


def missing(row: Row) -> list[tuple[float, float]]:
    """Hours since the day's midnight."""
    return [((m["start_utc"] - MIDNIGHT) / HOUR, (m["end_utc"] - MIDNIGHT) / HOUR) for m in row["missing"]]


def test_files_of_intervals_add_up_to_a_day_with_its_gaps(log: EventLog, days: Days) -> None:
    quarter = timedelta(minutes=15)
    for number in (n for n in range(96) if n not in (8, 9, 95)):
        ingest(log, reading(MIDNIGHT + number * quarter, MIDNIGHT + (number + 1) * quarter))
    (row,) = days()
    assert (row["publications"], row["expected_intervals"], row["spanned_intervals"]) == (93, 96, 93)
    assert row["completeness"] == 93 / 96
    assert missing(row) == [(2.0, 2.5), (23.75, 24.0)]
    assert (row["repeated_intervals"], row["row_count"], row["gap_count"], row["quarantined"]) == (0, 930, 0, 0)


def test_days_of_23_and_25_hours(log: EventLog, days: Days) -> None:
    for start, hours in ((datetime(2026, 3, 8, 5, tzinfo=UTC), 23), (datetime(2026, 11, 1, 4, tzinfo=UTC), 25)):
        whole = reading(start, start + hours * HOUR, iso="PJM", market="RTH", feed=f"of_{hours}")
        ingest(log, whole)
    assert [(row["feed"], row["expected_intervals"], row["completeness"]) for row in days()] == [
        ("of_25", 25, 1.0), ("of_23", 23, 1.0),
    ]  # fmt: skip


def test_forecasts_beside_measurements_do_not_count(log: EventLog, days: Days) -> None:
    start = datetime(2026, 1, 30, 5, tzinfo=UTC)
    load = {"iso": "MISO", "dataset": "fundamentals", "market": "", "feed": "total_load"}
    ingest(log, reading(start, start + DAY, **load, measured_until_utc=start + 3 * HOUR))
    assert [(row["expected_intervals"], row["spanned_intervals"]) for row in days()] == [(288, 36)]


def test_a_run_of_the_dispatch_counts_by_its_end(log: EventLog, days: Days) -> None:
    minutes = timedelta(minutes=1)
    runs = ((-5, 5), (310, 10), (890, 20))  # seconds since midnight, minutes of the end
    for second, end in runs:
        start = MIDNIGHT + timedelta(seconds=second)
        ingest(log, reading(start, MIDNIGHT + end * minutes, market="RT5", feed="sced_lmp"))
    (row,) = days(now_utc=MIDNIGHT + 20 * minutes)
    assert row["market_day"] == FIRST
    assert (row["expected_intervals"], row["spanned_intervals"]) == (4, 3)
    assert missing(row) == [(1 / 6, 0.25)]


def test_a_day_between_two_others_that_never_came_is_listed(log: EventLog, days: Days) -> None:
    for number in (0, 2):
        ingest(log, reading(MIDNIGHT + number * DAY, MIDNIGHT + (number + 1) * DAY))
    rows = days()
    assert [(row["market_day"].day, row["publications"], row["completeness"]) for row in rows] == [
        (1, 1, 1.0), (31, 0, 0.0), (30, 1, 1.0),
    ]  # fmt: skip
    assert rows[1]["row_count"] is None


def test_a_file_of_several_days_tells_no_rows_of_one(log: EventLog, days: Days) -> None:
    ingest(log, reading(MIDNIGHT, MIDNIGHT + 2 * DAY))
    rows = days()
    assert [(row["row_count"], row["gap_count"], row["completeness"]) for row in rows] == [(None, None, 1.0)] * 2


def test_a_restatement_comes_again_and_a_new_reading_replaces(log: EventLog, days: Days) -> None:
    first = ingest(log, reading(MIDNIGHT, MIDNIGHT + DAY, vintage="preliminary"))
    ingest(log, reading(MIDNIGHT, MIDNIGHT + DAY))
    (row,) = days()
    assert (row["publications"], row["repeated_intervals"], row["completeness"]) == (2, 96, 1.0)
    read_again(log, first, reading(MIDNIGHT, MIDNIGHT + 12 * HOUR, parser_version=2, ranked_as=1, row_count=5))
    (row,) = days()
    assert (row["publications"], row["repeated_intervals"], row["row_count"]) == (2, 48, 15)
    (row,) = days(request=PageRequest(as_of=2))
    assert (row["repeated_intervals"], row["row_count"]) == (96, 20)
    assert days(request=PageRequest(as_of=1))[0]["publications"] == 1
    assert days(request=PageRequest(as_of=0)) == []


def test_a_quarantined_file_counts_on_the_days_that_it_was_fetched_for(
    log: EventLog, pool: Pool, days: Days, projector: RelationalProjector
) -> None:
    broken = ingest(log, Defect("no", "f.csv", 1, None))
    ingest(log, Defect("nobody knows whose", "f.csv", 1, None))
    fetch = fetched(log, "ercot/rtm_spp", MIDNIGHT, None, broken.id)
    fetched(log, "ercot/rtm_spp", MIDNIGHT, None, broken.id, again=fetch)
    feeds = {"ercot/rtm_spp": Fetched(RTM, HOUR)}
    assert days() == []

    def listed(as_of: int | None = None) -> list[tuple[Any, ...]]:
        projector.handle(log.page(0))
        page = quality_days(pool, DayFilter(), feeds, now_utc=LATER, request=PageRequest(as_of=as_of))
        return [(row["feed"], row["market_day"], row["quarantined"], row["completeness"]) for row in page.items]

    assert listed() == [("rtm_spp", FIRST, 1, 0.0)]
    assert listed(as_of=2) == [], "nobody knew yet for which feed it was fetched"
    read_again(log, broken, reading(MIDNIGHT, MIDNIGHT + DAY))
    assert listed() == [("rtm_spp", FIRST, 0, 1.0)]
    assert listed(as_of=4) == [("rtm_spp", FIRST, 1, 0.0)]


def test_what_has_no_market_days_has_none_here(log: EventLog, days: Days) -> None:
    for dataset in ("capacity", "places", "disclosures"):
        ingest(log, reading(MIDNIGHT, MIDNIGHT + DAY, dataset=dataset))
    ingest(log, reading(MIDNIGHT, MIDNIGHT + timedelta(seconds=LONGEST_SPAN_S) + HOUR))
    assert days() == []
    ingest(log, reading(MIDNIGHT, MIDNIGHT + DAY, dataset="constraints", market="RT5"))
    (row,) = days()
    assert (row["publications"], row["row_count"], row["expected_intervals"], row["missing"]) == (1, 10, None, None)


def test_today_is_expected_as_far_as_it_is_due(log: EventLog, pool: Pool, days: Days) -> None:
    ingest(log, reading(MIDNIGHT, MIDNIGHT + HOUR))
    now = MIDNIGHT + 3 * HOUR
    assert [(row["expected_intervals"], missing(row)) for row in days(now_utc=now)] == [(12, [(1.0, 3.0)])]
    feeds = {"ercot/rtm_spp": Fetched(RTM, 2 * HOUR)}
    (row,) = quality_days(pool, DayFilter(), feeds, now_utc=now, request=ALL).items
    assert (row["expected_intervals"], row["missing"], row["completeness"]) == (4, [], 1.0)


def test_filters_and_pages(log: EventLog, pool: Pool, days: Days) -> None:
    for iso, zone_hours in (("ERCOT", 6), ("PJM", 5), ("MISO", 5)):
        start = datetime(2026, 1, 30, zone_hours, tzinfo=UTC)
        for number in range(4):
            ingest(log, reading(start + number * DAY, start + (number + 1) * DAY, iso=iso, market="RTH"))
    whole = days()
    assert len(whole) == 12
    pages: list[Row] = []
    after = None
    while True:
        page = quality_days(pool, DayFilter(), {}, now_utc=LATER, request=PageRequest(5, after))
        pages += page.items
        if (after := page.after) is None:
            break
    assert pages == whole
    assert {row["iso"] for row in days(DayFilter(isos=["PJM", "MISO"]))} == {"PJM", "MISO"}
    assert days(DayFilter(isos=[])) == days(DayFilter(feed="x")) == days(DayFilter(dataset="ordc")) == []
    between = days(DayFilter(first=date(2026, 1, 31), end=date(2026, 2, 1)))
    assert [row["market_day"] for row in between] == [date(2026, 1, 31)] * 3


def test_freshness_is_that_of_the_moment_asked_for(log: EventLog, pool: Pool, projector: RelationalProjector) -> None:
    first = fetched(log, "ercot/rtm_spp", MIDNIGHT, MIDNIGHT + HOUR)
    fetched(log, "ercot/rtm_spp", MIDNIGHT + DAY, None)
    fetched(log, "ercot/rtm_spp", MIDNIGHT - DAY, MIDNIGHT, again=first)
    projector.handle(log.page(0))
    asked = ["ercot/rtm_spp", "ercot/never"]
    assert newest_answers(pool, asked, 0) == {}
    for as_of, arrival in ((1, HOUR), (2, DAY + HOUR), (3, HOUR - DAY), (None, HOUR - DAY)):
        assert newest_answers(pool, asked, as_of) == {
            "ercot/rtm_spp": {"newest_interval_end_utc": MIDNIGHT + HOUR, "last_arrival_at": MIDNIGHT + arrival}
        }


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE pg.data_quality SET end_interval = end_interval - 1",
        "DELETE FROM pg.data_quality_feed",
        "DELETE FROM pg.feed_answer",
        "DELETE FROM pg.fetched_publication",
        "UPDATE pg.quarantined_publication SET superseded_by = NULL",
    ],
)
def test_damage_is_found_and_mended(log: EventLog, pool: Pool, projector: RelationalProjector, damage: str) -> None:
    known = ingest(log, reading(MIDNIGHT, MIDNIGHT + DAY))
    read_again(log, known, reading(MIDNIGHT, MIDNIGHT + 2 * DAY, parser_version=2))
    fetched(log, "ercot/rtm_spp", MIDNIGHT, MIDNIGHT + DAY, known.id)
    read_again(log, ingest(log, Defect("no", "f.csv", 1, None)), reading(MIDNIGHT, MIDNIGHT + DAY))
    projector.handle(log.page(0))

    def quiet(_: int, __: int) -> None: ...

    assert projector.verify([QUALITY], quiet) == {"quality": []}
    with pool.connection() as connection:
        connection.execute(damage.encode())
    assert projector.verify([QUALITY], quiet)["quality"]
    projector.rebuild([QUALITY], quiet)
    assert projector.verify([QUALITY], quiet) == {"quality": []}


SPANS = st.lists(st.tuples(st.integers(0, 95), st.integers(1, 40)), min_size=1, max_size=8)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=SPANS)
def test_spans_cover_what_they_cover_however_they_overlap(
    spans: list[tuple[int, int]], log: EventLog, pool: Pool, projector: RelationalProjector
) -> None:
    """Each example is another feed of the same log."""
    feed, quarter = uuid4().hex, timedelta(minutes=15)
    covered = set()
    for first, length in spans:
        ingest(log, reading(MIDNIGHT + first * quarter, MIDNIGHT + (first + length) * quarter, feed=feed))
        covered |= {number for number in range(first, first + length) if number < 96}
    position = log.head()
    projector.handle(log.page(position - len(spans)))
    rows = quality_days(pool, DayFilter(feed=feed), {}, now_utc=LATER, request=ALL).items
    row = next(row for row in rows if row["market_day"] == FIRST)
    assert row["spanned_intervals"] == len(covered)
    lacking = {
        number
        for number in range(96)
        if any(stretch["start_utc"] <= MIDNIGHT + number * quarter < stretch["end_utc"] for stretch in row["missing"])
    }
    assert lacking == set(range(96)) - covered
    counted = sum(min(96, first + length) - first for first, length in spans)
    assert row["repeated_intervals"] == counted - len(covered)
