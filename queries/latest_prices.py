"""The latest price of each place: the winning row of its last interval."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa

from infra.clickhouse import ClickHouse
from read_models.prices import price_table

LOOK_BACK = timedelta(days=7)
"""Where all nodes are asked for, those without a price in so long before the ISO's newest interval are left out."""

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
# The vintage wins by its strength, which is its number; its name is read under another one.
_SELECT = f"""
SELECT iso, {_PLACE}, {", ".join(_VALUES)}, CAST(vintage, 'String') AS vintage_name
FROM ch.{{table:Identifier}} WHERE """  # noqa: S608 - names from above
_ORDER = f"""
ORDER BY {_PLACE}, interval_start_utc DESC, vintage DESC, source_version DESC, publication_position DESC,
    log_position DESC
LIMIT 1 BY {_PLACE}"""
_NEWEST = "SELECT max(interval_start_utc) AS newest, count() AS row_count FROM ch.{table:Identifier} WHERE "


def latest_prices(
    ch: ClickHouse,
    *,
    iso: str,
    nodes: Sequence[str] = (),
    market: str | None = None,
    feed: str | None = None,
    through_position: int,
    superseded: Sequence[int] = (),
) -> pa.Table:
    """A row for each place (market, feed, node, node_type) that matches; empty `nodes` means all.

    The columns are those of `ch.market_price_ticks`, the vintage as `vintage_name`. Rows past `through_position`, and
    those at the positions `superseded`, are unseen.
    """
    conditions = ["iso = {iso:String}", "log_position <= {known:Int64}"]
    values: dict[str, Any] = {"table": price_table(), "iso": iso, "known": through_position}
    if superseded:
        conditions.append("log_position NOT IN {superseded:Array(Int64)}")
        values["superseded"] = list(superseded)
    if market is not None:
        conditions.append("market = {market:String}")
        values["market"] = market
    if feed is not None:
        conditions.append("feed = {feed:String}")
        values["feed"] = feed
    if nodes:
        conditions.append("node IN {nodes:Array(String)}")
        values["nodes"] = list(nodes)
    else:
        (found,) = ch.query_arrow(_NEWEST + " AND ".join(conditions), values).to_pylist()
        if found["row_count"]:
            conditions.append("interval_start_utc >= {since:DateTime64(6, 'UTC')}")
            values["since"] = found["newest"] - LOOK_BACK
    return ch.query_arrow(_SELECT + " AND ".join(conditions) + _ORDER, values)
