"""How series lie in the engine."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from infra.clickhouse import ClickHouse
from read_models.prices import PublicationFacts
from read_models.series import DATASETS, create_series_table, series_table_rows

YEARS = [datetime(year, 1, 1, tzinfo=UTC) for year in range(1995, 2026)]
FACTS = PublicationFacts("p", "PJM", "f", "", "final", None, YEARS[-1], 1)


def test_places_of_thirty_years_are_one_part(clickhouse: ClickHouse) -> None:
    """Each part is some files of its own, all synced: thirty of them take many times what the rows do."""
    places = DATASETS["places"]
    columns = {name: [f"{name} {year}" for year in range(len(YEARS))] for name in places.labels}
    intervals = {"interval_start_utc": YEARS, "interval_end_utc": YEARS}
    rows = pa.table(columns | intervals | {"source_version": [0] * len(YEARS)})
    rows = pa.table([rows[f.name].cast(f.type) for f in places.rows_schema], schema=places.rows_schema)
    create_series_table(clickhouse, places)
    try:
        clickhouse.insert_arrow("ch.places", series_table_rows(places, FACTS, rows), deduplication_token="places")
        counted = "SELECT count() AS parts, sum(rows) AS n FROM system.parts WHERE table = 'places' AND active"
        found = clickhouse.query_arrow(counted).to_pylist()
    finally:
        clickhouse.command("DROP TABLE ch.places SYNC")
    assert found == [{"parts": 1, "n": len(YEARS)}]
