"""Feeds: a row a request with its newest answer, and a row a feed that sums them up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import feeds as table
from read_models.batch import Batch, Wanted
from write_model.feeds import FeedFetch, FetchedAnswer


def _fetched(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, FeedFetch.Fetched)
    batch.insert(
        table.FetchRow(
            fetch_id=recorded.stream_id,
            feed=event.feed,
            request_key=event.request_key,
            start_utc=event.start_utc,
            end_utc=event.end_utc,
            answers=1,
            log_position=recorded.position,
            **_columns(event.answer),
        )
    )
    if batch.of(table.SourceRow, event.feed):
        _add(batch, event.feed, event.answer, recorded.position, requests=1)
        return
    batch.insert(
        table.SourceRow(
            feed=event.feed,
            last_fetched_at=event.answer.fetched_at,
            newest_interval_end_utc=event.answer.last_interval_end_utc,
            requests=1,
            bytes_fetched=event.answer.size_bytes,
            log_position=recorded.position,
        )
    )


def _fetched_again(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, FeedFetch.FetchedAgain)
    (fetch,) = batch.of(table.FetchRow, recorded.stream_id)
    batch.change(fetch, answers=fetch.answers + 1, log_position=recorded.position, **_columns(event.answer))
    _add(batch, event.feed, event.answer, recorded.position, requests=0)


def _add(batch: Batch, feed: str, answer: FetchedAnswer, position: int, *, requests: int) -> None:
    (source,) = batch.of(table.SourceRow, feed)
    ends = [end for end in (source.newest_interval_end_utc, answer.last_interval_end_utc) if end]
    batch.change(
        source,
        last_fetched_at=answer.fetched_at,
        newest_interval_end_utc=max(ends, default=None),
        requests=source.requests + requests,
        bytes_fetched=source.bytes_fetched + answer.size_bytes,
        log_position=position,
    )


def _columns(answer: FetchedAnswer) -> dict[str, Any]:
    return {
        "raw_sha256": answer.raw_sha256,
        "size_bytes": answer.size_bytes,
        "publication_count": len(answer.publications),
        "last_interval_end_utc": answer.last_interval_end_utc,
        "is_settled": answer.is_settled,
        "fetched_at": answer.fetched_at,
        "asked_at": answer.asked_at,
    }


def _source(recorded: RecordedEvent) -> Iterator[Wanted]:
    assert isinstance(recorded.event, FeedFetch.Fetched)
    yield table.SourceRow, recorded.event.feed


def _source_and_fetch(recorded: RecordedEvent) -> Iterator[Wanted]:
    assert isinstance(recorded.event, FeedFetch.FetchedAgain)
    yield table.SourceRow, recorded.event.feed
    yield table.FetchRow, recorded.stream_id


PROJECTION = RelationalProjection(
    name="feeds",
    version=2,
    tables=table.TABLES,
    handlers={FeedFetch.Fetched: _fetched, FeedFetch.FetchedAgain: _fetched_again},
    finds={FeedFetch.Fetched: _source, FeedFetch.FetchedAgain: _source_and_fetch},
)
