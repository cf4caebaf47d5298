"""How good the rows of an ISO's market days are: what is missing, what stands there twice, what looks wrong.

Everything is measured on the stored rows and nothing is dropped: a spike is marked and stays a price.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.clickhouse import ClickHouse
from infra.clickhouse_tables import PinnedTable
from queries.quality_checks import CHECKS, POWER_LIMITS, Checks
from queries.quality_places import OUT_OF_RANGE, SPIKE, places_of_day
from queries.relational import Row
from read_models.market_days import MarketDay, step_s

_HISTORY_DAYS = 7
_SHORT_STEP_S = 300
MOST_FINDINGS = 1_000
"""Of each kind, market day and feed."""
MOST_FINDINGS_IN_ALL = 10_000
NO_TARGET = timedelta(0)


@dataclass(frozen=True)
class FeedToJudge:
    """A feed of which the platform has rows.

    `first_interval_start_utc` is where it began; `target` how old its newest interval may be, so that nothing is
    missed before it is due.
    """

    dataset: str
    feed: str
    market: str
    first_interval_start_utc: datetime
    target: timedelta = NO_TARGET


@dataclass
class Quality:
    """`days`: a row a feed and market day. `findings`: a row a fault, of a `kind`; `findings_left_out` more are not
    listed, though the counts of `days` have them."""

    days: list[Row] = field(default_factory=list)
    findings: list[Row] = field(default_factory=list)
    findings_left_out: int = 0


def quality(
    ch: ClickHouse,
    iso: str,
    days: Sequence[date],
    feeds: Sequence[FeedToJudge],
    *,
    now_utc: datetime,
    through_position: int,
    superseded: Sequence[int] = (),
) -> Quality:
    """The quality of market days (23 to 25 hours) of each feed of CHECKS that had begun by then, as of `now_utc`.

    Day-ahead days are expected whole once they have begun, others as far as their intervals are due. Positions past
    `through_position` are unseen, and so are those `superseded`.
    """
    found = Quality()
    known = {"iso": iso, "known": through_position, "superseded": list(superseded)}
    for feed in feeds:
        if feed.dataset not in CHECKS:
            continue
        checks = CHECKS[feed.dataset]
        with ch.tables.pinned(checks.table) as table:
            for day in (MarketDay.of(iso, day) for day in days):
                if feed.first_interval_start_utc < day.end_utc:
                    _add(found, _FeedDay(iso, feed, day, checks, now_utc), table, known)
    found.days.sort(key=lambda row: row["market_day"])
    found.findings.sort(key=lambda finding: finding["market_day"])
    return found


def due_intervals(market: str, day: MarketDay, step_s: int, now_utc: datetime, target: timedelta) -> int:
    """How many intervals of a day, its first ones, should be there by now.

    Day-ahead days are expected whole once they have begun, others as far as intervals ended longer ago than `target`.
    """
    whole = day.intervals(step_s)
    if market == "DA":
        return whole if day.start_utc <= now_utc else 0
    return max(0, min(whole, (now_utc - target - day.start_utc) // timedelta(seconds=step_s)))


@dataclass(frozen=True)
class _FeedDay:
    """A feed's market day, to be judged."""

    iso: str
    feed: FeedToJudge
    day: MarketDay
    checks: Checks
    now_utc: datetime

    @property
    def step_s(self) -> int:
        """0 where intervals are not counted."""
        return step_s(self.feed.dataset, self.iso, self.feed.market, self.feed.feed) or 0

    @property
    def slots(self) -> int:
        return self.day.intervals(self.step_s or _SHORT_STEP_S)

    @property
    def expected(self) -> int | None:
        """How many of the day's intervals should be there by now: the first ones."""
        if not self.step_s:
            return None
        return due_intervals(self.feed.market, self.day, self.step_s, self.now_utc, self.feed.target)

    def values(self) -> dict[str, Any]:
        history = self.day.start_utc
        if self.checks.has_spikes and self.step_s > _SHORT_STEP_S:
            history = self.day.end_utc - timedelta(days=_HISTORY_DAYS)
        return {
            "feed": self.feed.feed, "market": self.feed.market, "step": self.step_s, "history": _second(history),
            "start": _second(self.day.start_utc), "end": _second(self.day.end_utc),
        }  # fmt: skip

    def interval_start(self, slot: int) -> datetime:
        return self.day.start_utc + timedelta(seconds=self.step_s) * slot

    def finding(self, kind: str, start_utc: datetime, end_utc: datetime | None, detail: str, **of_place: Any) -> Row:
        nothing = {"place": None, "node": None, "node_type": None, "lmp_usd_per_mwh": None, "value": None}
        return {
            "kind": kind, "dataset": self.feed.dataset, "feed": self.feed.feed, "market": self.feed.market,
            "market_day": self.day.day, "interval_start_utc": start_utc, "interval_end_utc": end_utc,
            **(nothing | of_place), "detail": detail,
        }  # fmt: skip


