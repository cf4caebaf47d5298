from datetime import UTC, datetime

from msgspec.structs import replace

from tests.write_model.specification import Given
from write_model.publications import Defect, Publication, Reading, Source, publication_id

SOURCE = Source(raw_sha256=("a" * 64,), names=("f.csv",), place="f.csv", size_bytes=10, name_facts={})
READING = Reading(
    iso="PJM", market="DA", feed="da_hrl_lmps", vintage="final", parser="pjm.lmp", parser_version=1,
    rows_sha256="b" * 64, rows_digest="c" * 64, row_count=24, gaps_sha256=None, gap_count=0,
    first_interval_start_utc=datetime(2026, 1, 1, tzinfo=UTC), last_interval_end_utc=datetime(2026, 1, 2, tzinfo=UTC),
    published_at=None,
)  # fmt: skip
NEWER = replace(READING, parser_version=2, rows_sha256="d" * 64)
DEFECT = Defect(reason="line 3 is cut", file="f.csv", line=3, column=None)


def read() -> Given:
    return Given(lambda stream: Publication.ingest(stream, SOURCE, READING))


def quarantined() -> Given:
    return Given(lambda stream: Publication.ingest(stream, SOURCE, DEFECT))


def test_a_readable_payload_is_ingested_and_an_unreadable_one_quarantined() -> None:
    for outcome, event in ((READING, Publication.Ingested), (DEFECT, Publication.Quarantined)):
        events = Publication.ingest(publication_id("t", ("a",), {}), SOURCE, outcome).collect_events()
        assert [type(e) for e in events] == [event]


def test_a_newer_parser_replaces_the_reading() -> None:
    publication = read().when(lambda p: p.read_again(NEWER)).then((Publication.Reread, {"reading": NEWER}))
    assert publication.is_read_by(2)
    assert not publication.is_read_by(3)


def test_a_parser_that_fails_later_does_not_take_a_reading_away() -> None:
    publication = read().when(lambda p: p.read_again(DEFECT)).then()
    assert publication.reading == READING


def test_a_quarantined_payload_is_tried_again() -> None:
    publication = quarantined().when(lambda p: p.read_again(READING)).then((Publication.Reread, {"reading": READING}))
    assert publication.defect is None


def test_the_same_defect_again_is_no_news_but_another_one_is() -> None:
    quarantined().when(lambda p: p.read_again(DEFECT)).then()
    other = replace(DEFECT, reason="line 9 has text in a price")
    quarantined().when(lambda p: p.read_again(other)).then((Publication.FoundUnreadable, {"defect": other}))


def test_identity_is_the_bytes_and_what_only_the_name_told() -> None:
    assert publication_id("t", ("a", "b"), {}) == publication_id("t", ("b", "a"), {})
    assert publication_id("t", ("a",), {}) != publication_id("t", ("a",), {"date": "2022-12-01"})
    assert publication_id("t", ("a",), {}) != publication_id("other", ("a",), {})
