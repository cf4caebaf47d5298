"""Prices as the market knows them: page by page, or as columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import strawberry

from api.graphql.access import NEEDS_MARKET_DATA, demand_market_data
from api.graphql.connections import PAGE, PAGED, After, Connection, First, Listing
from api.graphql.context import Context, Info
from api.graphql.limits import MAX_COLUMN_ROWS, column_cost
from api.graphql.markets import INTERVALS_PER_HOUR, Iso, Market
from api.graphql.scalars import DateTimeColumn, FloatColumn, IntColumn, Long, StringColumn, column, local_texts, rows
from api.problems import Problem
from api.rest.dependencies import moment, time_zone
from queries.prices import KEY_COLUMNS, MARKET_ZONES, PRICE_SCHEMA, PriceQuery, price_batches, price_page
from queries.relational import Page

MAX_NODES = 100
SERIES_KEY = ("market", "node", "node_type", "feed")


@strawberry.input(description="Which prices: those whose interval starts in [start, end).")
class PriceWhere:
    iso: Iso
    start: str = strawberry.field(description="`2026-01-31T05:00Z`; without an offset in `tz`, else UTC.")
    end: str
    nodes: list[str] = strawberry.field(
        default_factory=list, description=f"At most {MAX_NODES}; all where none is given."
    )
    node_type: str | None = None
    market: Market | None = None
    feed: str | None = None
    tz: str | None = strawberry.field(
        default=None, description="IANA name or `market`: reads naive times, adds local ones."
    )
    as_of: str | None = strawberry.field(default=None, description="A time or a log position: what was known then.")


@strawberry.type(description="The price of one place for one interval, in the version that wins.")
class Price:
    iso: str
    market: str
    feed: str
    node: str
    node_type: str
    interval_start_utc: datetime
    interval_end_utc: datetime
    interval_start_local: str | None = strawberry.field(description="With its offset, where `tz` was given.")
    lmp_usd_per_mwh: float
    energy_usd_per_mwh: float | None
    congestion_usd_per_mwh: float | None
    loss_usd_per_mwh: float | None
    ghg_usd_per_mwh: float | None
    vintage: str
    source_version: int
    published_at: datetime | None
    recorded_at: datetime
    log_position: Long
    publication_id: str


def _column(name: str, kind: Any) -> Any:
    """A field that is a whole column of the series' table."""

    def read(root: PriceSeries) -> Any:
        return column(root.table[name])

    read.__annotations__ = {"root": Any, "return": kind}
    return strawberry.field(resolver=read)


@strawberry.type(description="The prices of one place, market and feed in time order, as columns of one length.")
class PriceSeries:
    table: strawberry.Private[Any]
    zone: strawberry.Private[ZoneInfo | None]
    iso: str
    market: str
    node: str
    node_type: str
    feed: str
    row_count: int
    interval_start_utc: DateTimeColumn = _column("interval_start_utc", DateTimeColumn)
    interval_end_utc: DateTimeColumn = _column("interval_end_utc", DateTimeColumn)
    lmp_usd_per_mwh: FloatColumn = _column("lmp_usd_per_mwh", FloatColumn)
    energy_usd_per_mwh: FloatColumn = _column("energy_usd_per_mwh", FloatColumn)
    congestion_usd_per_mwh: FloatColumn = _column("congestion_usd_per_mwh", FloatColumn)
    loss_usd_per_mwh: FloatColumn = _column("loss_usd_per_mwh", FloatColumn)
    ghg_usd_per_mwh: FloatColumn = _column("ghg_usd_per_mwh", FloatColumn)
    vintage: StringColumn = _column("vintage", StringColumn)
    source_version: IntColumn = _column("source_version", IntColumn)
    published_at: DateTimeColumn = _column("published_at", DateTimeColumn)
    recorded_at: DateTimeColumn = _column("recorded_at", DateTimeColumn)
    log_position: IntColumn = _column("log_position", IntColumn)
    publication_id: StringColumn = _column("publication_id", StringColumn)

    @strawberry.field(description="With its offset, where `tz` was given.")
    def interval_start_local(self) -> StringColumn | None:
        return None if self.zone is None else StringColumn(local_texts(self.table["interval_start_utc"], self.zone))


