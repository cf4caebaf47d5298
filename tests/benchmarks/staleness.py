"""How long it takes to tell which of thousands of curves are stale. Run: python -m tests.benchmarks.staleness

The desk: 20 hubs with three years of hourly prices, a publication a day, every twentieth day restated in the end; ten
products of each hub quoted on each of 250 days; 5,000 curves built in between, of which each read another state.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from infra.clickhouse import ClickHouse
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import EventLog
from infra.objects import Objects
from infra.postgres import open_pool
from projections.projector import RelationalProjector
from projections.registry import relational_projections
from queries.staleness import stale_curves
from queries.view import ReadView
from read_models.prices import create_price_table
from tests.benchmarks.files import machine
from tests.plugins_clickhouse import publish, tick_rows

HUBS = [f"HUB-{number}" for number in range(20)]
DAYS, RESTATED_EVERY, QUOTED_DAYS, PRODUCTS, CURVES = 3 * 365, 20, 250, 10, 5_000
PAGE = 1_000
RUNS = 5
START = datetime(2023, 1, 1, tzinfo=UTC)

_HUBS = """
INSERT INTO instrument (instrument_id, tenant, name, iso, node, node_type, market, time_zone, recorded_at, log_position)
SELECT gen_random_uuid(), 'local', hub, 'PJM', hub, 'HUB', 'DA', 'America/New_York', now(), 1
FROM unnest(%s::text[]) hub
"""
_SCENARIO = """
INSERT INTO scenario (scenario_id, tenant, name, revision, growth_per_year, seasonal_weight, recorded_at, log_position)
VALUES (gen_random_uuid(), 'local', 'base', 1, 0.02, 1, now(), 1)
"""
_QUOTES = """
INSERT INTO quote (sheet_id, tenant, hub, product, price_usd_per_mwh, source, quoted_at, recorded_at, log_position)
SELECT gen_random_uuid(), 'local', hub, '2027-' || product, 40 + day, 'desk', %s::timestamptz + day * interval '1 day',
       now(), %s + day * 10
FROM unnest(%s::text[]) hub, generate_series(1, %s) product, generate_series(1, %s) day
"""
_CURVES = """
INSERT INTO curve (curve_id, tenant, hub, scenario, first_month, last_quoted_month, last_month, report, parameters,
                   digest, artifact_sha256, code_version, recorded_at, log_position)
SELECT gen_random_uuid(), 'local', (%(hubs)s::text[])[1 + n %% %(hub_count)s], 'base',
       '2027-01-01', '2027-12-01', '2050-12-01', '{}',
       jsonb_build_object('scenario_revision', 1, 'through_position', %(first)s + n / 2),
       '', '', '', now(), %(first)s + n / 2 + 1
FROM generate_series(1, %(curves)s) n
"""


def main() -> None:
    print(machine())
    with _desk() as (view, head):
        with view.pool.connection() as connection:
            ids = [row[0] for row in connection.execute("SELECT curve_id FROM curve ORDER BY log_position")]
        for name, asked in (("all", ids), (f"a page of {PAGE:,}", ids[-PAGE:]), ("one", ids[-1:])):
            _measure(view, name, asked, head)


@contextmanager
def _desk() -> Iterator[tuple[ReadView, int]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        postgres = EmbeddedPostgres.start(folder / "postgres")
        clickhouse = ClickHouse.embedded(folder / "clickhouse")
        try:
            with open_pool(postgres.dsn) as pool:
                recorder = PostgresRecorder(pool)
                recorder.create_schema()
                projections = relational_projections(Objects.in_folder(folder / "objects"))
                RelationalProjector(pool, EventLog(recorder), projections).load()
                create_price_table(clickhouse)
                head = _publish(clickhouse, first=2)
                yield ReadView(pool, clickhouse), _fill(pool, head)
        finally:
            clickhouse.close()
            postgres.stop()


def _publish(clickhouse: ClickHouse, first: int) -> int:
    """The days' publications, and behind all curves the restatements; returns the position of the last day."""
    behind = first + DAYS + CURVES + 10 * QUOTED_DAYS
    days = [(first + day, day, 30.0) for day in range(DAYS)]
    days += [(behind + day, day, 31.0) for day in range(0, DAYS, RESTATED_EVERY)]
    for position, day, price in days:
        rows = tick_rows(HUBS, START + timedelta(days=day), count=24, lmp_usd_per_mwh=price, node_type="HUB")
        publish(clickhouse, position, rows, iso="PJM", feed="da_hrl_lmps")
    return first + DAYS


def _fill(pool: Pool, first: int) -> int:
    with pool.connection() as connection:
        connection.execute(_HUBS, (HUBS,))
        connection.execute(_SCENARIO)
        connection.execute(_QUOTES, (START, first, HUBS, PRODUCTS, QUOTED_DAYS))
        curves = {"hubs": HUBS, "hub_count": len(HUBS), "first": first, "curves": CURVES}
        connection.execute(_CURVES, curves)
        connection.execute("ANALYZE")
    return 10**9


def _measure(view: ReadView, name: str, asked: list[UUID], as_of: int) -> None:
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        found = stale_curves(view, "local", asked, as_of)
        seconds.append(time.perf_counter() - started)
    if len(found) != len(asked):
        sys.exit(f"every curve was restated, but only {len(found)} of {len(asked)} are told to be stale")
    reasons = sum(map(len, found.values()))
    print(f"staleness of {name:>15}: median {1000 * statistics.median(seconds):.0f} ms, slowest "
          f"{1000 * max(seconds):.0f} ms ({len(asked):,} curves, {reasons:,} reasons)")  # fmt: skip


if __name__ == "__main__":
    main()
