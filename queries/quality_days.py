"""The history of quality: each market day of each feed, as far as the log's events tell, without reading a price.

Days between the first and the last that a feed has are listed whether or not something came of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from infra.event_recorder import Pool
from queries.quality import NO_TARGET, due_intervals
from queries.relational import HELD, Page, PageRequest, Row, rows
from read_models.market_days import MarketDay, step_s


class FeedKey(NamedTuple):
    """What rows say of their feed."""

    iso: str
    dataset: str
    market: str
    feed: str


KEY_COLUMNS = ("market_day", *FeedKey._fields)

DAY_SCHEMA = pa.schema(
    [
        pa.field("iso", pa.string(), nullable=False),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("market", pa.string(), nullable=False),
        pa.field("feed", pa.string(), nullable=False),
        pa.field("market_day", pa.date32(), nullable=False),
        pa.field("publications", pa.int64(), nullable=False),
        pa.field("quarantined", pa.int64(), nullable=False),
        pa.field("expected_intervals", pa.int64()),
        pa.field("spanned_intervals", pa.int64()),
        pa.field("completeness", pa.float64()),
        pa.field("repeated_intervals", pa.int64()),
        pa.field("missing", pa.json_()),
        pa.field("row_count", pa.int64()),
        pa.field("gap_count", pa.int64()),
        pa.field("first_recorded_at", pa.timestamp("us", "UTC")),
        pa.field("last_recorded_at", pa.timestamp("us", "UTC")),
    ]
)
"""The columns of a listed day.

`spanned_intervals` are those that lie within the span of a publication, `missing` the stretches of those expected that
lie in none, `repeated_intervals` how many more times they came. A hole inside a file is in its `gap_count`. Counts of
rows and gaps are null where a file spans several days; what concerns intervals is null where these are not counted.
"""


@dataclass(frozen=True)
class Fetched:
    """A feed as it is fetched: what its rows say of it, and how old its newest interval may be."""

    key: FeedKey
    target: timedelta


@dataclass(frozen=True)
class DayFilter:
    """Which days: of these ISOs (all for None), of a dataset and a feed, in [first, end)."""

    isos: Sequence[str] | None = None
    dataset: str | None = None
    feed: str | None = None
    first: date | None = None
    end: date | None = None


@dataclass
class _Known:
    """What there is to list: first and last day by feed, quarantined files by feed and day."""

    spans: dict[FeedKey, tuple[date, date]] = field(default_factory=dict)
    quarantined: dict[tuple[FeedKey, date], int] = field(default_factory=dict)


def quality_days(
    pool: Pool, wanted: DayFilter, fetched: Mapping[str, Fetched], *, now_utc: datetime, request: PageRequest
) -> Page:
    """Days as of `now_utc`, newest first, then by KEY_COLUMNS. `fetched` are the feeds by the id that fetches bear."""
    known = _known(pool, wanted, fetched, request.as_of)
    keys = []
    for key in _keys(known.spans, wanted, request.after):
        keys.append(key)
        if request.limit is not None and len(keys) > request.limit:
            break
    listed = keys if request.limit is None else keys[: request.limit]
    targets = {feed.key: feed.target for feed in fetched.values()}
    found = _spanned(pool, listed, request.as_of)
    items = [
        _item(
            key, day, found.get((day, key)), known.quarantined.get((key, day), 0), now_utc, targets.get(key, NO_TARGET)
        )
        for day, key in listed
    ]
    return Page(items, (listed[-1][0], *listed[-1][1]) if len(keys) > len(listed) else None)


_SPANS = f"""
SELECT f.iso, f.dataset, f.market, f.feed, days.first, days.last
FROM data_quality_feed f, LATERAL (
    SELECT min(market_day) AS first, max(market_day) AS last FROM data_quality d
    WHERE (d.iso, d.dataset, d.market, d.feed) = (f.iso, f.dataset, f.market, f.feed) AND {HELD}
) days
WHERE days.first IS NOT NULL
  AND (%(isos)s::text[] IS NULL OR f.iso = ANY(%(isos)s))
  AND (%(dataset)s::text IS NULL OR f.dataset = %(dataset)s) AND (%(feed)s::text IS NULL OR f.feed = %(feed)s)
"""  # noqa: S608 - names from this package
_QUARANTINED = f"""
SELECT f.feed, f.first_day, f.last_day, count(DISTINCT f.publication_id) AS quarantined
FROM (SELECT publication_id FROM quarantined_publication WHERE {HELD}) q
JOIN fetched_publication f ON f.publication_id = q.publication_id
    AND (%(as_of)s::bigint IS NULL OR f.log_position <= %(as_of)s)
GROUP BY f.feed, f.first_day, f.last_day
"""  # noqa: S608
_SPANNED = f"""
WITH wanted AS (
    SELECT * FROM unnest(%(days)s::date[], %(isos)s::text[], %(datasets)s::text[], %(markets)s::text[],
                         %(feeds)s::text[]) AS w (market_day, iso, dataset, market, feed)
)
SELECT market_day, iso, dataset, market, feed, count(*) AS publications,
       sum(end_interval - first_interval) AS interval_count,
       range_agg(int4range(first_interval, end_interval))::text AS spanned,
       CASE WHEN bool_and(row_count IS NOT NULL) THEN sum(row_count)::bigint END AS row_count,
       CASE WHEN bool_and(gap_count IS NOT NULL) THEN sum(gap_count)::bigint END AS gap_count,
       min(recorded_at) AS first_recorded_at, max(recorded_at) AS last_recorded_at