def _series_cost(arguments: Mapping[str, Any]) -> int:
    where = arguments["where"]
    per_hour = INTERVALS_PER_HOUR[where["market"]] if where.get("market") else sum(INTERVALS_PER_HOUR.values())
    try:
        hours = (moment(where["end"], "end") - moment(where["start"], "start")) / timedelta(hours=1)
    except Problem:
        return 1  # the resolver will say what is wrong
    return column_cost(int(len(where.get("nodes") or ()) * max(0, hours) * per_hour))


@strawberry.type
class PricesQuery:
    @strawberry.field(
        description="Prices by market, node and start, page by page.", extensions=NEEDS_MARKET_DATA, metadata=PAGED
    )
    def prices(
        self, info: Info, where: PriceWhere, first: First = PAGE, after: After = None
    ) -> Connection[Price] | None:
        context, zone = info.context, _zone(where)
        query = _query(context, where, zone)
        listing = Listing("prices", KEY_COLUMNS, tuple[str, str, datetime, str, str], (query,))
        request = listing.request(first, after)
        found, behind = price_page(
            context.view.clickhouse, query, limit=first, after=request.after, **_known(context, query)
        )
        local = local_texts(found["interval_start_utc"], zone) if zone else [None] * found.num_rows
        listed = rows(found.append_column("interval_start_local", pa.array(local, pa.string())))
        return listing.connection(request, Page(listed, behind), lambda row: Price(**row))

    @strawberry.field(
        description="Prices of the named nodes as columns: a series for each place, market and feed.",
        extensions=NEEDS_MARKET_DATA,
        metadata={"rows": _series_cost},
    )
    def price_series(self, info: Info, where: PriceWhere) -> list[PriceSeries] | None:
        if not where.nodes:
            raise Problem(400, "nodes: priceSeries needs at least one", remedy="Name nodes, or page through `prices`.")
        context, zone = info.context, _zone(where)
        query = _query(context, where, zone)
        batches: list[pa.RecordBatch] = []
        for batch in price_batches(context.view.clickhouse, query, **_known(context, query)):
            batches.append(batch)
            if sum(b.num_rows for b in batches) > MAX_COLUMN_ROWS:
                remedy = "Ask for fewer nodes, a market or a shorter time; `GET /v1/prices` has no such limit."
                raise Problem(400, f"priceSeries: more than {MAX_COLUMN_ROWS} rows", remedy=remedy)
        return list(_series(pa.Table.from_batches(batches, PRICE_SCHEMA), query.iso, zone))


def _zone(where: PriceWhere) -> ZoneInfo | None:
    if where.tz is None:
        return None
    return time_zone(MARKET_ZONES[where.iso.value] if where.tz == "market" else where.tz)


def _query(context: Context, where: PriceWhere, zone: ZoneInfo | None) -> PriceQuery:
    """The question to put, once the caller may ask it; raises Problem naming the argument at fault."""
    demand_market_data(context, where.iso.value)
    if len(where.nodes) > MAX_NODES:
        raise Problem(400, f"nodes: {len(where.nodes)} are more than {MAX_NODES}", remedy="Ask for them in parts.")
    try:
        return PriceQuery(
            iso=where.iso.value,
            start_utc=moment(where.start, "start", zone),
            end_utc=moment(where.end, "end", zone),
            nodes=tuple(where.nodes),
            market=where.market and where.market.value,
            feed=where.feed,
            node_type=where.node_type,
            as_of_position=context.position_as_of(where.as_of, zone),
        )
    except ValueError as error:
        raise Problem(400, str(error), remedy="Give a start before the end.") from error


def _known(context: Context, query: PriceQuery) -> dict[str, Any]:
    """How far prices may be read, and which readings were replaced by then."""
    through = context.readable
    known = through if query.as_of_position is None else min(through, query.as_of_position)
    return {"through_position": through, "superseded": context.superseded(known)}


def _series(table: pa.Table, iso: str, zone: ZoneInfo | None) -> Iterator[PriceSeries]:
    """Cuts rows in the order of `price_batches` into one table a place, market and feed."""
    texts = table.select(SERIES_KEY).cast(pa.schema([(name, pa.string()) for name in SERIES_KEY]))
    found = texts.group_by(SERIES_KEY, use_threads=False).aggregate([]).to_pylist()
    for key in sorted(found, key=lambda key: tuple(key.values())):
        part = table
        if len(found) > 1:
            mine = [pc.equal(texts[name], value) for name, value in key.items()]
            part = table.filter(pc.and_(pc.and_(mine[0], mine[1]), pc.and_(mine[2], mine[3])))
        yield PriceSeries(table=part, zone=zone, iso=iso, row_count=part.num_rows, **key)
