"""The latest price of each place: the winning row of its last interval.

`ch.latest_prices` answers for the state that is live. Where its row of a place is not one of the state asked for, since
it came later or was replaced, that place is looked up among all prices, which is slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from infra.clickhouse import ClickHouse
from queries.prices import PRICE_SCHEMA
from read_models.latest_prices import LATEST_TABLE
from read_models.prices import VINTAGES, price_table

LOOK_BACK = timedelta(days=7)
"""Where all nodes are asked for, those without a price in so long before their ISO's newest interval are left out."""

_VALUES = (
    "interval_start_utc",
    "interval_end_utc",
    "lmp_usd_per_mwh",
    "energy_usd_per_mwh",
    "congestion_usd_per_mwh",
    "loss_usd_per_mwh",
    "ghg_usd_per_mwh",
    "source_version",
    "published_at",
    "recorded_at",
    "log_position",
    "publication_id",
    "publication_position",
)
_PLACE = "market, feed, node, node_type"
_SELECT = f"SELECT iso, {_PLACE}, {', '.join(_VALUES)}, vintage FROM ch.{{table:Identifier}} "  # noqa: S608
_ORDER = f"""
ORDER BY {_PLACE}, interval_start_utc DESC, vintage DESC, source_version DESC, publication_position DESC,
    log_position DESC
LIMIT 1 BY {_PLACE} SETTINGS optimize_read_in_order = 0"""
_NEWEST = "SELECT max(interval_start_utc) AS newest, count() AS row_count FROM ch.{table:Identifier} "
_NAMES = (None, *VINTAGES)
_NEWEST_OF_FEEDS = "SELECT market, feed, max(interval_start_utc) AS newest FROM ch.{table:Identifier} "
# More nodes than these are not looked up by name: most have a price in the last interval of their feed, or just before.
_MOST_LOOKED_UP = 1_000
_REACHES = (timedelta(0), timedelta(hours=1))
_SAMPLED = 60  # places that tell which interval is the last one of their feeds


@dataclass(frozen=True)
class _Wanted:
    """Whose latest price, and what is known: rows up to `known`, but for those at the positions `superseded`."""

    isos: Sequence[str]
    nodes: Sequence[str]
    market: str | None
    feed: str | None
    known: int
    superseded: Sequence[int]
    since: datetime | None = None

    def places(self) -> tuple[list[str], dict[str, Any]]:
        """The conditions on places, and the values to bind."""
        conditions = ["iso IN {isos:Array(String)}"]
        values: dict[str, Any] = {"isos": list(self.isos)}
        if self.market is not None:
            conditions.append("market = {market:String}")
            values["market"] = self.market
        if self.feed is not None:
            conditions.append("feed = {feed:String}")
            values["feed"] = self.feed
        if self.nodes:
            conditions.append("node IN {nodes:Array(String)}")
            values["nodes"] = list(self.nodes)
        return conditions, values

    def rows(self) -> tuple[list[str], dict[str, Any]]:
        """The conditions on rows of all prices, and the values to bind."""
        conditions, values = self.places()
        conditions.append("log_position <= {known:Int64}")
        values["known"] = self.known
        if self.superseded:
            conditions.append("log_position NOT IN {superseded:Array(Int64)}")
            values["superseded"] = list(self.superseded)
        if self.since is not None:
            conditions.append("interval_start_utc >= {since:DateTime64(6, 'UTC')}")
            values["since"] = self.since
        return conditions, values

    def holds(self, found: pa.Table) -> pa.ChunkedArray:
        """Which rows are of the state asked for."""
        positions = found["log_position"]
        is_known = pc.less_equal(positions, self.known)
        return pc.and_not(is_known, pc.is_in(positions, pa.array(self.superseded, pa.int64())))


def latest_prices(
    ch: ClickHouse,
    *,
    isos: Sequence[str],
    nodes: Sequence[str] = (),
    market: str | None = None,
    feed: str | None = None,
    through_position: int,
    superseded: Sequence[int] = (),
) -> pa.Table:
    """A row for each place (iso, market, feed, node, node_type) that matches, in any order.

    Empty `nodes` means all of these ISOs. The columns are those of `ch.market_price_ticks`, the vintage as
    `vintage_name`. Rows past `through_position`, and those at the positions `superseded`, are unseen.
    """
    wanted = _Wanted(tuple(dict.fromkeys(isos)), nodes, market, feed, through_position, superseded)
    found = _winners(ch, wanted)
    names = pa.array(_NAMES)
    vintages = pa.chunked_array([names.take(chunk) for chunk in found["vintage"].chunks], pa.string())
    return found.drop_columns(["vintage"]).append_column("vintage_name", vintages)


def listed(found: pa.Table) -> pa.Table:
    """What `latest_prices` answered in the columns of PRICE_SCHEMA, sorted by iso, market, feed, node, node type."""
    order = [(column, "ascending") for column in ("iso", *_PLACE.split(", "))]
    columns = _plain(found).sort_by(order).rename_columns({"vintage_name": "vintage"}).select(PRICE_SCHEMA.names)
    texts = {field.name for field in PRICE_SCHEMA if pa.types.is_dictionary(field.type)}
    encoded = [column.dictionary_encode() if name in texts else column
               for name, column in zip(columns.column_names, columns.columns, strict=True)]  # fmt: skip
    return pa.table(encoded, PRICE_SCHEMA.names).cast(PRICE_SCHEMA).combine_chunks()