FROM wanted JOIN data_quality d USING (iso, dataset, market, feed, market_day)
WHERE {HELD}
GROUP BY market_day, iso, dataset, market, feed
"""  # noqa: S608


def _known(pool: Pool, wanted: DayFilter, fetched: Mapping[str, Fetched], as_of: int | None) -> _Known:
    isos = None if wanted.isos is None else list(wanted.isos)
    values = {"as_of": as_of, "isos": isos, "dataset": wanted.dataset, "feed": wanted.feed}
    known = _Known()
    for row in rows(pool, _SPANS, values):
        known.spans[FeedKey(*(row[column] for column in FeedKey._fields))] = (row["first"], row["last"])
    for row in rows(pool, _QUARANTINED, {"as_of": as_of}):
        feed = fetched.get(row["feed"])
        if feed is None or not _is_wanted(feed.key, wanted):
            continue
        first, last = known.spans.get(feed.key, (row["first_day"], row["last_day"]))
        known.spans[feed.key] = (min(first, row["first_day"]), max(last, row["last_day"]))
        for day in _days(row["first_day"], row["last_day"]):
            count = known.quarantined.get((feed.key, day), 0)
            known.quarantined[feed.key, day] = count + row["quarantined"]
    return known


def _is_wanted(key: FeedKey, wanted: DayFilter) -> bool:
    return (
        (wanted.isos is None or key.iso in wanted.isos)
        and wanted.dataset in (None, key.dataset)
        and wanted.feed in (None, key.feed)
    )


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _keys(
    spans: Mapping[FeedKey, tuple[date, date]], wanted: DayFilter, after: tuple[Any, ...] | None
) -> Iterator[tuple[date, FeedKey]]:
    """Days with their feeds, in the list's order, behind the key `after`."""
    if not spans:
        return
    day = max(last for _, last in spans.values())
    if wanted.end is not None:
        day = min(day, wanted.end - timedelta(days=1))
    stop = min(first for first, _ in spans.values())
    if wanted.first is not None:
        stop = max(stop, wanted.first)
    behind = None if after is None else (after[0], FeedKey(*after[1:]))
    if behind is not None:
        day = min(day, behind[0])
    while day >= stop:
        for key in sorted(spans):
            first, last = spans[key]
            if first <= day <= last and (behind is None or day < behind[0] or key > behind[1]):
                yield day, key
        day -= timedelta(days=1)


def _spanned(pool: Pool, keys: Sequence[tuple[date, FeedKey]], as_of: int | None) -> dict[tuple[date, FeedKey], Row]:
    values = {
        "as_of": as_of,
        "days": [day for day, _ in keys],
        **{f"{column}s": [getattr(key, column) for _, key in keys] for column in FeedKey._fields},
    }
    return {
        (row["market_day"], FeedKey(*(row[column] for column in FeedKey._fields))): row
        for row in rows(pool, _SPANNED, values)
    }


def _item(key: FeedKey, day: date, found: Row | None, quarantined: int, now_utc: datetime, target: timedelta) -> Row:
    item: Row = {**key._asdict(), "market_day": day, "publications": 0, "quarantined": quarantined}
    for name in ("row_count", "gap_count", "first_recorded_at", "last_recorded_at"):
        item[name] = found[name] if found else None
    if found:
        item["publications"] = found["publications"]
    return item | _intervals(key, MarketDay.of(key.iso, day), found, now_utc, target)


def _intervals(key: FeedKey, day: MarketDay, found: Row | None, now_utc: datetime, target: timedelta) -> Row:
    """What is expected of a day by now, and what of it came."""
    step = step_s(key.dataset, key.iso, key.market, key.feed)
    if step is None:
        return dict.fromkeys(
            ("expected_intervals", "spanned_intervals", "completeness", "repeated_intervals", "missing")
        )
    length, expected = timedelta(seconds=step), due_intervals(key.market, day, step, now_utc, target)
    stretches = _ranges(found["spanned"]) if found else []
    missing = list(_between(stretches, expected))
    spanned = expected - sum(after - first for first, after in missing)
    return {
        "expected_intervals": expected,
        "spanned_intervals": spanned,
        "completeness": spanned / expected if expected else None,
        "repeated_intervals": int(found["interval_count"]) - sum(b - a for a, b in stretches) if found else 0,
        "missing": [
            {"start_utc": day.start_utc + first * length, "end_utc": day.start_utc + after * length}
            for first, after in missing
        ],
    }


def _ranges(text: str) -> list[tuple[int, int]]:
    """A multirange as PostgreSQL writes it, `{[0,3),[5,7)}`, in its order."""
    parts = text.strip("{}").replace("[", "").replace(")", "").split(",")
    numbers = [int(part) for part in parts if part]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _between(stretches: Sequence[tuple[int, int]], expected: int) -> Iterator[tuple[int, int]]:
    """The stretches of the first `expected` intervals that lie in none of those given."""
    reached = 0
    for first, after in [*stretches, (expected, expected)]:
        if first > reached and reached < expected:
            yield reached, min(first, expected)
        reached = max(reached, after)
