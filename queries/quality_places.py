"""One pass over a feed's market day: what each place has of it, what was said again, what looks wrong.

A place's rows are brought together once, sorted by interval and version; all else is read off these arrays. That is
many times as fast as asking for winners row by row, and a place's rows of a week are few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from infra.clickhouse_tables import PinnedTable
from queries.quality_checks import COMPONENT_TOLERANCE_USD_PER_MWH, POWER_LIMITS, SERIES_LIMITS, Checks

# A price is a spike where it lies further from its place's median than this many robust standard deviations, which
# are 1.4826 times the median absolute deviation (Iglewicz and Hoaglin, 1993), but at least 10 % of the median and
# 1 $/MWh: a place with a flat price has no deviation at all. Their 3.5 is for normal data; prices have heavy tails.
SPIKE_SCORE = 8.0
FEWEST_FOR_SPIKES = 12

# What is held of a row takes some 150 bytes on the way.
_ROWS_AT_ONCE = 4_000_000

SPIKE, OUT_OF_RANGE = 0.0, -1.0
"""What a mark's `fault` says: a positive one is how far the price is off from its components, in $/MWh; those below
OUT_OF_RANGE count the columns of `Checks.powers` down from it."""


def places_of_day(table: PinnedTable, checks: Checks, values: Mapping[str, Any]) -> Iterator[pa.Table]:
    """A row a place that has an interval of the day or of the history before: the labels of `checks`, and

    * `slots`: the day's intervals that it has, counted from 0,
    * `repeated`, `restated`: rows of the day that say of an interval what the same version said before, or another;
      what a file repeats is not counted where it also has news of the place, as an answer that grows with the hour has,
    * `median`, `scale`: of its values of the history and the day, for spikes,
    * `marks`: the day's faults and spikes, each (start in s since 1970, value, fault, end).

    `values`: iso, feed, market; start, end and history (s since 1970), step (s), known (position), superseded
    (positions). An interval is known by its end: a run of a dispatch starts at any second, and ends on a mark. Where
    intervals are of any length, step is 0; then each is known by its start, and slots are of five minutes.
    """
    query = _select(checks)
    for run in _runs(table, checks, values):
        yield table.query_arrow(query, {**values, **run})


def _runs(table: PinnedTable, checks: Checks, values: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Cuts the places into runs of their first label, so that the engine never holds too many rows."""
    (label, *_) = checks.labels
    query = f"SELECT {label} AS label, count() AS row_count FROM {_FROM} GROUP BY label ORDER BY label"  # noqa: S608
    first: str | None = None
    last, held = "", 0
    for size in table.query_arrow(query, values).to_pylist():
        if first is not None and held + size["row_count"] > _ROWS_AT_ONCE:
            yield {"first": first, "last": last}
            first, held = None, 0
        first = size["label"] if first is None else first
        last, held = size["label"], held + size["row_count"]
    if first is not None:
        yield {"first": first, "last": last}


_FROM = """ch.{table:Identifier}
    WHERE iso = {iso:String} AND feed = {feed:String} AND market = {market:String} AND log_position <= {known:Int64}
      AND log_position NOT IN {superseded:Array(Int64)}
      AND interval_start_utc >= fromUnixTimestamp64Second({history:Int64} - 7200, 'UTC')
      AND interval_start_utc < fromUnixTimestamp64Second({end:Int64}, 'UTC')
"""


