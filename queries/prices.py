"""Prices as the market knows them: of all versions of an interval, the one that wins.

For one place, feed, market and interval the highest (`vintage`: preliminary < verified < final, `source_version`,
position of the publication, `log_position`) wins, among the rows that were known at the position asked for. The
position of the publication is that of its first event: reading an old file again, with a newer parser, does not put it
above what restated it since. A run of ERCOT's SCED is an interval of its own by its stamp, so two runs never replace
each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.clickhouse import ClickHouse
from infra.errors import PlatformError
from read_models.market_days import MARKET_ZONES as MARKET_ZONES
from read_models.prices import VINTAGES, price_table

_TEXT = pa.dictionary(pa.int32(), pa.string())
_SECOND = pa.timestamp("s", tz="UTC")
_MICROSECOND = pa.timestamp("us", tz="UTC")

PRICE_SCHEMA = pa.schema(
    [
        ("iso", _TEXT),
        ("node", _TEXT),
        ("node_type", _TEXT),
        ("feed", _TEXT),
        ("market", _TEXT),
        ("interval_start_utc", _SECOND),
        ("interval_end_utc", _SECOND),
        ("lmp_usd_per_mwh", pa.float64()),
        ("energy_usd_per_mwh", pa.float64()),
        ("congestion_usd_per_mwh", pa.float64()),
        ("loss_usd_per_mwh", pa.float64()),
        ("ghg_usd_per_mwh", pa.float64()),
        ("vintage", _TEXT),
        ("source_version", pa.int32()),
        ("published_at", _MICROSECOND),
        ("recorded_at", _MICROSECOND),
        ("log_position", pa.int64()),
        ("publication_id", _TEXT),
    ]
)
"""The columns of `ch.market_price_ticks`, in its order."""

KEY_COLUMNS = ("market", "node", "interval_start_utc", "node_type", "feed")
"""What tells every winning price of an ISO from every other one, in the order in which they come."""

HISTORY_COLUMNS = ("interval_start_utc", "interval_end_utc", "lmp_usd_per_mwh", "publication_id", "log_position")

_ROWS_AT_ONCE = 250_000  # rows of one read: some 40 MB
_SHORTEST_INTERVAL = timedelta(minutes=5)

# Every column costs about a quarter of a millisecond, so the ISO, which the question names, is not among them.
# The vintage comes as its number.
_SELECT_WINNERS = f"SELECT {', '.join(PRICE_SCHEMA.names[1:])} FROM ch.{{table:Identifier}} "  # noqa: S608
# Reading in the table's order would need no sort, but was measured to be twice to three times as slow.
_ORDER_WINNERS = """
ORDER BY market, node, interval_start_utc, node_type, feed,
    vintage DESC, source_version DESC, publication_position DESC, log_position DESC
