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