def _select(checks: Checks) -> str:
    """All names come from `checks`; values are bound. `points` are tuples: the columns are read off by number."""
    labels = ", ".join(checks.labels)
    issued = "toUnixTimestamp64Micro(ifNull(issued_at, toDateTime64(0, 6, 'UTC')))" if checks.has_issues else "0"
    said = ", ".join(f"ifNull(toFloat64({column}), -1e300)" for column in (checks.value, *checks.others))
    return f"""
    WITH arraySort(groupArray((start, version, publication_position, log_position, said, end, value, fault))) AS points,
         points.1 AS starts, points.2 AS versions, points.5 AS sayings,
         if({{step:Int64}} = 0, starts, arrayMap(end -> end - {{step:Int64}}, points.6)) AS slots_s,
         arrayMap((start, next, slot) -> start != next AND slot >= {{history:Int64}} AND slot < {{end:Int64}},
                  starts, arrayPushBack(arrayPopFront(starts), toInt64(-1)), slots_s) AS wins,
         arrayMap((start, before, version, earlier, slot) ->
                      start = before AND version = earlier AND slot >= {{start:Int64}} AND slot < {{end:Int64}},
                  starts, arrayPushFront(arrayPopBack(starts), toInt64(-1)),
                  versions, arrayPushFront(arrayPopBack(versions), versions[1]), slots_s) AS is_again,
         arrayPushFront(arrayPopBack(sayings), toUInt64(0)) AS said_before,
         arrayMap((again, new, old) -> again AND new = old, is_again, sayings, said_before) AS is_said_before,
         arrayDistinct(arrayFilter((position, again) -> NOT again, points.4, is_said_before)) AS news,
         arrayFilter((_, win) -> win, arrayZip(slots_s, points.7, points.8, points.6), wins) AS winners,
         arrayFilter(winner -> winner.1 >= {{start:Int64}}, winners) AS of_day,
         {_SPIKES if checks.has_spikes else _NO_SPIKES}
    SELECT {labels},
           arrayDistinct(arrayMap(slot -> toUInt16(intDiv(slot - {{start:Int64}}, greatest({{step:Int64}}, 300))),
                                  of_day.1)) AS slots,
           toInt64(arrayCount((again, position) -> again AND NOT has(news, position), is_said_before, points.4))
               AS repeated,
           toInt64(arrayCount((a, new, old) -> a AND new != old, is_again, sayings, said_before))
               AS restated,
           median, scale,
           arrayConcat(arrayFilter(winner -> winner.3 != 0, of_day), spikes) AS marks
    FROM (
        SELECT {labels}, publication_position, log_position,
               toUnixTimestamp64Second(toDateTime64(interval_start_utc, 0, 'UTC')) AS start,
               toUnixTimestamp64Second(toDateTime64(interval_end_utc, 0, 'UTC')) AS end,
               (toInt8(vintage), toInt64({issued}), source_version) AS version,
               cityHash64({said}) AS said,
               toFloat64(ifNull({checks.value}, 0)) AS value,
               toFloat64({_fault(checks)}) AS fault
        FROM {_FROM} AND {checks.labels[0]} >= {{first:String}} AND {checks.labels[0]} <= {{last:String}}
    )
    GROUP BY {labels}
    """  # noqa: S608 - names from this package


_SPIKES = f"""
         winners.2 AS levels,
         arrayReduce('quantileExact(0.5)', levels) AS median,
         arrayReduce('quantileExact(0.5)', arrayMap(level -> abs(level - median), levels)) AS deviation,
         greatest(1.4826 * deviation, 0.1 * abs(median), 1.0) AS scale,
         arrayMap(winner -> (winner.1, winner.2, toFloat64({SPIKE}), winner.4),
                  arrayFilter(winner -> abs(winner.2 - median) > {SPIKE_SCORE} * scale
                                        AND length(levels) >= {FEWEST_FOR_SPIKES}, of_day)) AS spikes
"""
_NO_SPIKES = "toFloat64(0) AS median, toFloat64(0) AS scale, arraySlice(winners, 1, 0) AS spikes"


def _fault(checks: Checks) -> str:
    """0 for a row that is in order."""
    beyond = _beyond(checks)
    if not checks.is_prices:
        return f"multiIf({', '.join(beyond)}, 0)"
    # Operators differ in whether greenhouse gas is in the LMP, added to it or taken from it: each of these is right.
    total = f"({checks.value} - energy_usd_per_mwh - congestion_usd_per_mwh - loss_usd_per_mwh)"
    ghg = "ifNull(ghg_usd_per_mwh, 0)"
    off = f"ifNull(least(abs({total}), abs({total} - {ghg}), abs({total} + {ghg})), 0)"
    return f"multiIf({off} > {COMPONENT_TOLERANCE_USD_PER_MWH}, {off}, {', '.join(beyond)}, 0)"


def _beyond(checks: Checks) -> Iterator[str]:
    """Conditions with what they mark a row as: its value, or another column, is beyond the limits."""
    of_value = f"ifNull({checks.value}, 0)"
    if checks.limits:
        yield f"{of_value} < {checks.limits.low} OR {of_value} > {checks.limits.high}, {OUT_OF_RANGE}"
    else:
        for unit, limits in SERIES_LIMITS.items():
            outside = f"{of_value} < {limits.low} OR {of_value} > {limits.high}"
            yield f"unit = '{unit}' AND ({outside}), {OUT_OF_RANGE}"
    for number, column in enumerate(checks.powers, start=1):
        power = f"ifNull({column}, 0)"
        yield f"{power} < {POWER_LIMITS.low} OR {power} > {POWER_LIMITS.high}, {OUT_OF_RANGE - number}"
