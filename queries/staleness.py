"""Which results are stale: what they were made from is known otherwise by now.

A curve is stale when building it again from what is known now, for the same deliveries, would read something else:

* prices: an interval that its history read has another price now, or none (restated, or read anew by another parser);
* feed: its history would be read from another feed of the operator;
* quotes: a product of its hub has a newer quote, or one where there was none;
* scenario: its assumptions were revised.

Intervals that were published since do not make it stale, nor does a reading or a revision that says the same. A
valuation is as stale as the curve that it stands on, for the terms of a contract never change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from queries.price_changes import FeedSpan, Place, changed_prices, feed_at, feeds_of
from queries.publications import superseding_readings
from queries.relational import Row, rows
from queries.replacements import Origin, Replacement, Version, replacements
from queries.view import ReadView

PROJECTIONS = ("curves", "instruments", "prices", "publications", "quotes", "scenarios")
"""The read models that tell what is stale."""

_CURVES = """
SELECT curve_id, hub, scenario, (parameters->>'through_position')::bigint AS through,
       (parameters->>'scenario_revision')::integer AS revision, i.iso, i.market, i.node, i.node_type
FROM curve c JOIN instrument i ON i.tenant = c.tenant AND i.name = c.hub
WHERE c.tenant = %(tenant)s AND curve_id = ANY(%(ids)s) AND c.log_position <= %(as_of)s
"""
# The quotes of each product since the oldest curve, and the one that was the newest then.
_QUOTES = """
WITH known AS (
    SELECT hub, product, price_usd_per_mwh, quoted_at, sheet_id::text, log_position FROM quote
    WHERE tenant = %(tenant)s AND hub = ANY(%(hubs)s) AND log_position <= %(as_of)s
)
SELECT * FROM known WHERE log_position > %(since)s
UNION ALL
(SELECT DISTINCT ON (hub, product) * FROM known WHERE log_position <= %(since)s
 ORDER BY hub, product, quoted_at DESC, log_position DESC)
ORDER BY hub, product, log_position
"""
_SCENARIOS = """
SELECT scenario_id::text, name, revision, growth_per_year, seasonal_weight, log_position FROM scenario
WHERE tenant = %(tenant)s AND name = ANY(%(names)s) AND log_position <= %(as_of)s ORDER BY name, revision
"""


class _Curve(NamedTuple):
    id: UUID
    hub: str
    scenario: str
    through: int
    revision: int
    place: Place


@dataclass(frozen=True)
class Reason:
    """One thing that changed: what was replaced by what, and at which position the curve's reading ceased to hold.

    `replaced` is None where nothing was known, `by` where what was known was withdrawn.
    """

    kind: str
    since: int
    replaced: Origin | None
    by: Origin | None
    detail: str

    def row(self) -> Row:
        return {
            "kind": self.kind,
            "since": self.since,
            "replaced": self.replaced and self.replaced._asdict(),
            "by": self.by and self.by._asdict(),
            "detail": self.detail,
        }


def stale_curves(view: ReadView, tenant: str, curve_ids: Sequence[UUID], as_of: int) -> dict[UUID, list[Reason]]:
    """Those of the curves that are stale by what was known at `as_of`, with the reasons."""
    values = {"tenant": tenant, "ids": list(set(curve_ids)), "as_of": as_of}
    curves = [_curve(row) for row in rows(view.pool, _CURVES, values)]
    if not curves:
        return {}
    since = min(curve.through for curve in curves)
    sources = (
        _Prices(view, curves, since, as_of),
        _Quotes(view, tenant, curves, since, as_of),
        _Scenarios(view, tenant, curves, as_of),
    )
    found = {curve.id: [reason for source in sources for reason in source.reasons(curve)] for curve in curves}
    return {id: reasons for id, reasons in found.items() if reasons}


class _Prices:
    """Prices of the curves' places that changed since the oldest of them."""

    def __init__(self, view: ReadView, curves: Sequence[_Curve], since: int, as_of: int) -> None:
        places = sorted({curve.place for curve in curves})
        superseded = superseding_readings(view.pool, as_of)
        self._as_of = as_of
        self._feeds = feeds_of(view.clickhouse, places, through=as_of, superseded=superseded)
        # All curves that read the same intervals before the same change have the same reason.
        self._reasons: dict[tuple[Place, str], list[tuple[Replacement, Reason]]] = defaultdict(list)
        for change in changed_prices(view.clickhouse, places, since=since, through=as_of, superseded=superseded):
            self._reasons[change.key.place, change.key.feed].append((change, _price_reason(change)))

    def reasons(self, curve: _Curve) -> Iterator[Reason]:
        feeds = self._feeds[curve.place]
        then, now = feed_at(curve.place, feeds, curve.through), feed_at(curve.place, feeds, self._as_of)
        if then is None:
            return
        if now is not None and now.feed != then.feed:
            yield _feed_reason(then, now)
            return
        for change, reason in self._reasons.get((curve.place, then.feed), ()):
            if change.concerns(curve.through):
                yield reason


