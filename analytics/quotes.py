"""Overlapping forward quotes: which of them carry information, which only repeat others, which contradict them.

With the running total R(d) = sum of hours x price up to day d, a quote over [a, b) says nothing but
R(b) - R(a) = hours x price. Quotes are therefore edges of a graph whose nodes are the days on which some quote
starts or ends, and a quote repeats others exactly when its two days are already connected. That holds for months in
quarters in years and just as well for weeks straddling months, and needs no numerical rank.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from analytics.arrays import Floats, finite
from analytics.periods import Period, delivery_period

REDUNDANCY_TOLERANCE_USD_PER_MWH = 0.01
"""What rounding explains: a mean of prices rounded to a cent lies within half a cent, and so does its own quote."""


@dataclass(frozen=True)
class Quote:
    """A price for constant delivery over a period."""

    product: str
    period: Period
    price_usd_per_mwh: float

    @classmethod
    def of(cls, product: str, price_usd_per_mwh: float) -> "Quote":
        """A quote of a product named as `delivery_period` reads it."""
        return cls(product, delivery_period(product), price_usd_per_mwh)

    def __str__(self) -> str:
        return f"{self.product} at {self.price_usd_per_mwh:g}"


@dataclass(frozen=True)
class RedundantQuote:
    """A quote that finer ones already imply to within rounding, and that is left out for that reason."""

    quote: Quote
    implied_usd_per_mwh: float
    implied_by: tuple[Quote, ...]

    @property
    def difference_usd_per_mwh(self) -> float:
        """Quoted less implied."""
        return self.quote.price_usd_per_mwh - self.implied_usd_per_mwh


class ConflictingQuotes(ValueError):
    """A quote and the finer quotes that imply another price for the same delivery."""

    def __init__(self, conflict: RedundantQuote) -> None:
        self.quote = conflict.quote
        self.implied_by = conflict.implied_by
        self.implied_usd_per_mwh = conflict.implied_usd_per_mwh
        others = ", ".join(str(quote) for quote in conflict.implied_by)
        super().__init__(
            f"quotes conflict: {conflict.quote} USD/MWh, but {others} imply {conflict.implied_usd_per_mwh:.4f} "
            f"({conflict.difference_usd_per_mwh:+.4f}, more than {REDUNDANCY_TOLERANCE_USD_PER_MWH} allowed for "
            "rounding); correct or leave out one of them"
        )


@dataclass(frozen=True)
class Selection:
    """Independent quotes, finest first, and those left out because the others imply them."""

    used: tuple[Quote, ...]
    redundant: tuple[RedundantQuote, ...]


@dataclass(frozen=True)
class Bootstrap:
    """Flat prices over the non-overlapping pieces between quote boundaries; pieces nobody quotes are left out."""

    segments: tuple[Period, ...]
    price_usd_per_mwh: Floats
    selection: Selection


def quoted_span(quotes: Sequence[Quote]) -> Period:
    """From the first quoted day to the last. Raises ValueError where there is no quote."""
    if not quotes:
        raise ValueError("quotes: at least one is needed")
    return Period(min(q.period.start for q in quotes), max(q.period.end for q in quotes))


def cumulative_hours(quotes: Sequence[Quote], weights_hours: Floats) -> Floats:
    """Hours from the start of the quoted span up to each of its days, shape (days + 1,).

    Raises ValueError where weights do not match the span or are negative, a price is not finite, or a quote has no
    hours.
    """
    span = quoted_span(quotes)
    weights = finite("weights_hours", weights_hours)
    if weights.size != span.days or weights.min() < 0:
        raise ValueError(f"weights_hours: {span.days} values of 0 or more are needed, one a day of {span}")
    finite("price_usd_per_mwh", [quote.price_usd_per_mwh for quote in quotes])
    total = np.concatenate([[0.0], np.cumsum(weights)])
    for quote in quotes:
        if hours_in(quote.period, span, total) <= 0:
            raise ValueError(f"quote {quote}: its delivery has no hours")
    return total


def hours_in(period: Period, span: Period, total_hours: Floats) -> float:
    """Hours of a period inside the quoted span, from the running total of `cumulative_hours`."""
    return float(total_hours[(period.end - span.start).days] - total_hours[(period.start - span.start).days])


def select_quotes(quotes: Sequence[Quote], weights_hours: Floats) -> Selection:
    """Keep the finest independent quotes; name the ones they imply.

    `weights_hours` has one value a day of `quoted_span(quotes)`; averages are weighted with them.
    Raises ConflictingQuotes where a quote lies more than 0.01 USD/MWh from what finer quotes imply, ValueError as
    `cumulative_hours` does.
    """
    total, span = cumulative_hours(quotes, weights_hours), quoted_span(quotes)
    hours = {id(quote): hours_in(quote.period, span, total) for quote in quotes}
    links: _Links = defaultdict(list)
    used: list[Quote] = []
    redundant: list[RedundantQuote] = []
    for quote in sorted(quotes, key=lambda q: (hours[id(q)], q.period, q.product, q.price_usd_per_mwh)):
        path = _path(links, quote.period)
        if path is None:
            used.append(quote)
            links[quote.period.start].append((quote.period.end, quote, 1))
            links[quote.period.end].append((quote.period.start, quote, -1))
            continue
        value = sum(sign * hours[id(q)] * q.price_usd_per_mwh for q, sign in path) / hours[id(quote)]
        found = RedundantQuote(quote, value, tuple(sorted((q for q, _ in path), key=lambda q: q.period)))
        if abs(found.difference_usd_per_mwh) > REDUNDANCY_TOLERANCE_USD_PER_MWH + 1e-9:
            raise ConflictingQuotes(found)
        redundant.append(found)
    return Selection(tuple(used), tuple(redundant))


_Links = dict[date, list[tuple[date, Quote, int]]]


def _path(links: _Links, period: Period) -> list[tuple[Quote, int]] | None:
    """Quotes that lead from the period's start to its end, each with +1 or -1; None where nothing connects them."""
    came_from: dict[date, tuple[date, Quote, int]] = {}
    waiting, seen = deque([period.start]), {period.start}
    while waiting:
        here = waiting.popleft()
        for there, quote, sign in links.get(here, ()):
            if there not in seen:
                seen.add(there)
                came_from[there] = (here, quote, sign)
                waiting.append(there)
    if period.end not in came_from:
        return None
    path, here = [], period.end
    while here != period.start:
        here, quote, sign = came_from[here]
        path.append((quote, sign))
    return path