def _winners(ch: ClickHouse, wanted: _Wanted) -> pa.Table:
    found = _live(ch, wanted)
    if found.num_rows and pc.all(wanted.holds(found)).as_py() and _are_recent(found, wanted):
        return found
    answers = [_plain(found.slice(0, 0))]
    for iso in wanted.isos:
        of_iso = replace(wanted, isos=[iso])
        if found.num_rows:
            part = found.filter(pc.equal(found["iso"].cast(pa.string()), iso))
            answers.append(_plain(_certain(ch, of_iso, part)))
        else:  # as while it is built for the first time
            answers.append(_plain(_among_all(ch, of_iso)))
    return pa.concat_tables(answers)


def _certain(ch: ClickHouse, wanted: _Wanted, found: pa.Table) -> pa.Table:
    """The winners of one ISO, those whose live row does not count being looked up."""
    holds = wanted.holds(found)
    certain = _recent(found.filter(holds), wanted)
    doubtful = found.filter(pc.invert(holds))
    if not wanted.nodes and certain.num_rows:
        wanted = replace(wanted, since=pc.max(certain["interval_start_utc"]).as_py() - LOOK_BACK)
        # What was replaced in an interval had no later one.
        doubtful = doubtful.filter(pc.greater_equal(doubtful["interval_start_utc"], pa.scalar(wanted.since)))
    if not doubtful.num_rows:
        return certain
    looked_up = _looked_up(ch, wanted, _plain(doubtful))
    return _recent(pa.concat_tables([_without(_plain(certain), looked_up), looked_up]), wanted)


def _looked_up(ch: ClickHouse, wanted: _Wanted, doubtful: pa.Table) -> pa.Table:
    """The winners of at least the places of `doubtful` that have any, found among all prices."""
    found = doubtful.slice(0, 0)
    for reach in _REACHES:
        if len(pc.unique(doubtful["node"])) > _MOST_LOOKED_UP:
            others = _without(_plain(_near_the_last(ch, wanted, doubtful, reach)), found)
            found = pa.concat_tables([found, others])
            doubtful = _without(doubtful, others)
    nodes = pc.unique(doubtful["node"])
    if len(nodes) > _MOST_LOOKED_UP:
        return _plain(_among_all(ch, wanted))
    if not len(nodes):
        return found
    others = _plain(_among_all(ch, replace(wanted, nodes=nodes.to_pylist())))
    return pa.concat_tables([found, _without(others, found)])


def _live(ch: ClickHouse, wanted: _Wanted) -> pa.Table:
    conditions, values = wanted.places()
    return ch.query_arrow(f"{_SELECT} FINAL WHERE {' AND '.join(conditions)}", values | {"table": LATEST_TABLE})


def _among_all(ch: ClickHouse, wanted: _Wanted) -> pa.Table:
    """The same, but found among all prices."""
    if not wanted.nodes and wanted.since is None:
        conditions, values = wanted.rows()
        values["table"] = price_table()
        (found,) = ch.query_arrow(f"{_NEWEST} WHERE {' AND '.join(conditions)}", values).to_pylist()
        if found["row_count"]:
            wanted = replace(wanted, since=found["newest"] - LOOK_BACK)
    conditions, values = wanted.rows()
    values["table"] = price_table()
    return ch.query_arrow(f"{_SELECT} WHERE {' AND '.join(conditions)} {_ORDER}", values)


def _near_the_last(ch: ClickHouse, wanted: _Wanted, doubtful: pa.Table, reach: timedelta) -> pa.Table:
    """The winners of places that have a row since `reach` before the last interval of their feed, or later.

    Which is the last, some of the `doubtful` places tell: asking all of them would read every price there is. Were
    they behind others, more would be read than need be, and were they ahead, fewer places found.
    """
    sample = doubtful["node"].to_pylist()[:: -(-doubtful.num_rows // _SAMPLED)]
    conditions, values = replace(wanted, nodes=sample).rows()
    values["table"] = price_table()
    feeds = f"{_NEWEST_OF_FEEDS} WHERE {' AND '.join(conditions)} GROUP BY market, feed"
    newest_of_feeds = ch.query_arrow(feeds, values).to_pylist()
    conditions, values = wanted.rows()
    values["table"] = price_table()
    alternatives = ["false"]
    for number, feed in enumerate(newest_of_feeds):
        alternatives.append(
            f"(market = {{market_{number}:String}} AND feed = {{feed_{number}:String}}"
            f" AND interval_start_utc >= {{since_{number}:DateTime64(6, 'UTC')}})"
        )
        values |= {f"market_{number}": feed["market"], f"feed_{number}": feed["feed"]}
        values[f"since_{number}"] = feed["newest"] - reach
    conditions.append(f"({' OR '.join(alternatives)})")
    return ch.query_arrow(f"{_SELECT} WHERE {' AND '.join(conditions)} {_ORDER}", values)


def _without(found: pa.Table, others: pa.Table) -> pa.Table:
    """The rows of places that are not among the others."""
    return found.filter(pc.invert(pc.is_in(_place(found), pc.unique(_place(others)))))


def _place(found: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(*(found[column] for column in _PLACE.split(", ")), "\0")


def _recent(found: pa.Table, wanted: _Wanted) -> pa.Table:
    """Of one ISO: where all nodes are asked for, without the places that have had no price for long."""
    if _are_recent(found, wanted):
        return found
    starts = found["interval_start_utc"]
    return found.filter(pc.greater_equal(starts, pa.scalar(pc.max(starts).as_py() - LOOK_BACK, starts.type)))


def _are_recent(found: pa.Table, wanted: _Wanted) -> bool:
    """Whether no place is to be left out for having had no price for long."""
    if wanted.nodes or not found.num_rows:
        return True
    first, last = (start.as_py() for start in pc.min_max(found["interval_start_utc"]).values())
    return bool(first >= last - LOOK_BACK)


def _plain(found: pa.Table) -> pa.Table:
    """With texts instead of dictionaries, whose widths the engine chooses anew for each answer."""
    fields = [f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in found.schema]
    return found.cast(pa.schema(fields))