def _price_reason(change: Replacement) -> Reason:
    what = "prices are others" if change.by else "prices are there no more"
    span = f"{change.key.first_start_utc:%Y-%m-%dT%H:%MZ} to {change.key.last_start_utc:%Y-%m-%dT%H:%MZ}"
    detail = f"{change.key.interval_count} {what}, of intervals starting {span}"
    return Reason("prices", change.end, change.replaced, change.by, detail)


def _feed_reason(then: FeedSpan, now: FeedSpan) -> Reason:
    since = max(now.first.position, then.withdrawn_at or 0)
    return Reason("feed", since, then.first, now.first, f"the history is in the feed {now.feed} now, not {then.feed}")


class _Quotes:
    """Products of the curves' hubs whose newest quote changed since the oldest of them."""

    def __init__(self, view: ReadView, tenant: str, curves: Sequence[_Curve], since: int, as_of: int) -> None:
        hubs = sorted({curve.hub for curve in curves})
        found = rows(view.pool, _QUOTES, {"tenant": tenant, "hubs": hubs, "since": since, "as_of": as_of})
        self._changes: dict[str, list[list[Replacement]]] = defaultdict(list)
        for (hub, _), changes in groupby(replacements(map(_quote_version, found)), key=attrgetter("key")):
            self._changes[hub].append(list(changes))

    def reasons(self, curve: _Curve) -> Iterator[Reason]:
        products: dict[tuple[Origin | None, Origin | None, int], list[str]] = defaultdict(list)
        for changes in self._changes.get(curve.hub, ()):
            # Those of one product follow each other, so at most one of them concerns the curve.
            nearest = bisect_right(changes, curve.through, key=attrgetter("start")) - 1
            if nearest >= 0 and (change := changes[nearest]).concerns(curve.through):
                products[change.replaced, change.by, change.end].append(change.key[1])
        for (replaced, by, since), names in products.items():
            yield Reason(
                "quotes", since, replaced, by, f"{', '.join(names)}: {'newer' if replaced else 'first'} quotes"
            )


def _quote_version(row: Row) -> Version:
    position = row["log_position"]
    return Version(
        key=(row["hub"], row["product"]),
        start=position,
        end=None,
        rank=(row["quoted_at"], position),
        value=(row["price_usd_per_mwh"], row["quoted_at"]),
        origin=Origin(row["sheet_id"], position),
    )


class _Scenarios:
    """The curves' scenarios, all revisions."""

    def __init__(self, view: ReadView, tenant: str, curves: Sequence[_Curve], as_of: int) -> None:
        names = sorted({curve.scenario for curve in curves})
        found = rows(view.pool, _SCENARIOS, {"tenant": tenant, "names": names, "as_of": as_of})
        self._revisions = {name: list(group) for name, group in groupby(found, key=lambda row: row["name"])}

    def reasons(self, curve: _Curve) -> Iterator[Reason]:
        revisions = self._revisions.get(curve.scenario, [])
        used = next((row for row in revisions if row["revision"] == curve.revision), None)
        if used is None or _assumptions(revisions[-1]) == _assumptions(used):
            return
        following = next(row for row in revisions if row["revision"] > curve.revision)
        replaced, by = (Origin(row["scenario_id"], row["log_position"]) for row in (used, revisions[-1]))
        detail = f"{curve.scenario} is at revision {revisions[-1]['revision']}, not {curve.revision}"
        yield Reason("scenario", following["log_position"], replaced, by, detail)


def _assumptions(row: Row) -> tuple[float, float]:
    return row["growth_per_year"], row["seasonal_weight"]


def _curve(row: Row) -> _Curve:
    place = Place(row["iso"], row["market"], row["node"], row["node_type"])
    return _Curve(row["curve_id"], row["hub"], row["scenario"], row["through"], row["revision"], place)