def _add(found: Quality, of: _FeedDay, table: PinnedTable, known: dict[str, Any]) -> None:
    """Judges one day of one feed."""
    received = np.zeros(of.slots, np.int64)  # places by interval
    places, repeated, restated = 0, 0, 0
    marks = []
    for part in places_of_day(table, of.checks, {**known, **of.values()}):
        places += int(pc.sum(pc.greater(pc.list_value_length(part["slots"]), 0)).as_py() or 0)
        received += np.bincount(_flat(part["slots"]), minlength=len(received))
        repeated += pc.sum(part["repeated"]).as_py() or 0
        restated += pc.sum(part["restated"]).as_py() or 0
        marks.append(_marks(part, of.checks))
    marked = pa.concat_tables(marks, promote_options="permissive") if marks else None
    expected = of.expected
    gaps = [] if expected is None else [slot for slot in range(expected) if received[slot] < max(places, 1)]
    kinds = _by_kind(marked)
    counts = {kind: rows.num_rows for kind, rows in kinds.items()}
    found.days.append(
        {
            "dataset": of.feed.dataset, "feed": of.feed.feed, "market": of.feed.market, "market_day": of.day.day,
            **_completeness(received, expected, places), "gaps": len(gaps), "spikes": counts["spike"],
            "wrong_prices": counts["range"] + counts["component"], "repeated_rows": repeated, "restated_rows": restated,
        }
    )  # fmt: skip
    repeats = bool(repeated) and of.checks.is_prices
    total = len(gaps) + sum(counts.values()) + repeats
    room = MOST_FINDINGS_IN_ALL - len(found.findings)
    listed = list(islice(_findings(of, gaps, received, places, kinds, repeated if repeats else 0), max(room, 0)))
    found.findings += listed
    found.findings_left_out += total - len(listed)


def _completeness(received: Any, expected: int | None, places: int) -> Row:
    """Intervals and rows expected and received; every place of the day is expected in each interval."""
    counted = received if expected is None else received[:expected]
    share = None
    if expected:
        share = float(counted.sum()) / (places * expected) if places else 0.0
    return {
        "expected_intervals": expected,
        "received_intervals": int((counted > 0).sum()),
        "places": places,
        "completeness": share,
    }


def _flat(lists: pa.ChunkedArray) -> Any:
    return pc.list_flatten(lists).to_numpy().astype(np.int64)


def _marks(part: pa.Table, checks: Checks) -> pa.Table:
    """A row a mark: the labels of its place, start, value, fault, median and scale."""
    place = pc.list_parent_indices(part["marks"]).combine_chunks()
    flat = pc.list_flatten(part["marks"]).combine_chunks()
    columns = {name: part[name].take(place).cast(pa.string()) for name in checks.labels}
    columns |= {name: part[name].take(place) for name in ("median", "scale")}
    columns |= {name: flat.field(number) for number, name in enumerate(("start", "value", "fault", "end"))}
    return pa.table(columns)


def _by_kind(marked: pa.Table | None) -> dict[str, pa.Table]:
    if marked is None:
        return dict.fromkeys(("component", "range", "spike"), pa.table({}))
    fault = marked["fault"]
    return {
        "component": marked.filter(pc.greater(fault, SPIKE)),
        "range": marked.filter(pc.less_equal(fault, OUT_OF_RANGE)),
        "spike": marked.filter(pc.equal(fault, SPIKE)),
    }


def _findings(
    of: _FeedDay, gaps: Sequence[int], received: Any, places: int, kinds: dict[str, pa.Table], repeated: int
) -> Iterator[Row]:
    """At most MOST_FINDINGS of a kind, oldest first."""
    for slot in gaps[:MOST_FINDINGS]:
        start = of.interval_start(slot)
        yield of.finding("gap", start, start + timedelta(seconds=of.step_s), _missing(of, int(received[slot]), places))
    for kind, rows in kinds.items():
        if not rows.num_rows:
            continue
        order = [("start", "ascending"), *((label, "ascending") for label in of.checks.labels)]
        for mark in rows.sort_by(order).slice(0, MOST_FINDINGS).to_pylist():
            yield _mark(of, kind, mark)
    if repeated:
        detail = f"{repeated:,} rows say again what an earlier file said in the same version"
        yield of.finding("repeat", of.day.start_utc, None, detail)


def _missing(of: _FeedDay, received: int, places: int) -> str:
    what = "price" if of.checks.is_prices else "row"
    return f"{places - received:,} of {places:,} places have no {what}" if received else f"no {what} at all"


def _mark(of: _FeedDay, kind: str, mark: Row) -> Row:
    start, end = (datetime.fromtimestamp(mark[name], UTC) for name in ("start", "end"))
    value, fault, checks = mark["value"], mark["fault"], of.checks
    if kind == "component":
        detail = f"off from its components by {round(fault, 4):g} $/MWh"
    elif kind == "spike":
        assert checks.limits is not None
        score = abs(value - mark["median"]) / mark["scale"]
        detail = f"{score:.1f} robust deviations from the median of {mark['median']:.2f} {checks.limits.unit}"
    elif fault == OUT_OF_RANGE:
        detail = str(checks.limits_of(mark))
    else:
        detail = f"{checks.powers[int(OUT_OF_RANGE - fault) - 1]} {POWER_LIMITS}"
    of_place = {"place": checks.place(mark), "value": value}
    if checks.is_prices:
        of_place |= {"node": mark["node"], "node_type": mark["node_type"], "lmp_usd_per_mwh": value}
    return of.finding(kind, start, end, detail, **of_place)


def _second(moment: datetime) -> int:
    return int(moment.timestamp())