def atomic_segments(quotes: Sequence[Quote]) -> tuple[list[Period], list[Period]]:
    """Periods between neighbouring quote boundaries: the quoted ones, and the gaps that no quote covers."""
    days = sorted({q.period.start for q in quotes} | {q.period.end for q in quotes})
    pieces = [Period(start, end) for start, end in pairwise(days)]
    covered = [any(q.period.start <= p.start and p.end <= q.period.end for q in quotes) for p in pieces]
    quoted = [p for p, inside in zip(pieces, covered, strict=True) if inside]
    return quoted, [p for p, inside in zip(pieces, covered, strict=True) if not inside]


def bootstrap(quotes: Sequence[Quote], weights_hours: Floats) -> Bootstrap:
    """Non-overlapping contracts with flat prices that average back to every independent quote.

    Nested quotes give the usual residual contracts: the rest of a longer quote has one price. Where quotes only
    partly overlap they leave freedom, and the prices with the least hour-weighted variance are taken: minimise sum
    w (x - m)^2 over x and m with A x = b, whose optimality conditions are solved here. Arguments and errors as
    `select_quotes`.
    """
    selection = select_quotes(quotes, weights_hours)
    span, total = quoted_span(quotes), cumulative_hours(quotes, weights_hours)
    segments = [s for s in atomic_segments(quotes)[0] if hours_in(s, span, total) > 0]
    hours = np.array([hours_in(s, span, total) for s in segments])
    rows = np.array([[_inside(s, q.period) for s in segments] for q in selection.used]) * hours
    shares = rows / rows.sum(axis=1, keepdims=True)
    spread = shares / (hours / hours.mean())
    count = len(selection.used)
    system = np.zeros((count + 1, count + 1))
    system[:count, :count] = spread @ shares.T
    system[:count, count] = system[count, :count] = 1.0
    prices = np.array([quote.price_usd_per_mwh for quote in selection.used])
    solution = np.linalg.lstsq(system, np.append(prices, 0.0), rcond=None)[0]
    flat = solution[count] + spread.T @ solution[:count]
    return Bootstrap(tuple(segments), flat, selection)


def _inside(segment: Period, period: Period) -> bool:
    return period.start <= segment.start and segment.end <= period.end
