"""Feeds run against simulated operators as against real ones: plan, ask, follow, recognise, parse."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from integrations.isos.catalogue import parse, survey
from integrations.isos.feeds import Feed, Request
from integrations.isos.simulator.intervals import Intervals
from integrations.isos.simulator.market import PriceBlock
from integrations.isos.simulator.operator import Answer, Operator
from integrations.isos.simulator.shapes import Floats
from integrations.isos.ticks import ParsedPublication

NO_ROW = "with a header and no row"


@dataclass(frozen=True)
class Played:
    """A request and what the operator answered; None where it had nothing."""

    request: Request
    answer: Answer | None

    def publications(self) -> list[ParsedPublication]:
        """What the connector reads of the answer, of which it passes over nothing but tables without a row."""
        assert self.answer is not None, f"{self.request.key} was not answered"
        found = survey(self.request.name, self.answer.content, named=True)
        assert [skipped for skipped in found.skipped if NO_ROW not in skipped.reason] == []
        return [parse(payload) for payload in found.payloads]


def play(operator: Operator, feed: Feed, start_utc: datetime, end_utc: datetime, now_utc: datetime) -> list[Played]:
    """All requests that a feed makes for a stretch, without its lists, each answered at `now_utc`."""
    waiting, played = deque(feed.plan(start_utc, end_utc, now_utc)), []
    while waiting:
        request = waiting.popleft()
        answer = operator.answer(feed.source.name, request.path, request.params, now_utc)
        if not request.is_list:
            played.append(Played(request, answer))
        if answer is not None:
            assert answer.published_at_utc <= now_utc
            waiting.extend(feed.follow(request, answer.content))
    return played


def read(played: Iterable[Played]) -> list[ParsedPublication]:
    return [publication for one in played for publication in one.publications()]


def within(
    publications: Iterable[ParsedPublication], start_utc: datetime, end_utc: datetime
) -> list[ParsedPublication]:
    """The publications that have rows of intervals that start in a stretch, with these rows only."""
    found = []
    for publication in publications:
        start = publication.rows.column("interval_start_utc")
        inside = pc.and_(
            pc.greater_equal(start, pa.scalar(start_utc, start.type)), pc.less(start, pa.scalar(end_utc, start.type))
        )
        rows = publication.rows.filter(inside)
        if rows.num_rows:
            found.append(replace(publication, rows=rows))
    return found


def cut(block: PriceBlock, start_utc: datetime, end_utc: datetime) -> PriceBlock:
    """The intervals of a block that start in a stretch."""
    first, last = np.searchsorted(block.intervals.start_s, [start_utc.timestamp(), end_utc.timestamp()]).tolist()
    return block.during(slice(first, last))


def series(
    publications: Iterable[ParsedPublication], *labels: str, value: str
) -> dict[tuple[str, ...], dict[int, float]]:
    """Values by start in seconds since 1970 UTC, by the labels of their series."""
    found: dict[tuple[str, ...], dict[int, float]] = {}
    for publication in publications:
        for row in publication.rows.to_pylist():
            key = tuple(row[label] for label in labels)
            found.setdefault(key, {})[int(row["interval_start_utc"].timestamp())] = row[value]
    return found


def assert_series(found: dict[int, float], intervals: Intervals, values: Floats, digits: int = 2) -> None:
    """One series was read over these intervals as it was made, to so many digits."""
    assert sorted(found) == intervals.start_s.tolist()
    expected = dict(zip(intervals.start_s.tolist(), np.round(values, digits).tolist(), strict=True))
    np.testing.assert_allclose([found[start] for start in expected], list(expected.values()), atol=1e-9)


def column(publications: Sequence[ParsedPublication], name: str) -> NDArray[Any]:
    columns = [publication.rows.column(name) for publication in publications]
    if name.endswith("_utc"):
        return np.concatenate([values.cast("int64").to_numpy() for values in columns])
    return np.concatenate([np.array(values.to_pylist()) for values in columns])


def assert_same_prices(
    publications: Sequence[ParsedPublication], block: PriceBlock, *, components: str, has_types: bool
) -> None:
    """Every price of the block was read, and no other: place, interval and each component that the feed publishes."""
    intervals, places = block.intervals, block.places
    starts, ends = (np.repeat(side, len(places)) for side in (intervals.start_s, intervals.end_s))
    nodes = np.tile(np.array([place.node for place in places]), len(intervals))
    types = np.tile(np.array([place.node_type if has_types else "" for place in places]), len(intervals))
    read_starts, read_ends, read_nodes, read_types = (
        column(publications, name) for name in ("interval_start_utc", "interval_end_utc", "node", "node_type")
    )
    assert len(read_starts) == len(starts)
    made, found = np.lexsort((types, nodes, starts)), np.lexsort((read_types, read_nodes, read_starts))
    assert (read_starts[found] == starts[made]).all()
    assert (read_ends[found] == ends[made]).all()
    assert (read_nodes[found] == nodes[made]).all()
    assert (read_types[found] == types[made]).all()
    lmp = column(publications, "lmp_usd_per_mwh")[found]
    assert (lmp == block.lmp.ravel()[made] / block.units_per_usd).all(), "equal to the last bit"
    for component in ("energy", "congestion", "loss", "ghg"):
        values = column(publications, f"{component}_usd_per_mwh")[found]
        if component in components.split():
            # MISO prints no energy: it is a difference, and may be off in its last bit.
            expected = getattr(block, component).ravel()[made] / block.units_per_usd
            np.testing.assert_allclose(values.astype(float), expected, rtol=0, atol=1e-9)
        else:
            assert all(value is None for value in values.tolist())
