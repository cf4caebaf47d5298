"""Which prices have changed since a position, and in which feeds a place has prices: what a stale curve goes by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from infra.clickhouse import ClickHouse
from queries.prices import settled_feed
from queries.replacements import Origin, Replacement, Version, replacements
from read_models.prices import price_table


class Place(NamedTuple):
    """Where prices are for."""

    iso: str
    market: str
    node: str
    node_type: str


class Intervals(NamedTuple):
    """Intervals of a place, in one feed, that have the same history: how many, and the first and last start."""

    place: Place
    feed: str
    interval_count: int
    first_start_utc: datetime
    last_start_utc: datetime


class FeedSpan(NamedTuple):
    """A feed of a place: its first reading, and from which position on all of its readings were withdrawn."""

    feed: str
    first: Origin
    withdrawn_at: int | None


# Places are looked for by their parts, which the table's order serves; the few that do not belong together go later.
_OF_PLACES = """
FROM ch.{table:Identifier}
WHERE log_position <= {through:Int64} AND iso IN {isos:Array(String)} AND market IN {markets:Array(String)}
  AND node IN {nodes:Array(String)} AND node_type IN {node_types:Array(String)}
"""
_SINCE = "(log_position > {since:Int64} OR log_position IN {replaced_since:Array(Int64)})"
# An interval all of whose rows say the same has not changed, unless all of them were withdrawn. A publication changes
# many intervals alike: those with the same versions, of which the same have equal prices, are told as one.
_CHANGED = f"""
SELECT iso, market, node, node_type, feed, positions, vintages, source_versions, ranks, publications, prices,
    count() AS intervals, min(interval_start_utc) AS first_start, max(interval_start_utc) AS last_start
FROM (
    SELECT iso, market, node, node_type, feed, interval_start_utc,
        arraySort(groupArray((log_position, CAST(vintage, 'Int8') AS strength, source_version, publication_position,
            publication_id, lmp_usd_per_mwh))) AS versions,
        arrayMap(version -> version.1, versions) AS positions,
        arrayMap(version -> version.2, versions) AS vintages,
        arrayMap(version -> version.3, versions) AS source_versions,
        arrayMap(version -> version.4, versions) AS ranks,
        arrayMap(version -> version.5, versions) AS publications,
        arrayMap(version -> version.6, versions) AS values,
        arrayMap(value -> indexOf(values, value), values) AS prices
    {_OF_PLACES} AND interval_start_utc IN (SELECT interval_start_utc {_OF_PLACES} AND {_SINCE})
    GROUP BY iso, market, node, node_type, feed, interval_start_utc
    HAVING max({_SINCE}) AND (uniqExact(lmp_usd_per_mwh) > 1 OR min(log_position IN {{replaced:Array(Int64)}}))
)
GROUP BY iso, market, node, node_type, feed, positions, vintages, source_versions, ranks, publications, prices
"""  # noqa: S608 - no values, the engine binds them
_FEEDS = f"""
SELECT iso, market, node, node_type, feed, min(log_position) AS first_position,
    argMin(publication_id, log_position) AS first_publication,
    if(min(log_position IN {{replaced:Array(Int64)}}), groupUniqArray(log_position), []) AS withdrawn
{_OF_PLACES}
GROUP BY iso, market, node, node_type, feed ORDER BY feed
"""


def changed_prices(
    ch: ClickHouse, places: Sequence[Place], *, since: int, through: int, superseded: Mapping[int, int]
) -> list[Replacement]:
    """By Intervals, what readers of the places after position `since` knew otherwise than it is at `through`.

    `superseded` says of readings that another one replaced by `through`, at which position.
    """
    wanted = set(places)
    found = ch.query_arrow(
        _CHANGED,
        _values(places, through, superseded)
        | {"since": since, "replaced_since": [reading for reading, by in superseded.items() if by > since]},
    )
    of_places = (row for row in found.to_pylist() if _place(row) in wanted)
    changes = (change for row in of_places for change in replacements(_versions(row, superseded)))
    return [change for change in changes if change.replaced and change.end > since]


def feeds_of(
    ch: ClickHouse, places: Sequence[Place], *, through: int, superseded: Mapping[int, int]
) -> dict[Place, list[FeedSpan]]:
    """The feeds in which each place has prices."""
    feeds: dict[Place, list[FeedSpan]] = {place: [] for place in places}
    for row in ch.query_arrow(_FEEDS, _values(places, through, superseded)).to_pylist():
        ends = [superseded[reading] for reading in row["withdrawn"]]
        first = Origin(row["first_publication"], row["first_position"])
        if (place := _place(row)) in feeds:
            feeds[place].append(FeedSpan(row["feed"], first, max(ends, default=None)))
    return feeds


def feed_at(place: Place, feeds: Sequence[FeedSpan], position: int) -> FeedSpan | None:
    """The feed that the history of a place was read from at a position; None where it had none, or no one of them."""
    known = {
        span.feed: span
        for span in feeds
        if span.first.position <= position and (span.withdrawn_at is None or position < span.withdrawn_at)
    }
    if len(known) == 1:
        return next(iter(known.values()))
    return known.get(settled_feed(place.iso, place.market) or "")


def _values(places: Sequence[Place], through: int, superseded: Mapping[int, int]) -> dict[str, Any]:
    isos, markets, nodes, node_types = (sorted(set(part)) for part in zip(*places, strict=True))
    return {
        "table": price_table(), "through": through, "isos": isos, "markets": markets, "nodes": nodes,
        "node_types": node_types, "replaced": list(superseded),
    }  # fmt: skip


def _versions(row: Mapping[str, Any], superseded: Mapping[int, int]) -> Iterator[Version]:
    """The prices are numbers that say which of them are equal."""
    key = Intervals(_place(row), row["feed"], row["intervals"], row["first_start"], row["last_start"])
    columns = ("vintages", "source_versions", "ranks", "positions", "prices", "publications")
    for vintage, source_version, rank, position, price, publication in zip(*(row[c] for c in columns), strict=True):
        order = (vintage, source_version, rank, position)
        yield Version(key, position, superseded.get(position), order, price, Origin(publication, position))


def _place(row: Mapping[str, Any]) -> Place:
    return Place(row["iso"], row["market"], row["node"], row["node_type"])
