"""How good the prices of an ISO's market days are: what is missing, what stands there twice, what looks wrong.

Everything is measured on the stored rows and nothing is dropped: a spike is marked and stays a price.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from infra.clickhouse import ClickHouse
from queries.relational import Row
from read_models.prices import price_table

STEP_S = {"DA": 3600, "RTH": 3600, "RT15": 900, "RT5": 300}
"""Length of an interval by market."""

COMPONENT_TOLERANCE_USD_PER_MWH = 0.03  # four numbers, each rounded to a cent, and the float that holds them
LOWEST_USD_PER_MWH, HIGHEST_USD_PER_MWH = -2_000.0, 10_000.0  # beyond the offer caps of all four, and congestion

# A price is a spike where it lies further from its place's median than this many robust standard deviations, which
# are 1.4826 times the median absolute deviation (Iglewicz and Hoaglin, 1993), but at least 10 % of the median and
# 1 $/MWh: a place with a flat price has no deviation at all. Their 3.5 is for normal data; prices have heavy tails.
SPIKE_SCORE = 8.0
FEWEST_FOR_SPIKES = 12
_HISTORY_DAYS = 7
MOST_FINDINGS = 1_000
"""Of each kind, market day and feed."""


@dataclass(frozen=True)
class PriceFeed:
    """A feed of prices that the platform has, and where its first interval starts."""

    feed: str
    market: str
    first_interval_start_utc: datetime


@dataclass(frozen=True)
class Quality:
    """`days`: a row a feed and market day. `findings`: a row a fault, of a `kind`."""

    days: list[Row]
    findings: list[Row]


def price_quality(
    ch: ClickHouse,
    iso: str,
    days: Sequence[date],
    zone: ZoneInfo,
    feeds: Sequence[PriceFeed],
    *,
    now_utc: datetime,
    through_position: int,
    superseded: Sequence[int] = (),
) -> Quality:
    """The quality of market days (of `zone`: 23 to 25 hours) of each feed that had begun by then.

    Day-ahead prices of a day are expected whole, others up to `now_utc`. Positions past `through_position` are unseen.
    """
    found = Quality([], [])
    with ch.pinned(price_table()) as table:
        for day in days:
            start, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
            for feed in feeds:
                if feed.first_interval_start_utc >= end:
                    continue
                step = timedelta(seconds=STEP_S[feed.market])
                until = end if feed.market == "DA" else min(end, now_utc)
                expected = list(_slots(start, until, step))
                values = {
                    "iso": iso, "feed": feed.feed, "market": feed.market, "start": start, "end": end,
                    "history": end - timedelta(days=1 if feed.market == "RT5" else _HISTORY_DAYS),
                    "step": STEP_S[feed.market], "known": through_position, "superseded": list(superseded),
                }  # fmt: skip
                slots = table.query_arrow(_SLOTS, values).to_pylist()
                (whole,) = table.query_arrow(_PLACES, values).to_pylist()
                gaps = list(_gaps(expected, slots, whole["places"], step))
                spikes = table.query_arrow(_SPIKES, values).to_pylist()
                (sums,) = table.query_arrow(_REPEATS, values).to_pylist()
                wrong = table.query_arrow(_WRONG, values).to_pylist()
                place = {"feed": feed.feed, "market": feed.market, "market_day": day}
                found.days.append(
                    place
                    | _completeness(expected, slots, whole["places"])
                    | {"gaps": len(gaps), "spikes": len(spikes), "wrong_prices": len(wrong), **sums}
                )
                repeats = [_repeat(start, sums["repeated_rows"])] if sums["repeated_rows"] else []
                for finding in (*gaps, *wrong, *spikes, *repeats):
                    found.findings.append(place | finding)
    return found


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _slots(start: datetime, until: datetime, step: timedelta) -> Iterator[datetime]:
    """The starts of the intervals that are over by `until`."""
    while start + step <= until:
        yield start
        start += step


def _completeness(expected: Sequence[datetime], slots: Sequence[Row], places: int) -> dict[str, Any]:
    """Intervals and prices expected and received; every place of the day is expected in each interval."""
    wanted = set(expected)
    received = [slot for slot in slots if slot["slot"] in wanted]
    prices = sum(slot["places"] for slot in received)
    expected_prices = places * len(expected)
    share = prices / expected_prices if expected_prices else None if not expected else 0.0
    return {
        "expected_intervals": len(expected),
        "received_intervals": len(received),
        "places": places,
        "completeness": share,
    }


def _gaps(expected: Sequence[datetime], slots: Sequence[Row], places: int, step: timedelta) -> Iterator[Row]:
    there = {slot["slot"]: slot["places"] for slot in slots}
    for start in expected:
        if (received := there.get(start, 0)) < max(places, 1):
            what = f"{places - received:,} of {places:,} places have no price" if received else "no price at all"
            yield _finding("gap", start, start + step, what)


def _repeat(start: datetime, rows: int) -> Row:
    return _finding("repeat", start, None, f"{rows:,} rows say again what an earlier file said in the same version")


def _finding(kind: str, start: datetime, end: datetime | None, detail: str) -> Row:
    return {
        "kind": kind, "interval_start_utc": start, "interval_end_utc": end, "node": None, "node_type": None,
        "lmp_usd_per_mwh": None, "detail": detail,
    }  # fmt: skip


# An interval is known by its end: a run of ERCOT's SCED starts at any second, and ends on a mark of five minutes.
_ROWS = """
    SELECT *, fromUnixTimestamp64Micro(toUnixTimestamp64Micro(toDateTime64(interval_end_utc, 6, 'UTC'))
              - {step:Int64} * 1000000, 'UTC') AS slot
    FROM ch.{table:Identifier}
    WHERE iso = {iso:String} AND feed = {feed:String} AND market = {market:String} AND log_position <= {known:Int64}
      AND log_position NOT IN {superseded:Array(Int64)}
      AND interval_start_utc >= {history:DateTime64(6, 'UTC')} - toIntervalHour(2)
      AND interval_start_utc < {end:DateTime64(6, 'UTC')}
