"""The one pass over a day's rows against a reckoning row by row, however versions come and overlap."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median_high
from typing import NamedTuple
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.clickhouse import ClickHouse
from infra.clickhouse_rows import together
from queries.quality import FeedToJudge, quality
from queries.quality_places import FEWEST_FOR_SPIKES, SPIKE_SCORE
from read_models.prices import price_table, publication_rows
from tests.plugins_clickhouse import HOUR, facts, tick_rows

DAY = date(2024, 7, 1)
MIDNIGHT = datetime(2024, 7, 1, 5, tzinfo=UTC)
VINTAGES = ("preliminary", "verified", "final")
PRICES = (20.0, 21.0, 25.0, 400.0, -3_000.0)
HOURS = 24


class Said(NamedTuple):
    """A row: hour 0 is the day's first; negative ones are of the days before."""

    node: str
    hour: int
    vintage: str
    version: int
    price: float


ROWS = st.lists(
    st.builds(
        Said,
        st.sampled_from("AB"),
        st.integers(-14, HOURS),
        st.sampled_from(VINTAGES),
        st.integers(0, 1),
        st.sampled_from(PRICES),
    ),
    min_size=1,
    max_size=60,
)


def reckoned(rows: list[Said]) -> tuple[Counter[tuple[str, int | None, str | None]], int, int]:
    """Findings by kind, hour and node, and how many rows say again what stood there, or another price."""
    said: defaultdict[tuple[str, int], list[tuple[int, int, int, float]]] = defaultdict(list)
    for position, row in enumerate(rows):
        said[row.node, row.hour].append((VINTAGES.index(row.vintage), row.version, position, row.price))
    found: Counter[tuple[str, int | None, str | None]] = Counter()
    repeated = restated = 0
    won = {key: max(versions)[3] for key, versions in said.items() if key[1] < HOURS}
    for (_, hour), versions in said.items():
        if 0 <= hour < HOURS:
            for old, new in pairwise(sorted(versions)):
                repeated += old[:2] == new[:2] and old[3] == new[3]
                restated += old[:2] == new[:2] and old[3] != new[3]
    of_day = {node for node, hour in won if hour >= 0}
    for hour in range(HOURS):
        if sum((node, hour) in won for node in of_day) < max(len(of_day), 1):
            found["gap", hour, None] += 1
    for node in of_day:
        prices = [price for (of, _), price in won.items() if of == node]
        middle = median_high(prices)
        scale = max(1.4826 * median_high([abs(price - middle) for price in prices]), 0.1 * abs(middle), 1.0)
        for hour in range(HOURS):
            price = won.get((node, hour), middle)
            if abs(price - middle) > SPIKE_SCORE * scale and len(prices) >= FEWEST_FOR_SPIKES:
                found["spike", hour, node] += 1
            if price < -2_000 and (node, hour) in won:
                found["range", hour, node] += 1
    if repeated:
        found["repeat", 0, None] += 1
    return found, repeated, restated


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_every_fault_is_found_and_none_invented(rows: list[Said], price_store: ClickHouse) -> None:
    """Each example is another feed; a row is a publication of its own."""
    feed = uuid4().hex
    said = [
        publication_rows(
            facts(position, feed=feed, market="RTH", vintage=row.vintage),
            tick_rows([row.node], MIDNIGHT + row.hour * HOUR, lmp_usd_per_mwh=row.price, source_version=row.version),
        )
        for position, row in enumerate(rows, start=1)
    ]
    price_store.insert_arrow(f"ch.{price_table()}", together(said), deduplication_token=feed)
    judged = FeedToJudge("prices", feed, "RTH", MIDNIGHT - timedelta(days=9))
    found = quality(price_store, "MISO", [DAY], [judged], now_utc=MIDNIGHT + 72 * HOUR, through_position=10**9)
    expected, repeated, restated = reckoned(rows)
    listed = Counter(
        (finding["kind"], (finding["interval_start_utc"] - MIDNIGHT) // HOUR, finding["node"])
        for finding in found.findings
    )
    assert listed == expected
    (day,) = found.days
    assert (day["repeated_rows"], day["restated_rows"]) == (repeated, restated)
