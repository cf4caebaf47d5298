"""How good what was published is: a report on days of an ISO, and the history of all feeds' days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import strawberry

from api.graphql.access import NEEDS_MARKET_DATA, demand_market_data
from api.graphql.connections import MAX_PAGE, PAGE, PAGED, After, Connection, First, Listing
from api.graphql.context import Info
from api.graphql.markets import Iso
from api.graphql.scalars import Long
from api.problems import Problem
from api.quality import QualityQuestion, fetched_feeds, freshness, judge
from api.rest.knowledge import judged_at, known_at, read_as_of
from queries.quality_days import KEY_COLUMNS, DayFilter, quality_days
from queries.relational import Row

# A day of a whole market is millions of rows to look at: a month is what one request may ask for.
_COST_ROWS_PER_DAY = 300
_COST_ROWS_OF_MISSING = 10


@strawberry.input(description="Which market days: those of [start, end), at most 31.")
class QualityWhere:
    iso: Iso
    start: date
    end: date
    dataset: str | None = strawberry.field(
        default=None, description="`prices`, `ancillary`, `ordc`, `fundamentals` or `constraints`; all of them without."
    )
    feed: str | None = None
    as_of: str | None = strawberry.field(
        default=None, description="A time or a log position: what was known and due then."
    )


@strawberry.type(description="One market day of one feed, judged by its rows.")
class JudgedDay:
    dataset: str
    feed: str
    market: str
    market_day: date
    expected_intervals: int | None = strawberry.field(description="Null where the feed's intervals are not counted.")
    received_intervals: int
    places: int
    completeness: float | None = strawberry.field(
        description="Rows received of those expected: every place, each time."
    )
    gaps: int
    spikes: int
    wrong_prices: int = strawberry.field(description="Beyond the limits, or off from their components.")
    repeated_rows: int
    restated_rows: int


@strawberry.type(description="Something amiss: `gap`, `repeat`, `spike`, `range` or `component`.")
class Finding:
    kind: str
    dataset: str
    feed: str
    market: str
    market_day: date
    interval_start_utc: datetime
    interval_end_utc: datetime | None
    place: str | None = strawberry.field(description="As `column=value`; null where it is about the whole feed.")
    value: float | None = strawberry.field(description="In the unit of the dataset.")
    detail: str


@strawberry.type(description="A feed's newest interval beside its target.")
class Freshness:
    feed: str
    arrives_by: str = strawberry.field(description="`fetch`, or `files` where nothing was ever fetched.")
    newest_interval_end_utc: datetime
    last_arrival_at: datetime
    cadence_s: float | None
    freshness_target_s: float | None
    is_fresh: bool | None
    late_by_s: float | None
    missed_cadences: int | None


@strawberry.type(description="How good an ISO's days are; `findingsLeftOut` more findings are not listed.")
class QualityReport:
    days: list[JudgedDay]
    findings: list[Finding]
    findings_left_out: Long
    freshness: list[Freshness]


@strawberry.type(description="A stretch of time, [start, end).")
class Stretch:
    start_utc: datetime
    end_utc: datetime


@strawberry.type(description="One market day of one feed, as far as the log's events tell.")
class DataQualityDay:
    iso: str
    dataset: str
    market: str
    feed: str
    market_day: date
    publications: int
    quarantined: int
    expected_intervals: int | None
    spanned_intervals: int | None = strawberry.field(description="Those within the span of a publication.")
    completeness: float | None
    repeated_intervals: int | None
    missing: list[Stretch] | None = strawberry.field(
        description="Expected intervals that no publication spans.", metadata={"rows": lambda _: _COST_ROWS_OF_MISSING}
    )
    row_count: Long | None = strawberry.field(description="Null where a file spans several days.")
    gap_count: Long | None
    first_recorded_at: datetime | None
    last_recorded_at: datetime | None

    @classmethod
    def of(cls, row: Row, _: int | None) -> DataQualityDay:
        missing = row["missing"]
        return cls(**row | {"missing": None if missing is None else [Stretch(**stretch) for stretch in missing]})


MostFindings = Annotated[int, strawberry.argument(description=f"List at most so many, from 0 to {MAX_PAGE}.")]


def _report_cost(arguments: Mapping[str, Any]) -> int:
    where = arguments["where"]
    days: int = (where["end"] - where["start"]).days
    return max(0, days) * _COST_ROWS_PER_DAY + max(0, int(arguments["mostFindings"]))


@strawberry.type
class QualityQuery:
    @strawberry.field(
        description="How good an ISO's market days are, by what stands in their rows.",
        extensions=NEEDS_MARKET_DATA,
        metadata={"rows": _report_cost},
    )
    def quality(self, info: Info, where: QualityWhere, most_findings: MostFindings = PAGE) -> QualityReport | None:
        context, iso = info.context, where.iso.value
        demand_market_data(context, iso)
        if not 0 <= most_findings <= MAX_PAGE:
            raise Problem(400, f"mostFindings: {most_findings} is not from 0 to {MAX_PAGE}", remedy="Ask for fewer.")
        asked = QualityQuestion(iso, where.start, where.end, where.dataset, where.feed)
        as_of = read_as_of(context.platform, where.as_of)
        found = judge(context.platform, context.view, asked, as_of)
        listed = found.findings[:most_findings]
        return QualityReport(
            days=[JudgedDay(**row) for row in found.days],
            findings=[Finding(**{name: row[name] for name in _FINDING}) for row in listed],
            findings_left_out=Long(found.findings_left_out + len(found.findings) - len(listed)),
            freshness=[Freshness(**row) for row in freshness(context.platform, context.view, iso, as_of)],
        )

    @strawberry.field(
        description="Market days of feeds, newest first: what publications span, and what was quarantined.",
        extensions=NEEDS_MARKET_DATA,
        metadata=PAGED,
    )
    def data_quality(
        self,
        info: Info,
        iso: Iso | None = None,
        dataset: str | None = None,
        feed: str | None = None,
        first_day: date | None = None,
        end_day: date | None = None,
        as_of: str | None = None,
        first: First = PAGE,
        after: After = None,
    ) -> Connection[DataQualityDay] | None:
        context = info.context
        if iso is not None:
            demand_market_data(context, iso.value)
        isos = [iso.value] if iso else context.access.entitled()
        wanted = DayFilter(isos, dataset, feed, first_day, end_day)
        listing = Listing("dataQuality", KEY_COLUMNS, tuple[date, str, str, str, str], (wanted, as_of))
        known = read_as_of(context.platform, as_of)
        request = listing.request(first, after, known_at(context.view, ("quality",), known).position)
        now_utc = judged_at(context.platform, known)
        page = quality_days(
            context.view.pool, wanted, fetched_feeds(context.platform), now_utc=now_utc, request=request
        )
        return listing.connection(request, page, DataQualityDay.of)


_FINDING = tuple(field.name for field in Finding.__strawberry_definition__.fields)  # type: ignore[attr-defined]