"""
_OF_DAY = "slot >= {start:DateTime64(6, 'UTC')} AND slot < {end:DateTime64(6, 'UTC')}"
_WINNERS = f"""
    SELECT * FROM ({_ROWS}) ORDER BY vintage DESC, source_version DESC, publication_position DESC, log_position DESC
    LIMIT 1 BY node, node_type, interval_start_utc
"""  # noqa: S608 - all of it from this module
_SLOTS = f"""
    SELECT slot, toInt64(uniqExact(node, node_type)) AS places FROM ({_ROWS}) WHERE {_OF_DAY}
    GROUP BY slot ORDER BY slot
"""  # noqa: S608
_PLACES = f"SELECT toInt64(uniqExact(node, node_type)) AS places FROM ({_ROWS}) WHERE {_OF_DAY}"  # noqa: S608
_REPEATS = f"""
    SELECT toInt64(sumIf(versions - 1, prices = 1)) AS repeated_rows,
           toInt64(sumIf(versions - 1, prices > 1)) AS restated_rows
    FROM (SELECT count() AS versions, uniqExact(lmp_usd_per_mwh) AS prices FROM ({_ROWS}) WHERE {_OF_DAY}
          GROUP BY node, node_type, interval_start_utc, vintage, source_version)
"""  # noqa: S608
# Operators differ in whether greenhouse gas is in the LMP, added to it or taken from it: each of these is right.
_WRONG = f"""
    WITH energy_usd_per_mwh + congestion_usd_per_mwh + loss_usd_per_mwh AS total,
         ifNull(ghg_usd_per_mwh, 0) AS ghg,
         arrayMin(arrayMap(s -> abs(lmp_usd_per_mwh - total - s * ghg), [-1, 0, 1])) AS off
    SELECT if(isNull(off) OR off <= {COMPONENT_TOLERANCE_USD_PER_MWH}, 'range', 'component') AS kind,
           slot AS interval_start_utc, toDateTime64(interval_end_utc, 6, 'UTC') AS interval_end_utc, node, node_type,
           lmp_usd_per_mwh,
           if(kind = 'range', 'beyond {LOWEST_USD_PER_MWH:,.0f} to {HIGHEST_USD_PER_MWH:,.0f} $/MWh',
              concat('off from its components by ', toString(round(assumeNotNull(off), 4)), ' $/MWh')) AS detail
    FROM ({_WINNERS})
    WHERE {_OF_DAY} AND (ifNull(off > {COMPONENT_TOLERANCE_USD_PER_MWH}, 0)
          OR lmp_usd_per_mwh < {LOWEST_USD_PER_MWH} OR lmp_usd_per_mwh > {HIGHEST_USD_PER_MWH})
    ORDER BY interval_start_utc, node LIMIT {MOST_FINDINGS}
"""  # noqa: S608
_SPIKES = f"""
    WITH arrayReduce('quantileExact(0.5)', arrayMap(p -> p.2, points)) AS median,
         arrayReduce('quantileExact(0.5)', arrayMap(p -> abs(p.2 - median), points)) AS deviation,
         greatest(1.4826 * deviation, 0.1 * abs(median), 1.0) AS scale
    SELECT 'spike' AS kind, point.1 AS interval_start_utc, point.3 AS interval_end_utc, node, node_type,
           point.2 AS lmp_usd_per_mwh,
           concat(toString(round(abs(point.2 - median) / scale, 1)), ' robust deviations from the median of ',
                  toString(round(median, 2)), ' $/MWh') AS detail
    FROM (SELECT node, node_type,
                 groupArray((slot, lmp_usd_per_mwh, toDateTime64(interval_end_utc, 6, 'UTC'))) AS points
          FROM ({_WINNERS}) WHERE slot >= {{history:DateTime64(6, 'UTC')}}
          GROUP BY node, node_type HAVING length(points) >= {FEWEST_FOR_SPIKES})
    ARRAY JOIN points AS point
    WHERE point.1 >= {{start:DateTime64(6, 'UTC')}} AND point.1 < {{end:DateTime64(6, 'UTC')}}
      AND abs(point.2 - median) > {SPIKE_SCORE} * scale
    ORDER BY interval_start_utc, node LIMIT {MOST_FINDINGS}
"""  # noqa: S608