LIMIT 1 BY market, node, interval_start_utc, node_type, feed
"""
_SETTINGS = " SETTINGS optimize_read_in_order = 0"
# Of one node there is so little to read that a second thread, or a first look at the columns of the conditions, costs
# more than it saves: a tenth of a month of one market, a fifth of one of all markets.
_SETTINGS_OF_A_NODE = f"{_SETTINGS}, max_threads = 1, optimize_move_to_prewhere = 0"
# A page's rows are cut off once the winners are known, so that an interval counts once however many versions it has.
_LIMIT_WINNERS = " LIMIT {most:UInt32}"
_SELECT_SIZES = "SELECT market, node, count() AS row_count FROM ch.{table:Identifier} "
_ORDER_SIZES = "GROUP BY market, node ORDER BY market, node"
# Where an ISO publishes two feeds of a market, the one that it settles by.
_SETTLED_FEEDS = {("MISO", "DA"): "da_expost_lmp", ("CAISO", "RT15"): "prc_rtpd_lmp"}


_Read = Callable[[str, Mapping[str, Any]], pa.Table]


class AmbiguousFeed(PlatformError):
    """A place has prices of several feeds in one market, and nothing says which of them is meant."""


@dataclass(frozen=True)
class PriceQuery:
    """Which prices: those of `iso` whose interval starts in [start_utc, end_utc), both aware; empty `nodes` means all.

    `as_of_position` asks for what was known at that position of the log, instead of now.
    """

    iso: str
    start_utc: datetime
    end_utc: datetime
    nodes: tuple[str, ...] = ()
    market: str | None = None
    feed: str | None = None
    node_type: str | None = None
    as_of_position: int | None = None

    def __post_init__(self) -> None:
        if self.start_utc.utcoffset() is None or self.end_utc.utcoffset() is None:
            raise ValueError("start_utc and end_utc need a time zone")
        if self.start_utc > self.end_utc:
            raise ValueError(f"start_utc {self.start_utc.isoformat()} is after end_utc {self.end_utc.isoformat()}")


@dataclass(frozen=True)
class _Filter:
    """A condition on rows, and the values that the engine binds to its placeholders."""

    sql: str
    values: Mapping[str, Any]

    def and_also(self, sql: str, **values: Any) -> _Filter:
        return _Filter(f"{self.sql} AND {sql}", {**self.values, **values})


def prices(ch: ClickHouse, query: PriceQuery, *, through_position: int, superseded: Sequence[int] = ()) -> pa.Table:
    """The answer of `price_batches` as one table of PRICE_SCHEMA, in memory."""
    batches = price_batches(ch, query, through_position=through_position, superseded=superseded)
    return pa.Table.from_batches(list(batches), PRICE_SCHEMA)


def price_batches(
    ch: ClickHouse, query: PriceQuery, *, through_position: int, superseded: Sequence[int] = ()
) -> Iterator[pa.RecordBatch]:
    """Winning rows, every one there is, in batches of PRICE_SCHEMA sorted by market, node, start, node type and feed.

    Rows past `through_position` (inclusive; the projection's checkpoint) are unseen, and so are those at the positions
    `superseded`: publications that were parsed anew at or before the position asked for. A large answer is read some
    nodes at a time, so that neither this process nor the engine ever holds the whole of it.
    """
    wanted = _wanted(query, through_position, superseded)
    if _is_small(query):
        yield from _winners(_live(ch), wanted, settings=_settings(query)).to_batches()
        return
    # The table may be built anew between two parts; all of them are read from the one that was live at the first.
    with ch.tables.pinned(price_table()) as table:
        for part in _parts(table.query_arrow, wanted, _ROWS_AT_ONCE):
            yield from _winners(table.query_arrow, part).to_batches()


def price_page(
    ch: ClickHouse,
    query: PriceQuery,
    *,
    limit: int,
    after: tuple[Any, ...] | None = None,
    through_position: int,
    superseded: Sequence[int] = (),
) -> tuple[pa.Table, tuple[Any, ...] | None]:
    """At most `limit` of the rows of `price_batches`, those behind the row whose KEY_COLUMNS are `after`.

    Also answers the key of the last of them; None where nothing follows. A page reads the nodes that it shows.
    """
    wanted = _wanted(query, through_position, superseded)
    if after is not None:
        wanted = _behind(wanted, after)
    if _is_small(query):
        return _cut(_winners(_live(ch), wanted, most=limit + 1, settings=_settings(query)), limit)
    found = PRICE_SCHEMA.empty_table()
    with ch.tables.pinned(price_table()) as table:
        for part in _parts(table.query_arrow, wanted, rows_at_once=limit):
            found = pa.concat_tables([found, _winners(table.query_arrow, part, most=limit + 1 - found.num_rows)])
            if found.num_rows > limit:
                break
    return _cut(found, limit)


def _cut(found: pa.Table, limit: int) -> tuple[pa.Table, tuple[Any, ...] | None]:
    """The first `limit` rows, and the key of the last of them where there are more."""
    if found.num_rows <= limit:
        return found, None
    page = found.slice(0, limit)
    (last,) = page.slice(limit - 1).select(KEY_COLUMNS).to_pylist()
    return page, tuple(last[column] for column in KEY_COLUMNS)


def price_history(
    ch: ClickHouse,
    *,
    iso: str,
    market: str,
    node: str,
    node_type: str,
    feed: str | None = None,
    through_position: int,
    superseded: Sequence[int] = (),
) -> pa.Table:
    """The winning prices of one place, all there are, in time order: HISTORY_COLUMNS of PRICE_SCHEMA.

    With no `feed` and prices of several, the one that the ISO settles by is taken: MISO's ex-post day-ahead prices
    before ex-ante ones, CAISO's RTPD before HASP. Raises AmbiguousFeed when that does not decide.
    """
    place = _known(through_position).and_also(
        "iso = {iso:String} AND market = {market:String} AND node = {node:String} AND node_type = {node_type:String}",
        iso=iso,
        market=market,
        node=node,
        node_type=node_type,
    )
    rows = _winners(_live(ch), _without(place, superseded), settings=_SETTINGS_OF_A_NODE)
    feeds = sorted(pc.unique(rows["feed"]).to_pylist())
    if feed is None and len(feeds) > 1:
        feed = settled_feed(iso, market)
        if feed not in feeds:
            raise AmbiguousFeed(
                f"{iso} {market} prices of {node} come in several feeds: {', '.join(feeds)}.",
                "Name the feed that is meant.",
            )
    if feed is not None:
        rows = rows.filter(pc.equal(rows["feed"].cast(pa.string()), feed))
    return rows.select(HISTORY_COLUMNS)


def _is_small(query: PriceQuery) -> bool:
    """Whether the answer can be read at once."""
    intervals = (query.end_utc - query.start_utc) / _SHORTEST_INTERVAL
    return bool(query.nodes) and len(query.nodes) * intervals <= _ROWS_AT_ONCE


def _settings(query: PriceQuery) -> str:
    return _SETTINGS_OF_A_NODE if len(query.nodes) == 1 else _SETTINGS


def settled_feed(iso: str, market: str) -> str | None:
    """Of several feeds that an ISO publishes of a market, the one that it settles by."""
    return _SETTLED_FEEDS.get((iso, market))


def _known(position: int) -> _Filter:
    return _Filter(" WHERE log_position <= {known:Int64}", {"known": position})


def _without(rows: _Filter, superseded: Sequence[int]) -> _Filter:
    if not superseded:
        return rows
    return rows.and_also("log_position NOT IN {superseded:Array(Int64)}", superseded=list(superseded))


def _wanted(query: PriceQuery, through_position: int, superseded: Sequence[int]) -> _Filter:
    known = through_position if query.as_of_position is None else min(through_position, query.as_of_position)
    wanted = _known(known).and_also(
        "iso = {iso:String} AND interval_start_utc >= {start:DateTime64(6, 'UTC')}"
        " AND interval_start_utc < {end:DateTime64(6, 'UTC')}",
        iso=query.iso,
        start=query.start_utc,
        end=query.end_utc,
    )
    if len(query.nodes) == 1:  # a set of one takes longer
        wanted = wanted.and_also("node = {node:String}", node=query.nodes[0])
    elif query.nodes:
        wanted = wanted.and_also("node IN {nodes:Array(String)}", nodes=list(query.nodes))
    if query.market is not None:
        wanted = wanted.and_also("market = {market:String}", market=query.market)
    if query.feed is not None:
        wanted = wanted.and_also("feed = {feed:String}", feed=query.feed)
    if query.node_type is not None:
        wanted = wanted.and_also("node_type = {node_type:String}", node_type=query.node_type)
    return _without(wanted, superseded)


def _behind(wanted: _Filter, after: tuple[Any, ...]) -> _Filter:
    market, node, start, node_type, feed = after
    return wanted.and_also(
        "(market, node, interval_start_utc, node_type, feed) > ({after_market:String}, {after_node:String},"
        " {after_start:DateTime64(6, 'UTC')}, {after_node_type:String}, {after_feed:String})",
        after_market=market,
        after_node=node,
        after_start=start,
        after_node_type=node_type,
        after_feed=feed,
    )


def _live(ch: ClickHouse) -> _Read:
    """Reads the table that is live at that moment: one query, one state."""
    return lambda sql, values: ch.query_arrow(sql, {**values, "table": price_table()})


def _parts(read: _Read, wanted: _Filter, rows_at_once: int = _ROWS_AT_ONCE) -> Iterator[_Filter]:
    """Cuts what is wanted into runs of nodes of one market, in their order, each of about so many rows."""
    sizes = read(_SELECT_SIZES + wanted.sql + _ORDER_SIZES, wanted.values)
    run: list[str] = []
    run_market, run_rows = "", 0
    for size in sizes.to_pylist():
        if run and (size["market"] != run_market or run_rows + size["row_count"] > rows_at_once):
            yield _run_of_nodes(wanted, run_market, run)
            run, run_rows = [], 0
        run.append(size["node"])
        run_market, run_rows = size["market"], run_rows + size["row_count"]
    if run:
        yield _run_of_nodes(wanted, run_market, run)


def _run_of_nodes(wanted: _Filter, market: str, nodes: Sequence[str]) -> _Filter:
    return wanted.and_also(
        "market = {run_market:String} AND node >= {run_first:String} AND node <= {run_last:String}",
        run_market=market,
        run_first=nodes[0],
        run_last=nodes[-1],
    )


def _winners(read: _Read, rows: _Filter, most: int | None = None, settings: str = _SETTINGS) -> pa.Table:
    query = _SELECT_WINNERS + rows.sql + _ORDER_WINNERS + ("" if most is None else _LIMIT_WINNERS) + settings
    found = read(query, {**rows.values, "most": most or 0}).combine_chunks()
    isos = pa.DictionaryArray.from_arrays(np.zeros(found.num_rows, np.int32), [rows.values["iso"]])
    vintages = pa.DictionaryArray.from_arrays(found["vintage"].to_numpy().astype(np.int32) - 1, VINTAGES)
    columns = {name: found[name] for name in found.column_names} | {"iso": isos, "vintage": vintages}
    # The engine chooses the width of a dictionary's indices by what it meets.
    return pa.table([columns[name] for name in PRICE_SCHEMA.names], PRICE_SCHEMA.names).cast(PRICE_SCHEMA)
