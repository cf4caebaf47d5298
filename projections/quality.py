"""Quality: the market days that each reading touches, and when which feed was fetched.

Only what the events say: of a publication they carry the span, the rows and the gaps, but neither how rows fall on days
nor what is in them. Ranges and spikes are therefore a question to the rows (`queries.quality`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import quality as table
from read_models.batch import Batch, Wanted
from read_models.market_days import DAILY_DATASETS, MARKET_ZONES, MarketDay, market_date, market_days, step_s
from write_model.feeds import FeedFetch, FetchedAnswer
from write_model.publications import Publication, Reading

# A file of a few rows that lie decades apart is not spread over all the days between: years are the longest archives.
LONGEST_SPAN_S = 3 * 366 * 86_400


def _ingested(batch: Batch, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Publication.Ingested)
    _add(batch, recorded, recorded.event.reading)


def _quarantined(batch: Batch, recorded: RecordedEvent) -> None:
    batch.insert(table.QuarantinedRow(recorded.stream_id, recorded.position))


def _reread(batch: Batch, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, Publication.Reread)
    table.supersede(batch, recorded.stream_id, recorded.position)
    _add(batch, recorded, recorded.event.reading)


def _add(batch: Batch, recorded: RecordedEvent, reading: Reading) -> None:
    iso, dataset, market, feed = reading.iso, reading.dataset, reading.market, reading.feed
    if dataset not in DAILY_DATASETS or iso not in MARKET_ZONES:
        return
    end_utc = reading.measured_until_utc or reading.last_interval_end_utc
    start_s, end_s = reading.first_interval_start_utc.timestamp(), end_utc.timestamp()
    if not start_s < end_s <= start_s + LONGEST_SPAN_S:
        return
    step = step_s(dataset, iso, market, feed)
    # An interval is known by its end, as that of a run of a dispatch, which starts at any second: so is the first day.
    begin_s = start_s if step is None else max(start_s, _mark_s(start_s, step))
    days = market_days(iso, min(begin_s, end_s - 1), end_s)
    row_count, gap_count = (reading.row_count, reading.gap_count) if len(days) == 1 else (None, None)
    for day in days:
        intervals, first, after = _spanned(day, begin_s, end_s, step) if step else (None, None, None)
        batch.insert(
            table.DayRow(  # in the order of its columns: by their names takes five times as long
                recorded.stream_id,
                iso,
                dataset,
                market,
                feed,
                day.day,
                day.start_utc,
                reading.vintage,
                step,
                intervals,
                first,
                after,
                row_count,
                gap_count,
                recorded.metadata.recorded_at,
                recorded.position,
            )
        )
    if not batch.is_put(table.FeedRow, iso, dataset, market, feed):
        batch.put(table.FeedRow(iso, dataset, market, feed))


def _mark_s(moment_s: float, step: int) -> int:
    """The nearest mark of `step` seconds: where the first interval would start if it were of that length."""
    return round(moment_s / step) * step


def _spanned(day: MarketDay, start_s: float, end_s: float, step: int) -> tuple[int, int, int]:
    """How many intervals the day has; of those within [start_s, end_s) the first, and the one after the last."""
    intervals = day.intervals(step)
    first = int((start_s - day.start_s) // step) if start_s > day.start_s else 0
    after = -int((day.start_s - end_s) // step) if end_s < day.end_s else intervals
    return intervals, first, max(first, after)


def _fetched(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, FeedFetch.Fetched)
    iso = event.feed.partition("/")[0].upper()
    if iso not in MARKET_ZONES:
        return
    first, last = market_date(iso, event.start_utc), market_date(iso, event.end_utc - timedelta(microseconds=1))
    _answered(batch, recorded, event.feed, (first, max(first, last)), event.answer)


def _fetched_again(batch: Batch, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, FeedFetch.FetchedAgain)
    for before in batch.of(table.AnswerRow, recorded.stream_id)[:1]:
        _answered(batch, recorded, event.feed, (before.first_day, before.last_day), event.answer)


def _answered(batch: Batch, recorded: RecordedEvent, feed: str, days: tuple[date, date], answer: FetchedAnswer) -> None:
    newest, position = answer.last_interval_end_utc, recorded.position
    batch.insert(table.AnswerRow(recorded.stream_id, feed, *days, answer.fetched_at, newest, position))
    for publication_id in dict.fromkeys(answer.publications):
        batch.insert(table.FetchedPublicationRow(publication_id, feed, *days, position))


def _before(recorded: RecordedEvent) -> Iterator[Wanted]:
    yield table.DayRow, recorded.stream_id
    yield table.QuarantinedRow, recorded.stream_id


def _answers_before(recorded: RecordedEvent) -> Iterator[Wanted]:
    yield table.AnswerRow, recorded.stream_id


PROJECTION = RelationalProjection(
    name="quality",
    version=4,
    tables=table.TABLES,
    handlers={
        Publication.Ingested: _ingested,
        Publication.Quarantined: _quarantined,
        Publication.Reread: _reread,
        FeedFetch.Fetched: _fetched,
        FeedFetch.FetchedAgain: _fetched_again,
    },
    finds={Publication.Reread: _before, FeedFetch.FetchedAgain: _answers_before},
)
