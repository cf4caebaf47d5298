"""Quality: the market days that each reading touches, and when which feed was fetched.

Only what the events say: of a publication they carry the span, the rows and the gaps, but neither how rows fall on days
nor what is in them. Ranges and spikes are therefore a question to the rows (`queries.quality`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import quality as table
from read_models.batch import Batch, Wanted
from read_models.market_days import DAILY_DATASETS, MARKET_ZONES, MarketDay, market_date, market_days, step_s
from write_model.feeds import FeedFetch, FetchedAnswer
from write_model.publications import Publication, Reading

# A file of a few rows that lie decades apart is not spread over all the days between: years are the longest archives.
LONGEST_SPAN = timedelta(days=3 * 366)


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
    start, end = reading.first_interval_start_utc, reading.last_interval_end_utc
    if reading.dataset not in DAILY_DATASETS or reading.iso not in MARKET_ZONES:
        return
    if not start < end <= start + LONGEST_SPAN:
        return
    step = step_s(reading.dataset, reading.iso, reading.market, reading.feed)
    # An interval is known by its end, as that of a run of a dispatch, which starts at any second: so is the first day.
    begin = start if step is None else max(start, _mark(start, step))
    days = list(market_days(reading.iso, min(begin, end - timedelta(seconds=1)), end))
    for day in days:
        first, after = _spanned(day, begin, end, step) if step else (None, None)
        batch.insert(
            table.DayRow(
                publication_id=recorded.stream_id,
                iso=reading.iso,
                dataset=reading.dataset,
                market=reading.market,
                feed=reading.feed,
                market_day=day.day,
                day_start_utc=day.start_utc,
                vintage=reading.vintage,
                step_s=step,
                intervals=day.intervals(step) if step else None,
                first_interval=first,
                end_interval=after,
                row_count=reading.row_count if len(days) == 1 else None,
                gap_count=reading.gap_count if len(days) == 1 else None,
                recorded_at=recorded.metadata.recorded_at,
                log_position=recorded.position,
            )
        )
    batch.put(table.FeedRow(reading.iso, reading.dataset, reading.market, reading.feed, recorded.position))


def _mark(moment: datetime, step: int) -> datetime:
    """The nearest mark of `step` seconds: where the first interval would start if it were of that length."""
    seconds = moment.timestamp()
    return moment + timedelta(seconds=round(seconds / step) * step - seconds)


def _spanned(day: MarketDay, start: datetime, end: datetime, step: int) -> tuple[int, int]:
    """The day's intervals within [start, end), as the first and the one after the last."""
    length = timedelta(seconds=step)
    first = max(0, (start - day.start_utc) // length)
    after = min(day.intervals(step), -((day.start_utc - end) // length))
    return first, max(first, after)


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
    version=1,
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
