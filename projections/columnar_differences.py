"""What differs between two tables of one shape."""

from __future__ import annotations

from collections.abc import Sequence

from infra.clickhouse import ClickHouse
from projections.relational import SHOWN

_COMPARED = "WHERE log_position <= {through:Int64} AND log_position NOT IN {set_aside:Array(Int64)}"

# One number and one count an event first: whole rows are compared for the few events alone that differ.
_DIFFERING = """
SELECT log_position FROM (
    SELECT log_position, count() AS row_count, sum(sipHash64(tuple(*))) AS checksum FROM ch.{live} {compared}
    GROUP BY log_position
    UNION ALL
    SELECT log_position, count() AS row_count, sum(sipHash64(tuple(*))) AS checksum FROM ch.{rebuilt} {compared}
    GROUP BY log_position
) GROUP BY log_position HAVING count() = 1 OR uniqExact(row_count, checksum) = 2 ORDER BY log_position LIMIT {limit}
"""
_ROWS = """
SELECT toString(tuple(*)) AS row FROM (
    SELECT * FROM ch.{here} WHERE log_position IN {{positions:Array(Int64)}}
    EXCEPT ALL SELECT * FROM ch.{there} WHERE log_position IN {{positions:Array(Int64)}}
) ORDER BY row LIMIT {limit}
"""
# A summary has one row a key. Where the live one has been taken over by what came since, there is nothing to compare.
_SUMMARY_ROWS = """
WITH taken_over AS (
    SELECT {key} FROM ch.{live} FINAL
    WHERE log_position > {{through:Int64}} OR log_position IN {{set_aside:Array(Int64)}}
)
SELECT toString(tuple(*)) AS row FROM (
    SELECT * FROM ch.{here} FINAL WHERE ({key}) NOT IN (SELECT * FROM taken_over)
    EXCEPT ALL SELECT * FROM ch.{there} FINAL WHERE ({key}) NOT IN (SELECT * FROM taken_over)
) ORDER BY row LIMIT {limit}
"""
_SORTING_KEY = "SELECT sorting_key FROM system.tables WHERE database = 'ch' AND name = {table:String}"


def differences(
    clickhouse: ClickHouse, live: str, rebuilt: str, through: int, set_aside: Sequence[int] = ()
) -> list[str]:
    """A few rows of events up to `through`, but for those `set_aside`, that only one of the tables has; as text."""
    query = _DIFFERING.format(live=live, rebuilt=rebuilt, compared=_COMPARED, limit=SHOWN)
    values = {"through": through, "set_aside": list(set_aside)}
    positions = clickhouse.query_arrow(query, values)["log_position"].to_pylist()
    lines: list[str] = []
    if positions:
        for where, here, there in (("only live", live, rebuilt), ("only rebuilt", rebuilt, live)):
            rows = clickhouse.query_arrow(_ROWS.format(here=here, there=there, limit=SHOWN), {"positions": positions})[
                "row"
            ]
            lines += [f"ch.{live}, {where}: {text}" for text in rows.to_pylist()]
    return lines


def summary_differences(
    clickhouse: ClickHouse, live: str, rebuilt: str, through: int, set_aside: Sequence[int] = ()
) -> list[str]:
    """As `differences`, of two tables of which the engine keeps the last row a sorting key."""
    (found,) = clickhouse.query_arrow(_SORTING_KEY, {"table": rebuilt}).to_pylist()
    values = {"through": through, "set_aside": list(set_aside)}
    lines: list[str] = []
    for where, here, there in (("only live", live, rebuilt), ("only rebuilt", rebuilt, live)):
        query = _SUMMARY_ROWS.format(key=found["sorting_key"], live=live, here=here, there=there, limit=SHOWN)
        lines += [f"ch.{live}, {where}: {text}" for text in clickhouse.query_arrow(query, values)["row"].to_pylist()]
    return lines
